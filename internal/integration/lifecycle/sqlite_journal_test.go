package lifecycle_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

// inFiles are the cells of SQLite.
func inFiles() []cell {
	return []cell{{dialect.SQLite, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationDatabase}}
}

// TestAFileThatWasBeingWritten when its process died is the tenant's all the same: SQLite rolls back what was half done.
func TestAFileThatWasBeingWritten(t *testing.T) {
	in(t, inFiles(), func(t *testing.T, w *world) {
		l := w.lifecycle()
		tenant := w.provision(l, newTenant("acme"))
		path, err := w.files.Path(tenant)
		if err != nil {
			t.Fatal(err)
		}
		for i, call := range []func() error{
			func() error { return w.keeper.Verify(t.Context(), tenant) },
			func() error {
				made, err := w.keeper.Make(t.Context(), tenant, "")
				if made.New {
					t.Error("it was made anew")
				}
				return err
			},
			func() error { _, err := l.Erase(t.Context(), tenant.ID); return err },
		} {
			w.dieWriting(path)
			if err := call(); err != nil {
				t.Errorf("call %d: %v", i, err)
			}
			if i < 2 && w.rows(tenant) != full {
				t.Errorf("call %d: it has rows %s", i, w.rows(tenant))
			}
		}
		for _, end := range []string{"", "-journal", "-wal", "-shm"} {
			if _, err := os.Stat(path + end); !errors.Is(err, os.ErrNotExist) {
				t.Errorf("left over: %s, %v", path+end, err)
			}
		}
	})
}

// dieWriting leaves a file as a process does that dies in the middle of a transaction: some of it is in the file, and the journal says how it was.
func (w *world) dieWriting(path string) {
	w.t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?mode=rw&_pragma=journal_mode(DELETE)&_pragma=cache_size(1)")
	if err != nil {
		w.t.Fatal(err)
	}
	defer db.Close()
	tx, err := db.BeginTx(w.t.Context(), nil)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE TABLE big (x)",
		"INSERT INTO big WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000) SELECT hex(randomblob(500)) FROM n",
		"DELETE FROM tenancy_namespace",
		"DELETE FROM lines",
	} {
		if _, err := tx.ExecContext(w.t.Context(), statement); err != nil {
			w.t.Fatal(err)
		}
	}
	dead := map[string][]byte{}
	for _, end := range []string{"", "-journal"} {
		if dead[end], err = os.ReadFile(path + end); err != nil {
			w.t.Fatal(err)
		}
	}
	if err := errors.Join(tx.Rollback(), db.Close()); err != nil {
		w.t.Fatal(err)
	}
	for end, data := range dead {
		if err := os.WriteFile(path+end, data, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// TestALockedFileIsNobodyElses: whose it is cannot be seen now, which is not to say that it is another's.
func TestALockedFileIsNobodyElses(t *testing.T) {
	in(t, inFiles()[:1], func(t *testing.T, w *world) {
		tenant := w.provision(w.lifecycle(), newTenant("acme"))
		path, err := w.files.Path(tenant)
		if err != nil {
			t.Fatal(err)
		}
		conn, err := open(t, "sqlite", "file:"+filepath.ToSlash(path)+"?mode=rw&_pragma=journal_mode(DELETE)").Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		if _, err := conn.ExecContext(t.Context(), "BEGIN EXCLUSIVE"); err != nil {
			t.Fatal(err)
		}
		if err := w.keeper.Verify(t.Context(), tenant); errors.Is(err, tenancy.ErrForeignNamespace) || err == nil || !strings.Contains(err.Error(), "locked") {
			t.Errorf("got %v", err)
		}
	})
}

// TestASpareThatCannotBeRead is discarded, and keeps nobody from a place.
func TestASpareThatCannotBeRead(t *testing.T) {
	in(t, inFiles(), func(t *testing.T, w *world) {
		l := w.filled(1)
		spares := w.keeper.(namespace.Spares)
		all, err := spares.List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatal(all, err)
		}
		path, err := w.files.Path(all[0].Tenant)
		if err != nil {
			t.Fatal(err)
		}
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for i := 100; i < len(data); i++ { // behind the header
			data[i] = 0xff
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		w.provision(l, newTenant("acme"))
		w.noneLeft()
	})
}
