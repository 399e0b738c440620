package sqlite_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/schema"
)

// bare is a driver whose connections can do no more than they must.
type bare struct{ sqldriver.Driver }

func (b bare) Open(name string) (sqldriver.Conn, error) {
	inner, err := b.Driver.Open(name)
	return struct{ sqldriver.Conn }{inner}, err
}

func TestDriverWithoutOptionalMethods(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Driver = bare{new(modernc.Driver)}
	var err error
	w.files, err = sqlite.New(w.config)
	must(t, err)
	w.open(t)
	w.client.Country.Create().SetCode("CL").ExecX(system(t))
	for _, tenant := range w.all() {
		must(t, w.client.Memo.Create().SetText("a").Exec(as(t, tenant)))
		if n := w.client.Country.Query().CountX(as(t, tenant)); n != 1 {
			t.Errorf("%s sees %d countries", tenant, n)
		}
		if _, err := w.drv.ExecContext(as(t, tenant), "ATTACH 'a' AS b"); !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s: %v", tenant, err)
		}
		if _, err := w.drv.ExecContext(as(t, tenant), "BEGIN"); !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s: %v", tenant, err)
		}
		tx, err := w.client.Tx(as(t, tenant))
		must(t, err)
		if _, err := tx.ExecContext(as(t, tenant), "SAVEPOINT a"); err != nil {
			t.Errorf("%s: a savepoint in a transaction: %v", tenant, err)
		}
		must(t, tx.Rollback())
	}
}

// literalNames is a driver that takes a URI for a file's name.
type literalNames struct{ dir string }

func (d literalNames) Open(name string) (sqldriver.Conn, error) {
	return new(modernc.Driver).Open(filepath.Join(d.dir, strings.NewReplacer("/", "_", "?", "_").Replace(name)))
}

func TestDriverWithoutURIs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Driver = literalNames{t.TempDir()}
	files, err := sqlite.New(w.config)
	must(t, err)
	database, err := files.Open(t.Context(), w.one)
	must(t, err)
	db := sql.OpenDB(database.Connector)
	defer db.Close()
	if err := db.PingContext(t.Context()); err == nil || !strings.Contains(err.Error(), "another file") {
		t.Errorf("the file of another name: %v", err)
	}
}

// BenchmarkStatement tells what watching the global file costs: the home of
// the first is that file, so that nothing is attached.
func BenchmarkStatement(b *testing.B) {
	dir := b.TempDir()
	for _, name := range []string{"global.db", "one.db"} {
		db, err := sql.Open("sqlite", fileURL(filepath.Join(dir, name)))
		if err != nil {
			b.Fatal(err)
		}
		if _, err := db.ExecContext(b.Context(), "CREATE TABLE t_"+name[:3]+" (id INTEGER)"); err != nil {
			b.Fatal(err)
		}
		_ = db.Close()
	}
	for name, home := range map[string]string{"alone": "global.db", "attached": "one.db"} {
		b.Run(name, func(b *testing.B) {
			files, err := sqlite.New(sqlite.Config{
				Driver: &modernc.Driver{}, Metadata: benchMetadata(), Global: filepath.Join(dir, "global.db"), Home: filepath.Join(dir, home),
			})
			if err != nil {
				b.Fatal(err)
			}
			db := sql.OpenDB(files.Home())
			defer db.Close()
			for b.Loop() {
				var n int
				if err := db.QueryRowContext(b.Context(), "SELECT count(*) FROM main.t_"+home[:3]).Scan(&n); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func benchMetadata() schema.Metadata {
	return schema.Metadata{Tables: []schema.Table{{Name: "orders"}}}
}
