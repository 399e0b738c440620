package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// newLite makes a home and a file for each tenant, whose path is its schema.
func newLite(tb testing.TB, tenants int) *fleet {
	tb.Helper()
	dsn := servers.SQLite(tb)
	f := &fleet{t: tb, dialect: dialect.SQLite, home: open(tb, "sqlite", dsn), url: dsn}
	dir := tb.TempDir()
	for i := range tenants {
		path := filepath.Join(dir, fmt.Sprintf("t%03d.db", i))
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			tb.Fatal(err)
		}
		f.record(f.tenantOf(path))
	}
	return f
}

func openLite(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
	path := t.Placement.Schema
	if _, err := os.Stat(path); err != nil {
		return migrate.Database{}, fmt.Errorf("%w: %w", tenancy.ErrNotProvisioned, err)
	}
	db, err := sql.Open("sqlite", "file:"+path+"?mode=rw&_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)")
	return migrate.Database{DB: db, Server: "files"}, err
}

func withLite(c *migrate.Config) { c.Open = openLite }

// lite are migrations as Atlas writes them for SQLite: a change of a column makes the table anew.
func lite() files {
	return files{
		"20260101000000_init.sql": "CREATE TABLE `notes` (`id` integer NOT NULL PRIMARY KEY, `text` text NOT NULL);\n" +
			"CREATE TABLE `lines` (`id` integer NOT NULL PRIMARY KEY, `note` integer NOT NULL REFERENCES `notes` (`id`) ON DELETE CASCADE);\n" +
			"INSERT INTO `notes` (`id`, `text`) VALUES (1, 'once');\nINSERT INTO `lines` (`id`, `note`) VALUES (1, 1);\n",
		"20260102000000_anew.sql": "-- Disable the enforcement of foreign-keys constraints\nPRAGMA foreign_keys = off;\n" +
			"CREATE TABLE `new_notes` (`id` integer NOT NULL PRIMARY KEY, `text` text NULL);\n" +
			"INSERT INTO `new_notes` (`id`, `text`) SELECT `id`, `text` FROM `notes`;\nDROP TABLE `notes`;\n" +
			"ALTER TABLE `new_notes` RENAME TO `notes`;\nPRAGMA foreign_keys = on;\n",
	}
}

func (f *fleet) wantLite() {
	f.t.Helper()
	for _, tenant := range f.tenants {
		opened, err := openLite(f.t.Context(), tenant)
		if err != nil {
			f.t.Fatal(err)
		}
		got := one[string](f.t, opened.DB, "SELECT (SELECT count(*) FROM notes) || ' ' || (SELECT count(*) FROM lines) || ' ' || count(*) || ' ' || sum(applied) FROM atlas_schema_revisions")
		if got != "1 1 2 10" {
			f.t.Errorf("%s: %s", tenant.ID, got)
		}
		opened.DB.Close()
	}
}

func TestSQLiteApplies(t *testing.T) {
	t.Parallel()
	f := newLite(t, 5)
	d := directory(t, dialect.SQLite, lite())
	wantReport(t, apply(t, f.runner(d, withLite)), 5, 0, 0, 0)
	f.wantLite()
	wantReport(t, apply(t, f.runner(d, withLite)), 0, 5, 0, 0)
}

func TestSQLiteFailureLeavesNothing(t *testing.T) {
	t.Parallel()
	f := newLite(t, 2)
	bad := lite()
	bad["20260103000000_bad.sql"] = "CREATE TABLE `x` (`id` integer);\nDELETE FROM `missing`;\n"
	_, failed := failures(t, f.runner(directory(t, dialect.SQLite, bad), withLite))
	if got := failed[f.tenants[0].ID]; got.File != "20260103000000_bad.sql" || got.Line != 2 {
		t.Errorf("got %+v", got)
	}
	opened, err := openLite(t.Context(), f.tenants[0])
	if err != nil {
		t.Fatal(err)
	}
	defer opened.DB.Close()
	if n := one[int](t, opened.DB, "SELECT count(*) FROM sqlite_master"); n != 0 {
		t.Errorf("%d things were left", n)
	}
}

func TestSQLiteDanglingRowsAreRefused(t *testing.T) {
	t.Parallel()
	f := newLite(t, 1)
	bad := lite()
	bad["20260103000000_bad.sql"] = "DELETE FROM `notes`;\n"
	if report, _ := failures(t, f.runner(directory(t, dialect.SQLite, bad), withLite)); report.Failed != 1 {
		t.Errorf("got %+v", report)
	}
}

func TestSQLiteErasedTenantIsNotMadeAgain(t *testing.T) {
	t.Parallel()
	f := newLite(t, 2)
	path := f.tenants[1].Placement.Schema
	if err := os.Remove(path); err != nil {
		t.Fatal(err)
	}
	_, failed := failures(t, f.runner(directory(t, dialect.SQLite, lite()), withLite))
	if !errors.Is(failed[f.tenants[1].ID].Err, tenancy.ErrNotProvisioned) {
		t.Errorf("got %v", failed)
	}
	if _, err := os.Stat(path); err == nil {
		t.Error("there is a file")
	}
}

func TestSQLiteTwoRunnersAtOnce(t *testing.T) {
	t.Parallel()
	f := newLite(t, 10)
	d := directory(t, dialect.SQLite, lite())
	done := make(chan error, 2)
	for range 2 {
		go func() {
			_, err := f.runner(d, withLite).Apply(t.Context())
			done <- err
		}()
	}
	if err := errors.Join(<-done, <-done); err != nil {
		t.Error(err)
	}
	f.wantLite()
}

// TestSQLiteCommitThatFails has somebody read a file for as long as SQLite waits to write to it, and migrates it later by the same connection.
func TestSQLiteCommitThatFails(t *testing.T) {
	t.Parallel()
	path := "file:" + filepath.Join(t.TempDir(), "home.db")
	home := open(t, "sqlite", path+"?_pragma=busy_timeout(20)&_pragma=foreign_keys(1)")
	home.SetMaxOpenConns(1)
	f := &fleet{t: t, dialect: dialect.SQLite, home: home}
	initial := files{"20260101000000_init.sql": lite()["20260101000000_init.sql"]}
	if _, err := f.runner(directory(t, dialect.SQLite, initial)).ApplyTo(t.Context(), sharedTenant()); err != nil {
		t.Fatal(err)
	}
	reader, err := open(t, "sqlite", path).BeginTx(t.Context(), &sql.TxOptions{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM notes").Scan(new(int)); err != nil {
		t.Fatal(err)
	}
	runner := f.runner(directory(t, dialect.SQLite, lite()))
	if _, err := runner.ApplyTo(t.Context(), sharedTenant()); err == nil || !strings.Contains(err.Error(), "locked") {
		t.Errorf("beside a reader: %v", err)
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if result, err := runner.ApplyTo(t.Context(), sharedTenant()); err != nil || result.Outcome != migrate.Applied || result.From != "20260101000000" {
		t.Errorf("after it: %+v, %v", result, err)
	}
	if enforced := one[int](t, home, "PRAGMA foreign_keys"); enforced != 1 {
		t.Error("foreign keys are not enforced any more")
	}
}
