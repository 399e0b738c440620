package registry_test

import (
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/registry"
)

// database is one that the registry runs on, empty and the test's own.
type database struct {
	*sql.DB
	driver dialect.Driver
}

// onEachDatabase runs test with an initialised store on every database.
func onEachDatabase(t *testing.T, test func(t *testing.T, store *registry.EntStore, db database)) {
	t.Helper()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		store := open(t, db)
		if err := store.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		test(t, store, db)
	})
}

// onEachEmptyDatabase runs test before anyone has called Init.
func onEachEmptyDatabase(t *testing.T, test func(t *testing.T, db database)) {
	t.Helper()
	for _, d := range []struct {
		name, driver, dialect string
		dsn                   func(testing.TB) string
	}{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres},
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	} {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			db, err := sql.Open(d.driver, d.dsn(t))
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = db.Close() })
			test(t, database{db, entsql.OpenDB(d.dialect, db)})
		})
	}
}

func open(t *testing.T, db database) *registry.EntStore {
	t.Helper()
	store, err := registry.NewEntStore(db.driver, registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return store
}

// set writes a value into a tenant's row behind the store's back.
func (db database) set(t *testing.T, id tenancy.ID, column string, value any) {
	t.Helper()
	statement, args := entsql.Dialect(db.driver.Dialect()).
		Update("tenancy_tenants").Set(column, value).Where(entsql.EQ("id", string(id))).Query()
	result, err := db.ExecContext(t.Context(), statement, args...)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := result.RowsAffected(); err != nil || n != 1 {
		t.Fatalf("changed %d rows (%v), want 1", n, err)
	}
}

// rows returns how many tenants the table has.
func (db database) rows(t *testing.T) (n int) {
	t.Helper()
	if err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM tenancy_tenants").Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
