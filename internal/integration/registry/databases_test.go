package registry_test

import (
	"database/sql"
	"strings"
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
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			test(t, kind.empty(t))
		})
	}
}

// kind is one of the databases that the registry runs on.
type kind struct {
	name, driver, dialect string
	dsn                   func(testing.TB) string
}

func kinds() []kind {
	return []kind{
		{"SQLite", "sqlite", dialect.SQLite, servers.SQLite},
		{"SQLite, deferred", "sqlite", dialect.SQLite, deferredSQLite},
		postgres(),
		{"MariaDB", "mysql", dialect.MySQL, servers.MariaDB},
	}
}

func postgres() kind { return kind{"PostgreSQL", "pgx", dialect.Postgres, servers.Postgres} }

// deferredSQLite is as the driver has it by default: a transaction takes the
// lock for writing when it first writes, and fails if it has read before and
// another has written since.
func deferredSQLite(tb testing.TB) string {
	tb.Helper()
	return strings.ReplaceAll(servers.SQLite(tb), "&_txlock=immediate", "")
}

// cheap is the kind for tests that need many databases: schemas of one, where that is cheaper.
func (k kind) cheap(tb testing.TB) kind {
	tb.Helper()
	if k.dialect == dialect.Postgres {
		k.dsn = servers.PostgresSchemas(tb)
	}
	return k
}

// empty returns a new database.
func (k kind) empty(tb testing.TB) database {
	tb.Helper()
	return k.connect(tb, k.dsn(tb))
}

// connect returns a pool of its own on a database, as a process of its own has.
func (k kind) connect(tb testing.TB, dsn string) database {
	tb.Helper()
	db, err := sql.Open(k.driver, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	db.SetMaxOpenConns(10) // many tests share a server
	db.SetMaxIdleConns(10)
	tb.Cleanup(func() { _ = db.Close() })
	return database{db, entsql.OpenDB(k.dialect, db)}
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
