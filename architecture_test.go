package tenancy_test

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/entenancy/tenancy"

// ranks says how far up each package of this module stands. A package imports packages of a strictly lower rank only, so no import goes
// up or sideways, and each package can be understood with what is below it. The ranks are ten apart to leave room between them.
//
// A path that ends in "/..." is a tree that counts as one package: generated code, or packages that are internal to one. The depguard
// rules in .golangci.yml hold the same ranks in an editor; change both.
func ranks() map[string]int {
	return map[string]int{
		".": 0, // the domain: standard library only

		"internal/tableplaces": 5, // for privacy
		"internal/panicked":    5,
		"internal/replica":     5, // for privacy

		"schema":        10,
		"privacy":       10,
		"crypt/...":     10,
		"ratelimit/...": 10,
		"audit":         10,
		"envelope":      10,
		"observe":       10,
		"quota":         10,

		"quota/quotatest": 15,

		"schema/mixin":     20,
		"driver":           20,
		"entext/...":       20,
		"registry/ent/...": 20,

		"driver/postgres":   25,
		"driver/mysql":      25,
		"driver/sqlite":     25,
		"driver/drivertest": 25,

		"registry":    30,
		"middleware":  30,
		"migrate/...": 30,

		"metrics":                   35,
		"registry/registrytest":     35,
		"middleware/middlewaretest": 35,

		"manager/...": 40,
	}
}

// rankInternal is the rank of each package below internal/ that has no other. Every one of them is a tree of its own.
const rankInternal = 10

// imported is one import of a file that is not a test.
type imported struct {
	from string // the importing package's directory in this module, "." for the root
	file string // the file's name
	path string // the imported path
}

func TestArchitecture(t *testing.T) {
	packages, imports := readModule(t, ".")
	if len(packages) == 0 || len(imports) == 0 {
		t.Fatalf("read %d packages with %d imports: the test looks in the wrong place", len(packages), len(imports))
	}
	for _, violation := range violations(packages, imports) {
		t.Error(violation)
	}
}

// TestArchitectureSeesViolations shows the check what it must refuse, and what it must not.
func TestArchitectureSeesViolations(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name    string
		imports []imported
		want    string // part of the one violation, "" for none
	}{
		{"root, standard library", []imported{{".", "tenant.go", "context"}}, ""},
		{"root, other module", []imported{{".", "tenant.go", "github.com/google/uuid"}}, "standard library only"},
		{"root, own module", []imported{{".", "tenant.go", module + "/schema"}}, "standard library only"},
		{"lower rank", []imported{{"driver", "driver.go", module + "/privacy"}}, ""},
		{"root from anywhere", []imported{{"schema", "doc.go", module}}, ""},
		{"same rank", []imported{{"schema", "doc.go", module + "/privacy"}}, "rank"},
		{"higher rank", []imported{{"registry", "store.go", module + "/manager"}}, "rank"},
		{"driver from a driver", []imported{{"driver/postgres", "conn.go", module + "/driver"}}, ""},
		{"one driver from another", []imported{{"driver/postgres", "conn.go", module + "/driver/sqlite"}}, "rank"},
		{"within a tree", []imported{{"registry/ent/tenant", "where.go", module + "/registry/ent/predicate"}}, ""},
		{"out of a tree", []imported{{"registry/ent/schema", "tenant.go", module + "/registry"}}, "rank"},
		{"within one internal tree", []imported{{"internal/ident", "a.go", module + "/internal/ident/quote"}}, ""},
		{"between internal trees", []imported{{"internal/ident", "a.go", module + "/internal/sqltest"}}, "rank"},
		{"internal from above", []imported{{"driver", "driver.go", module + "/internal/ident"}}, ""},
		{"a package without a rank", []imported{{"util", "util.go", "fmt"}}, "has no rank"},
		{"an imported package without a rank", []imported{{"manager", "manager.go", module + "/util"}}, "has no rank"},
		{"entc in a linked package", []imported{{"schema/mixin", "mixin.go", "entgo.io/ent/entc/gen"}}, "only entext"},
		{"entc in entext", []imported{{"entext", "extension.go", "entgo.io/ent/entc/gen"}}, ""},
		{"entc in entc.go", []imported{{"registry/ent", "entc.go", "entgo.io/ent/entc"}}, ""},
		{"a path that only looks like entc", []imported{{"driver", "driver.go", "entgo.io/ent/entcache"}}, ""},
		{"entext in a library package", []imported{{"manager", "manager.go", module + "/entext"}}, "only an entc.go"},
		{"entext in entc.go", []imported{{"registry/ent", "entc.go", module + "/entext"}}, ""},
		{"ent in middleware", []imported{{"middleware", "handler.go", "entgo.io/ent/dialect"}}, "middleware does not need ent"},
		{
			"ent in what middleware imports",
			[]imported{{"middleware", "handler.go", module + "/privacy"}, {"privacy", "filter.go", "entgo.io/ent"}},
			"middleware does not need ent",
		},
		{"ent elsewhere", []imported{{"privacy", "filter.go", "entgo.io/ent"}}, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			packages := make([]string, 0, len(test.imports))
			for _, i := range test.imports {
				packages = append(packages, i.from)
			}
			got := violations(packages, test.imports)
			switch {
			case test.want == "" && len(got) > 0:
				t.Errorf("want no violation, got %q", got)
			case test.want != "" && (len(got) != 1 || !strings.Contains(got[0], test.want)):
				t.Errorf("want one violation with %q, got %q", test.want, got)
			}
		})
	}
}

// violations returns what is wrong with the packages of this module and their imports, one line each.
func violations(packages []string, imports []imported) []string {
	var found []string
	for _, name := range packages {
		if _, _, ok := rankOf(name); !ok {
			found = append(found, fmt.Sprintf("package %s has no rank: add it to ranks() in architecture_test.go and to .golangci.yml", name))
		}
		if !isBelow(name, "middleware") {
			continue
		}
		if chain := chainToEnt(name, imports); chain != nil {
			found = append(found, "middleware does not need ent, and yet: "+strings.Join(chain, " imports "))
		}
	}
	for _, i := range imports {
		if reason := forbidden(i); reason != "" {
			found = append(found, fmt.Sprintf("%s imports %s: %s", path.Join(i.from, i.file), i.path, reason))
		}
	}
	return found
}

// forbidden returns why a package must not make this import, or "" if it may.
func forbidden(i imported) string {
	target, own := strings.CutPrefix(i.path+"/", module+"/")
	target = path.Clean(target)
	switch {
	case i.from == "." && !inStandardLibrary(i.path):
		return "the root package is for everyone, so it uses the standard library only"
	case i.file == "entc.go" && (own && target == "entext" || isBelow(i.path, "entgo.io/ent/entc")):
		return ""
	case isBelow(i.path, "entgo.io/ent/entc") && !isBelow(i.from, "entext"):
		return "only entext generates code; this package is linked into applications"
	case own && isBelow(target, "entext") && !isBelow(i.from, "entext"):
		return "only an entc.go uses entext, at build time"
	case own:
		return forbiddenRank(i.from, target)
	default:
		return ""
	}
}

func forbiddenRank(from, target string) string {
	fromRank, fromTree, known := rankOf(from)
	targetRank, targetTree, targetKnown := rankOf(target)
	switch {
	case !targetKnown:
		return "it has no rank in architecture_test.go"
	case !known || fromTree == targetTree || fromRank > targetRank:
		return ""
	default:
		return fmt.Sprintf("rank %d may import lower ranks only, and that is rank %d", fromRank, targetRank)
	}
}

// rankOf returns the rank of a package of this module, and the root of the tree that it counts to: itself, where it is alone.
func rankOf(name string) (rank int, tree string, ok bool) {
	if rank, ok := ranks()[name]; ok {
		return rank, name, true
	}
	if below, ok := strings.CutPrefix(name, "internal/"); ok {
		first, _, _ := strings.Cut(below, "/")
		return rankInternal, "internal/" + first, true
	}
	for root := name; root != "."; root = path.Dir(root) {
		if rank, ok := ranks()[root+"/..."]; ok {
			return rank, root, true
		}
	}
	return 0, "", false
}

// chainToEnt returns the packages through which a package of this module comes to import ent, or nil if it does not.
func chainToEnt(from string, imports []imported) []string {
	for _, i := range imports {
		if i.from != from || i.file == "entc.go" {
			continue
		}
		if isBelow(i.path, "entgo.io/ent") {
			return []string{from, i.path}
		}
		// The imports of a package with an import upwards may go in circles. That is a violation of its own.
		if target, own := strings.CutPrefix(i.path, module+"/"); own && forbidden(i) == "" {
			if rest := chainToEnt(target, imports); rest != nil {
				return append([]string{from}, rest...)
			}
		}
	}
	return nil
}

// isBelow reports whether an import path is root or a package below it.
func isBelow(name, root string) bool {
	return name == root || strings.HasPrefix(name, root+"/")
}

// inStandardLibrary goes by the rule of the go command: a path with a dot in its first element names a module.
func inStandardLibrary(name string) bool {
	first, _, _ := strings.Cut(name, "/")
	return !strings.Contains(first, ".")
}

// readModule returns the packages of the module at root, and all imports of their files but tests'. Modules inside it are left out.
func readModule(t *testing.T, root string) (packages []string, imports []imported) {
	t.Helper()
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir():
			return skipOther(root, name)
		case !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go"):
			return nil
		}
		from := filepath.ToSlash(filepath.Dir(name))
		if !slices.Contains(packages, from) {
			packages = append(packages, from)
		}
		inFile, err := readImports(name, from)
		imports = append(imports, inFile...)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return packages, imports
}

// skipOther returns [filepath.SkipDir] for a directory that the go command would not look into either, or that is a module of its own.
func skipOther(root, name string) error {
	if name == root {
		return nil
	}
	base := filepath.Base(name)
	if base == "testdata" || strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") {
		return filepath.SkipDir
	}
	if _, err := os.Stat(filepath.Join(name, "go.mod")); err == nil {
		return filepath.SkipDir
	}
	return nil
}

func readImports(name, from string) ([]imported, error) {
	file, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
	if err != nil {
		return nil, err
	}
	imports := make([]imported, 0, len(file.Imports))
	for _, spec := range file.Imports {
		target, err := strconv.Unquote(spec.Path.Value)
		if err != nil {
			return nil, err
		}
		imports = append(imports, imported{from: from, file: filepath.Base(name), path: target})
	}
	return imports, nil
}
