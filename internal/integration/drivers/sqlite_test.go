package drivers_test

import (
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

func sqliteCells() []cell {
	return []cell{
		{name: "SQLite/shared", open: sqliteShared, leaks: all},
		{name: "SQLite/schema", open: sqliteSchema},
		{name: "SQLite/database", open: sqliteDatabase},
		{name: "SQLite/hybrid, schema beside shared", open: sqliteHybrid},
	}
}

func sqliteShared(t *testing.T) *isolation.Database {
	dsn := servers.SQLite(t)
	tables(t, dialect.SQLite, "sqlite", dsn, migrate.Tables, plain)
	pool, err := sql.Open("sqlite", dsn)
	if err != nil {
		t.Fatal(err)
	}
	db := attacked(t, entsql.OpenDB(dialect.SQLite, pool), driver.Config{})
	db.Admin, db.Excuses = sqliteAdmin(t, dsn), 20
	return db
}

// sqliteAdmin is a pool in which foreign keys are not enforced.
func sqliteAdmin(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	return open(t, "sqlite", strings.Replace(dsn, "foreign_keys(1)", "foreign_keys(0)", 1)+"&_pragma=synchronous(0)")
}

// sqliteFile returns the DSN of a file.
func sqliteFile(path string) string {
	file := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + file.EscapedPath() + "?_pragma=foreign_keys(1)&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_txlock=immediate"
}

// sqliteHome is a file for global tables, one for shared ones, and a directory
// for those of tenants.
type sqliteHome struct {
	*isolation.Database
	files *sqlite.Files
	dir   string
}

func newSQLiteHome(t *testing.T) sqliteHome {
	t.Helper()
	dir := t.TempDir()
	home, global := filepath.Join(dir, "home.db"), filepath.Join(dir, "global.db")
	own, everybodys := halves(t)
	tables(t, dialect.SQLite, "sqlite", sqliteFile(home), own, plain)
	tables(t, dialect.SQLite, "sqlite", sqliteFile(global), everybodys, plain)
	files, err := sqlite.New(sqlite.Config{Driver: &modernc.Driver{}, Dir: dir, Home: home, Global: global, Metadata: migrate.Tenancy})
	if err != nil {
		t.Fatal(err)
	}
	db := attacked(t, entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.Home())), driver.Config{
		System:    entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.System())),
		Databases: driver.Databases{Open: files.Open},
	})
	db.Admin, db.Globals = sqliteAdmin(t, sqliteFile(home)), sqliteAdmin(t, sqliteFile(global))
	db.Refuses = func(err error) bool { return strings.Contains(err.Error(), "attempt to write a readonly database") }
	db.Excuses = 80
	return sqliteHome{db, files, dir}
}

// in makes a file for a tenant.
func (h sqliteHome) in(t *testing.T, id tenancy.ID, how tenancy.Isolation) isolation.Tenant {
	t.Helper()
	tenant := tenancy.Tenant{ID: id, Isolation: how}
	name := "tenant_" + randomName()
	if how == tenancy.IsolationSchema {
		tenant.Placement.Schema = name
	} else {
		tenant.Placement.DatabaseURL = tenancy.NewSecret("file:" + filepath.ToSlash(filepath.Join(h.dir, name+".db")))
	}
	path, err := h.files.Path(tenant)
	if err != nil {
		t.Fatal(err)
	}
	tables(t, dialect.SQLite, "sqlite", sqliteFile(path), ofTenants(t), plain)
	return isolation.Tenant{Tenant: tenant, Admin: sqliteAdmin(t, sqliteFile(path))}
}

func sqliteSchema(t *testing.T) *isolation.Database {
	h := newSQLiteHome(t)
	a, b := ids()
	h.A, h.B = h.in(t, a, tenancy.IsolationSchema), h.in(t, b, tenancy.IsolationSchema)
	return h.Database
}

func sqliteDatabase(t *testing.T) *isolation.Database {
	h := newSQLiteHome(t)
	a, b := ids()
	h.A, h.B = h.in(t, a, tenancy.IsolationDatabase), h.in(t, b, tenancy.IsolationDatabase)
	return h.Database
}

func sqliteHybrid(t *testing.T) *isolation.Database {
	h := newSQLiteHome(t)
	a, b := ids()
	h.A, h.B.Tenant = h.in(t, a, tenancy.IsolationSchema), tenancy.Tenant{ID: b, Isolation: tenancy.IsolationShared}
	return h.Database
}
