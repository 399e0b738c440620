// Package strip_test shows that the attacks bite: with any one of the places
// that keep tenants apart taken away, some attack succeeds.
//
// It takes minutes, and runs on request only:
//
//	TENANCY_TEST_STRIP=1 go test -v -timeout 60m ./isolation/strip
package strip_test

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	// What the points are found in: without the imports, `go test` would take the
	// result of an earlier run for this one's, whatever has changed there.
	_ "github.com/entenancy/tenancy/entext"
	_ "github.com/entenancy/tenancy/privacy"
)

func TestStrip(t *testing.T) {
	if os.Getenv("TENANCY_TEST_STRIP") == "" {
		t.Skip("it takes minutes: set TENANCY_TEST_STRIP=1")
	}
	whole := checkout(t)
	known := failing(t, whole) // none, unless something leaks as it is
	t.Logf("nothing stripped: %d failing tests", len(known))
	for _, p := range points() {
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(whole)); err != nil {
				t.Fatal(err)
			}
			p.strip(t, dir)
			var bites []string
			for _, test := range failing(t, dir) {
				if !slices.Contains(known, test) {
					bites = append(bites, test)
				}
			}
			if len(bites) == 0 {
				t.Errorf("| %s | NONE |", p.name)
				return
			}
			t.Logf("| %s | %d: %s |", p.name, len(bites), bites[0])
		})
	}
}

// TestPointsAreThere finds every point where the code is now.
func TestPointsAreThere(t *testing.T) {
	t.Parallel()
	for _, p := range points() {
		p.find(t, "../../../..")
	}
}

// find returns the text of the point's file in the checkout in dir.
func (p point) find(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, p.file))
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(text), p.old); n != 1 {
		t.Fatalf("%s: %s: %d places read %q, want one: bring the points up to date", p.name, p.file, n, p.old)
	}
	return string(text)
}

// strip takes the point out of the checkout in dir.
func (p point) strip(t *testing.T, dir string) {
	t.Helper()
	stripped := strings.Replace(p.find(t, dir), p.old, p.new, 1)
	if err := os.WriteFile(filepath.Join(dir, p.file), []byte(stripped), 0o600); err != nil {
		t.Fatal(err)
	}
	if p.generates {
		if out, err := run(t, dir, "go", "generate", "./isolation/..."); err != nil {
			t.Fatalf("go generate: %v\n%s", err, out)
		}
	}
}

// failing returns the tests that fail on SQLite. Code that does not compile is
// no proof of anything.
func failing(t *testing.T, dir string) []string {
	t.Helper()
	out, _ := run(t, dir, "go", "test", "-vet=off", "-count=1", "-json", "-timeout=5m", "-run", "^(TestAttacks|TestTenantsAtOnce|TestUUID|TestInt64|TestBulkUpsertsLink)$/^SQLite$", "./isolation", "./isolation/typed")
	if bytes.Contains(out, []byte(`"build-fail"`)) {
		t.Fatalf("it does not compile:\n%s", out)
	}
	var tests []string
	for line := range strings.Lines(string(out)) {
		var event struct{ Action, Test string }
		if json.Unmarshal([]byte(line), &event) == nil && event.Action == "fail" && event.Test != "" {
			tests = append(tests, event.Test)
		}
	}
	return leaves(tests)
}

// leaves returns the tests that are not the parent of another.
func leaves(tests []string) []string {
	return slices.DeleteFunc(slices.Clone(tests), func(name string) bool {
		return slices.ContainsFunc(tests, func(other string) bool { return strings.HasPrefix(other, name+"/") })
	})
}

// run runs a command in the integration module of the checkout in dir.
func run(t *testing.T, dir, name string, args ...string) ([]byte, error) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), name, args...)
	cmd.Dir = filepath.Join(dir, "internal", "integration")
	cmd.Env = append(os.Environ(), "GOWORK=off", "GOFLAGS=-mod=mod -trimpath", "TENANCY_TEST_SLOW=1")
	return cmd.CombinedOutput()
}

// checkout copies what the suite needs into a directory of its own.
func checkout(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	for _, path := range []string{"go.mod", "go.sum", "internal", "entext", "privacy", "schema", "driver"} {
		if err := copyTree(filepath.Join("../../../..", path), filepath.Join(dir, path)); err != nil {
			t.Fatal(err)
		}
	}
	root, err := filepath.Glob("../../../../*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range root {
		if err := copyTree(file, filepath.Join(dir, filepath.Base(file))); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func copyTree(from, to string) error {
	return filepath.WalkDir(from, func(path string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		target := to + strings.TrimPrefix(path, from)
		if entry.IsDir() {
			return os.MkdirAll(target, 0o700)
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		return os.WriteFile(target, text, 0o600)
	})
}
