package migratediff_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/migrate/diff"
)

// TestSecondDiffIsEmpty also reads the files: they are those of a project.
func TestSecondDiffIsEmpty(t *testing.T) {
	t.Parallel()
	for title, configure := range map[string]func(testing.TB, string) diff.Config{"shop": shop, "typed": typedShop} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, name string) {
				t.Helper()
				config := configure(t, name)
				if err := diff.Check(t.Context(), config); !errors.Is(err, diff.ErrBehind) {
					t.Errorf("nothing is made yet, and Check says %v", err)
				}
				written := named(t, config, "init")
				if len(written) == 0 {
					t.Fatal("nothing was written")
				}
				valid(t, config)
				for _, finding := range linted(t, config) {
					t.Errorf("lint: %v\n%s", finding, finding.Statement)
				}
				if again := named(t, config, "again"); len(again) > 0 {
					text, err := os.ReadFile(again[0])
					must(t, err)
					t.Errorf("a second diff wrote %q:\n%s", again, text)
				}
				must(t, diff.Check(t.Context(), config))
			})
		})
	}
}

// TestDevDatabaseIsLeftClean looks for what a diff has left, and for what it
// has touched.
func TestDevDatabaseIsLeftClean(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	run(t, config.Dev, "CREATE TABLE mine (id int)")
	named(t, config, "init")
	broken := filepath.Join(config.Dir, diff.TenantDir, "99991231235959_broken.sql")
	must(t, os.WriteFile(broken, []byte("CREATE TABLE half (id int);\nSELECT 1/0;\n"), 0o600))
	must(t, diff.Hash(config.Dir))
	if _, err := diff.Named(t.Context(), config, "more"); err == nil || !strings.Contains(err.Error(), "99991231235959_broken.sql") {
		t.Errorf("a broken file gives %v", err)
	}
	got := lines(t, config.Dev, `SELECT nspname || '.' || relname FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
		WHERE nspname LIKE 'tenancy\_dev%' OR nspname = 'public' ORDER BY 1`)
	if !slices.Equal(got, []string{"public.mine"}) {
		t.Errorf("there is %q", got)
	}
	if path := lines(t, config.Dev, "SHOW search_path"); strings.Contains(path[0], "tenancy_dev") {
		t.Errorf("a connection went back to the pool with the search path %q", path)
	}
}

func TestEditedFilesAreRefused(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	path := named(t, config, "init")[0]
	text, err := os.ReadFile(path)
	must(t, err)
	must(t, os.WriteFile(path, append(text, "-- more\n"...), 0o600))
	if _, err := diff.Named(t.Context(), config, "more"); err == nil || !strings.Contains(err.Error(), "diff.Hash") {
		t.Errorf("an edited file gives %v", err)
	}
	must(t, diff.Hash(config.Dir))
	must(t, diff.Check(t.Context(), config))
}

// TestOneVersionTwiceIsRefused: so it is by the runner, and a new file would not help.
func TestOneVersionTwiceIsRefused(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	named(t, config, "init")
	for _, name := range []string{"99991231235958_a.sql", "99991231235958_b.sql"} {
		must(t, os.WriteFile(filepath.Join(config.Dir, diff.TenantDir, name), []byte("-- nothing yet\n"), 0o600))
	}
	must(t, diff.Hash(config.Dir))
	_, err := diff.Named(t.Context(), config, "more")
	for _, err := range []error{err, diff.Check(t.Context(), config)} {
		if err == nil || !strings.Contains(err.Error(), "99991231235958_b.sql") || !strings.Contains(err.Error(), "same version as 99991231235958_a.sql") {
			t.Errorf("got %v", err)
		}
	}
}

// TestFilesThatEscapeAreNotReplayed keeps the dev database safe.
func TestFilesThatEscapeAreNotReplayed(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	named(t, config, "init")
	path := filepath.Join(config.Dir, diff.TenantDir, "99991231235959_away.sql")
	must(t, os.WriteFile(path, []byte("CREATE TABLE public.away (id int);\n"), 0o600))
	must(t, diff.Hash(config.Dir))
	if _, err := diff.Named(t.Context(), config, "more"); err == nil || !strings.Contains(err.Error(), "qualified") {
		t.Errorf("got %v", err)
	}
	if got := lines(t, config.Dev, "SELECT coalesce(to_regclass('public.away')::text, '')"); got[0] != "" {
		t.Error("it was replayed")
	}
}

// stepsOf returns the directories and names of files, without their versions.
func stepsOf(written []string) []string {
	var names []string
	for _, path := range written {
		_, name, _ := strings.Cut(strings.TrimSuffix(filepath.Base(path), ".sql"), "_")
		names = append(names, filepath.Base(filepath.Dir(path))+"/"+name)
	}
	return names
}

// TestChangesAreWritten adds a column, an index and a table, one after another.
func TestChangesAreWritten(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		t.Helper()
		config := shop(t, name)
		tables, err := entschema.CopyTables(config.Tables)
		must(t, err)
		config.Tables = tables
		named(t, config, "init")
		place := database(t, name)
		apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
		for _, table := range tables {
			if table.Name == "orders" {
				column := &entschema.Column{Name: "remark", Type: field.TypeString, Nullable: true}
				table.Columns = append(table.Columns, column)
				table.Indexes = append(table.Indexes, &entschema.Index{Name: "order_remark", Columns: []*entschema.Column{column}})
			}
		}
		written := named(t, config, "add_remark")
		want := map[string][]string{
			dialect.Postgres: {"tenant/add_remark_columns", "tenant/add_remark_indexes", "shared/add_remark_columns", "shared/add_remark_indexes"},
			dialect.MySQL:    {"tenant/add_remark", "shared/add_remark"},
			dialect.SQLite:   {"tenant/add_remark", "shared/add_remark"},
		}[name]
		if got := stepsOf(written); !slices.Equal(got, want) {
			t.Fatalf("wrote %q", got)
		}
		apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 1)
		valid(t, config)
		must(t, diff.Check(t.Context(), config))
	})
}

// TestGlobalFile has a file of global tables, in which there must be no others.
func TestGlobalFile(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	config.GlobalFile = true
	named(t, config, "init")
	_, globals, err := driver.SplitTables(config.Tables, config.Tenancy)
	must(t, err)
	place := database(t, dialect.SQLite)
	apply(t, place, filepath.Join(config.Dir, diff.SharedDir), 0)
	made := lines(t, place, "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite%'")
	if len(globals) == 0 || len(made) != len(globals) {
		t.Errorf("the global file has %q", made)
	}
	must(t, diff.Check(t.Context(), config))

	config.Dialect = dialect.Postgres
	if err := diff.Check(t.Context(), config); err == nil || !strings.Contains(err.Error(), "GlobalFile") {
		t.Errorf("on PostgreSQL: %v", err)
	}
}
