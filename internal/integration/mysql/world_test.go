package mysql_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	sqldriver "database/sql/driver"
	"slices"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// world is a home with shared and global tables, and tenants of each isolation.
type world struct {
	dsn    string
	db     *sql.DB   // of the home, on one connection
	sent   *recorder // what reached db
	drv    *driver.Driver
	client *ent.Client
	shared, one, two, own,
	missing tenancy.Tenant // missing has a schema that nobody made
	mariaDB bool // and not MySQL
}

// newWorld makes a world. The schemas' names are as awkward as can be.
func newWorld(t *testing.T) *world {
	t.Helper()
	w := &world{dsn: servers.MariaDB(t), sent: &recorder{}}
	suffix := strings.ToLower(rand.Text())
	w.shared = tenancy.Tenant{ID: "shared", Isolation: tenancy.IsolationShared}
	w.one = tenant("one", "te`nant."+suffix)
	w.two = tenant("two", "te``nant."+suffix)
	w.missing = tenant("missing", "missing "+suffix)
	w.own = tenancy.Tenant{ID: "own", Isolation: tenancy.IsolationDatabase}
	w.own.Placement.DatabaseURL = tenancy.NewSecret(servers.MariaDB(t))

	admin := open(t, w.dsn)
	w.mariaDB = servers.IsMariaDB(t, admin)
	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	must(t, err)
	migrateTo(t, admin, slices.Concat(globals, tenants))
	for _, tenant := range []tenancy.Tenant{w.one, w.two} {
		run(t, admin, "CREATE DATABASE "+quoted(tenant)+" CHARACTER SET utf8mb4")
		t.Cleanup(func() {
			db := open(t, w.dsn)
			if _, err := db.ExecContext(context.WithoutCancel(t.Context()), "DROP DATABASE "+quoted(tenant)); err != nil {
				t.Error(err)
			}
		})
		migrateTo(t, open(t, dsnOf(t, w.dsn, tenant.Placement.Schema)), tenants)
	}
	migrateTo(t, open(t, w.own.Placement.DatabaseURL.Reveal()), tenants)

	connector, _, err := parse(w.dsn)
	must(t, err)
	w.db = sql.OpenDB(connector)
	w.db.SetMaxOpenConns(1)
	w.sent.Driver = entsql.OpenDB(dialect.MySQL, w.db)
	w.drv, err = driver.New(mysql.Schemas(w.sent), driver.Config{Databases: driver.Databases{Open: mysql.Open(parse)}})
	must(t, err)
	t.Cleanup(func() { must(t, w.drv.Close()) })
	w.client = ent.NewClient(ent.TenancyDriver(w.drv))
	return w
}

func tenant(id tenancy.ID, schema string) tenancy.Tenant {
	return tenancy.Tenant{ID: id, Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: schema}}
}

// all are the tenants that have a place.
func (w *world) all() []tenancy.Tenant {
	return []tenancy.Tenant{w.shared, w.one, w.two, w.own}
}

func as(t *testing.T, tenant tenancy.Tenant) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenant)
}

func parse(dsn string) (sqldriver.Connector, string, error) {
	config, err := gomysql.ParseDSN(dsn)
	if err != nil {
		return nil, "", err
	}
	connector, err := gomysql.NewConnector(config)
	return connector, config.Addr, err
}

func dsnOf(t *testing.T, dsn, database string) string {
	t.Helper()
	config, err := gomysql.ParseDSN(dsn)
	must(t, err)
	config.DBName = database
	return config.FormatDSN()
}

func migrateTo(t *testing.T, db *sql.DB, tables []*entschema.Table) {
	t.Helper()
	must(t, migrate.Create(t.Context(), migrate.NewSchema(entsql.OpenDB(dialect.MySQL, db)), tables))
}

func open(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

func run(t *testing.T, db *sql.DB, query string) {
	t.Helper()
	if _, err := db.ExecContext(t.Context(), query); err != nil {
		t.Fatalf("%s: %v", query, err)
	}
}

// names returns what a query of one column finds.
func names(t *testing.T, db *sql.DB, query string) []string {
	t.Helper()
	found, err := column(db.QueryContext(t.Context(), query))
	must(t, err)
	return found
}

// column reads and closes rows of one column.
func column(rows *sql.Rows, err error) ([]string, error) {
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	found := []string{}
	for rows.Next() {
		var value string
		if err := rows.Scan(&value); err != nil {
			return nil, err
		}
		found = append(found, value)
	}
	return found, rows.Err()
}

func quoted(t tenancy.Tenant) string {
	return "`" + strings.ReplaceAll(t.Placement.Schema, "`", "``") + "`"
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// recorder notes the statements that reach the driver it wraps.
type recorder struct {
	*entsql.Driver
	mu      sync.Mutex
	queries []string
}

func (r *recorder) note(query string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.queries = append(r.queries, query)
}

// during returns what is sent while do runs.
func (r *recorder) during(do func()) []string {
	r.mu.Lock()
	before := len(r.queries)
	r.mu.Unlock()
	do()
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.queries[before:]
}

func (r *recorder) Exec(ctx context.Context, query string, args, v any) error {
	r.note(query)
	return r.Driver.Exec(ctx, query, args, v)
}

func (r *recorder) Query(ctx context.Context, query string, args, v any) error {
	r.note(query)
	return r.Driver.Query(ctx, query, args, v)
}

func (r *recorder) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	r.note(query)
	return r.Driver.ExecContext(ctx, query, args...)
}

func (r *recorder) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	r.note(query)
	return r.Driver.QueryContext(ctx, query, args...)
}
