package sqlite_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// TestFallThrough puts a table of tenants into the global file, where it would
// serve a tenant whose own file lacks it. It is there before the first
// connection, or comes when one is in use.
func TestFallThrough(t *testing.T) {
	t.Parallel()
	for name, statement := range map[string]string{
		"table": "CREATE TABLE Memos AS SELECT 1 AS id, 't-one' AS tenant_id, 'secret' AS text, 1 AS account_memos",
		"view":  "CREATE VIEW memos AS SELECT 1 AS id, 't-one' AS tenant_id, 'secret' AS text, 1 AS account_memos",
	} {
		for _, late := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, late %t", name, late), func(t *testing.T) {
				t.Parallel()
				w := newWorld(t)
				if late {
					w.client.Memo.Query().CountX(as(t, w.one))
				}
				run(t, w.path(t, w.one), "DROP TABLE memos")
				run(t, w.config.Global, statement)
				memos, err := w.client.Memo.Query().All(as(t, w.one))
				if !errors.Is(err, sqlite.ErrMixed) {
					t.Errorf("found %v, %v", memos, err)
				}
				if _, err := w.client.Tx(as(t, w.one)); !errors.Is(err, sqlite.ErrMixed) {
					t.Errorf("a transaction: %v", err)
				}
				run(t, w.config.Global, "DROP "+strings.Fields(statement)[1]+" memos")
				if _, err := w.client.Memo.Query().All(as(t, w.one)); !errors.Is(err, tenancy.ErrNotProvisioned) {
					t.Errorf("when the global file is in order again: %v", err)
				}
			})
		}
	}
}

// TestHiddenGlobalTable has a tenant's file, and the home, hide a global table.
func TestHiddenGlobalTable(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run(t, w.path(t, w.one), "CREATE TABLE COUNTRIES (id INTEGER, code TEXT)")
	run(t, w.config.Home, "CREATE TABLE countries (id INTEGER, code TEXT)")
	for _, ctx := range []context.Context{as(t, w.one), as(t, w.shared), system(t)} {
		if _, err := w.client.Country.Query().All(ctx); !errors.Is(err, sqlite.ErrMixed) {
			t.Error(err)
		}
	}
	if _, err := w.client.Country.Query().All(as(t, w.two)); err != nil {
		t.Errorf("a tenant whose file is in order: %v", err)
	}
}

func TestTablesInBothFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, path := range []string{w.config.Global, w.path(t, w.one), w.path(t, w.two)} {
		run(t, path, "CREATE TABLE atlas_schema_revisions (version TEXT)")
	}
	if _, err := w.client.Memo.Query().All(as(t, w.one)); err != nil {
		t.Errorf("with Atlas' table in both: %v", err)
	}
	for _, path := range []string{w.config.Global, w.path(t, w.two)} {
		run(t, path, "CREATE TABLE goose_db_version (version TEXT)")
	}
	if _, err := w.client.Memo.Query().All(as(t, w.two)); !errors.Is(err, sqlite.ErrMixed) {
		t.Errorf("with another tool's table in both: %v", err)
	}
	w.config.InBoth = []string{"Atlas_schema_revisions", "goose_db_version"}
	files, err := sqlite.New(w.config)
	must(t, err)
	database, err := files.Open(t.Context(), w.two)
	must(t, err)
	db := sql.OpenDB(database.Connector)
	defer db.Close()
	if err := db.PingContext(t.Context()); err != nil {
		t.Errorf("with that table named in Config.InBoth: %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := strings.ReplaceAll(w.path(t, w.two), "'", "''")
	copied := strings.ReplaceAll(filepath.Join(w.dir, "copy.db"), "'", "''")
	for _, query := range []string{
		"ATTACH '" + other + "' AS other", "attach database '" + other + "' as other", "/* a */ ATTACH '" + other + "' AS other",
		"-- a\n\tATTACH '" + other + "' AS other", "SELECT ';'; ATTACH '" + other + "' AS other", ";ATTACH '" + other + "' AS other",
		"SELECT 1 AS [a;b], `c;d`, \"e;f\";ATTACH '" + other + "' AS other",
		"SELECT $a('); ATTACH '" + other + "' AS other; --')", "SELECT $a::b(\"); ATTACH '" + other + "' AS other; --\")",
		"\ufeffATTACH '" + other + "' AS other",
		"DETACH tenancy_global", "VACUUM INTO '" + copied + "'", "vacuum \"main\" into '" + copied + "'", "VACUUM main INTO '" + copied + "'",
	} {
		for _, tenant := range w.all() {
			if _, err := w.drv.ExecContext(as(t, tenant), query); !errors.Is(err, sqlite.ErrRefused) {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
			if _, err := column(w.drv.QueryContext(as(t, tenant), query)); !errors.Is(err, sqlite.ErrRefused) {
				t.Errorf("%s, %q as a query: %v", tenant, query, err)
			}
		}
	}
	db := sql.OpenDB(w.files.Home())
	defer db.Close()
	if _, err := db.PrepareContext(t.Context(), "ATTACH 'a' AS b"); !errors.Is(err, sqlite.ErrRefused) { //nolint:sqlclosecheck // there is none
		t.Errorf("prepared: %v", err)
	}
	for _, query := range []string{"VACUUM", "SELECT 'ATTACH'; SELECT ';ATTACH' -- ; ATTACH"} {
		if _, err := w.drv.ExecContext(as(t, w.one), query); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	}
	if _, err := w.drv.ExecContext(system(t), "VACUUM INTO '"+copied+"'"); err != nil {
		t.Errorf("a System scope copies the home: %v", err)
	}
}

// TestUnusablePlacement tries to get at the files of others, and out of the directory.
func TestUnusablePlacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, os.Link(w.config.Global, filepath.Join(w.config.Dir, "linked.db")))
	must(t, os.Symlink(w.config.Home, filepath.Join(w.config.Dir, "home.db")))
	run(t, filepath.Join(w.dir, "outside.db"), "CREATE TABLE memos (id INTEGER, tenant_id TEXT, text TEXT)")
	for _, name := range []string{
		"", ".", "..", "../outside", "../global", "a/../../outside", `..\outside`, "/etc/passwd", "a\x00b", ".hidden", "-a", "_a",
		"One", "é", "a b", "a'b", "a?mode=rwc", "a%2fb", "a:b", "con", "nul.txt", "com1", "lpt9.x", strings.Repeat("a", 101), "linked", "home",
	} {
		bad := tenant(name)
		bad.ID = "bad"
		if _, err := w.client.Memo.Query().All(as(t, bad)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, address := range []string{
		"hunter2", fileURL(w.config.Global), fileURL(w.config.Home), fileURL(filepath.Join(w.config.Dir, "linked.db")),
		fileURL(w.dir + "/hunter2/../one.db"), "file:hunter2.db", "file://hunter2" + w.dir, fileURL(w.path(t, w.one)) + "?key=hunter2",
		"file:/hunter2%00", "sqlite:/hunter2", "file:///hunter2#a", "file:/%hunter2", ":memory:", "file::memory:",
	} {
		own := tenancy.Tenant{ID: "bad", Isolation: tenancy.IsolationDatabase}
		own.Placement.DatabaseURL = tenancy.NewSecret(address)
		_, err := w.client.Memo.Query().All(as(t, own))
		if !errors.Is(err, tenancy.ErrInvalidPlacement) || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", address, err)
		}
	}
}

func TestErrorsDoNotShowTheURL(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	own := w.own
	own.ID = "elsewhere"
	own.Placement.DatabaseURL = tenancy.NewSecret(fileURL(filepath.Join(w.dir, "hunter2.db")))
	check := func(what string) {
		if _, err := w.client.Memo.Query().All(as(t, own)); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", what, err)
		}
	}
	check("no file")
	must(t, os.Mkdir(filepath.Join(w.dir, "hunter2.db"), 0o700))
	check("a directory")
	must(t, os.Remove(filepath.Join(w.dir, "hunter2.db")))
	must(t, os.WriteFile(filepath.Join(w.dir, "hunter2.db"), []byte(strings.Repeat("not a database", 100)), 0o600))
	check("no database")
	own.Placement.DatabaseURL = tenancy.NewSecret(fileURL(filepath.Join(w.config.Home, "hunter2")))
	check("a file for a directory")
}

// TestPathOfOthers asks for files that are not there yet, as provisioning does.
func TestPathOfOthers(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	files, err := sqlite.New(sqlite.Config{
		Driver: &modernc.Driver{}, Metadata: migrate.Tenancy, Dir: dir, Global: filepath.Join(dir, "Global.db"), Home: filepath.Join(dir, "home.db"),
	})
	must(t, err)
	for _, name := range []string{"global", "home"} {
		if path, err := files.Path(tenant(name)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("%s, %v", path, err)
		}
	}
	if path := filepath.Join(dir, "acme.db"); (&world{files: files}).path(t, tenant("acme")) != path {
		t.Errorf("want %s", path)
	}
	shared := tenancy.Tenant{ID: "shared", Isolation: tenancy.IsolationShared}
	if _, err := files.Path(shared); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("a shared tenant: %v", err)
	}
}

func TestConfig(t *testing.T) {
	t.Parallel()
	good := sqlite.Config{Driver: &modernc.Driver{}, Dir: t.TempDir()}
	if _, err := sqlite.New(good); err != nil {
		t.Error(err)
	}
	for name, change := range map[string]func(*sqlite.Config){
		"Config.Driver":      func(c *sqlite.Config) { c.Driver = nil },
		"Config.Metadata":    func(c *sqlite.Config) { c.Global = "a.db" },
		"Config.BusyTimeout": func(c *sqlite.Config) { c.BusyTimeout = -1 },
	} {
		bad := good
		change(&bad)
		if _, err := sqlite.New(bad); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: %v", name, err)
		}
	}
	files, err := sqlite.New(good)
	must(t, err)
	db := sql.OpenDB(files.Home())
	defer db.Close()
	if err := db.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "Config.Home") {
		t.Errorf("no home: %v", err)
	}
}
