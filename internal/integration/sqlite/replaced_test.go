package sqlite_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// TestRemovedFileIsNotServed has another process remove a tenant's file, and make
// it again.
func TestRemovedFileIsNotServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range []tenancy.Tenant{w.one, w.own} {
		ctx, path := as(t, tenant), w.path(t, tenant)
		must(t, w.client.Memo.Create().SetText("old").Exec(ctx))
		remove(t, path)
		if _, err := w.client.Memo.Query().Count(ctx); !errors.Is(err, tenancy.ErrNotProvisioned) {
			t.Errorf("%s: a query of the file that was removed: %v", tenant, err)
		}
		if tx, err := w.client.Tx(ctx); !errors.Is(err, tenancy.ErrNotProvisioned) {
			t.Errorf("%s: a transaction in the file that was removed: %v", tenant, err)
			must(t, tx.Rollback())
		}
		tables, _, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
		must(t, err)
		migrateTo(t, path, tables)
		if n := w.client.Memo.Query().CountX(ctx); n != 0 {
			t.Errorf("%s: the new file has %d memos of the old one", tenant, n)
		}
		must(t, w.client.Memo.Create().SetText("new").Exec(ctx))
		if texts := names(t, plain(t, path), "SELECT text FROM memos"); !slices.Equal(texts, []string{"new"}) {
			t.Errorf("%s: the new file has %q", tenant, texts)
		}
	}
}

// TestReplacedFileIsServed puts a backup in the place of each file that connections
// have open.
func TestReplacedFileIsServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client.Country.Create().SetCode("CL").ExecX(system(t))
	for what, file := range map[string]struct {
		path string
		as   tenancy.Tenant
		seen func() int
	}{
		"the home":        {w.config.Home, w.shared, func() int { return w.client.Memo.Query().CountX(as(t, w.shared)) }},
		"a tenant's file": {w.path(t, w.one), w.one, func() int { return w.client.Memo.Query().CountX(as(t, w.one)) }},
		"the global file": {w.config.Global, w.two, func() int { return w.client.Country.Query().CountX(as(t, w.two)) }},
	} {
		backup := filepath.Join(w.dir, "backup.db")
		run(t, file.path, "VACUUM INTO '"+strings.ReplaceAll(backup, "'", "''")+"'")
		before := file.seen()
		if what == "the global file" {
			w.client.Country.Create().SetCode("PE").ExecX(system(t))
		} else {
			must(t, w.client.Memo.Create().SetText("after").Exec(as(t, file.as)))
		}
		if n := file.seen(); n != before+1 {
			t.Fatalf("%s: %d are seen, want %d", what, n, before+1)
		}
		remove(t, file.path)
		must(t, os.Rename(backup, file.path))
		if n := file.seen(); n != before {
			t.Errorf("%s: %d are seen, and the backup has %d", what, n, before)
		}
	}
}

// remove removes a file as namespace.SQLite does.
func remove(t *testing.T, path string) {
	t.Helper()
	must(t, os.Remove(path))
	for _, beside := range []string{"-wal", "-shm"} {
		if err := os.Remove(path + beside); err != nil && !errors.Is(err, os.ErrNotExist) {
			t.Fatal(err)
		}
	}
}
