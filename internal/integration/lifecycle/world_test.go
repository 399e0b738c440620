package lifecycle_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	gomysql "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib"
	lite "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// world is a home on one database, whose tenants have one isolation.
type world struct {
	t         testing.TB
	dialect   string
	isolation tenancy.Isolation
	prefix    string // of namespaces
	db        *sql.DB
	keeper    namespace.Keeper // nil for shared tables
	config    manager.LifecycleConfig

	app         *sql.DB // serves requests, where that is another role
	files       *sqlite.Files
	dir         string
	url, appURL *url.URL // of PostgreSQL, as the owner and as who serves requests
	dsn         *gomysql.Config
	roles       []string
	users       []string // of MySQL, who serve requests, if a test has made any
	owner       string   // URL or DSN of the home
	system      *sql.DB  // on PostgreSQL, as a role that bypasses row-level security
	dirs        *migrate.Directory

	mu     sync.Mutex
	events []tenancy.LifecycleEvent
}

// metadata describes the tables that tables makes.
func metadata() schema.Metadata {
	table := func(name string, keys ...schema.ForeignKey) schema.Table {
		return schema.Table{
			Name: name, Entity: name, TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"}, ForeignKeys: keys,
		}
	}
	return schema.Metadata{Tables: []schema.Table{
		table("customers", schema.ForeignKey{
			Symbol: "customers_parent", Column: "parent_id", RefTable: "customers", RefColumn: "id", RefTenantColumn: "tenant_id", OnDelete: "SET NULL",
		}),
		table("lines", schema.ForeignKey{
			Symbol: "lines_order", Column: "order_id", RefTable: "orders", RefColumn: "id", RefTenantColumn: "tenant_id", OnDelete: "NO ACTION",
		}),
		table("orders", schema.ForeignKey{
			Symbol: "orders_customer", Column: "customer_id", RefTable: "customers", RefColumn: "id", RefTenantColumn: "tenant_id", OnDelete: "NO ACTION",
		}),
	}}
}

// tables is a migration of them.
func tables(d string) string {
	id, end := "varchar(100)", ";\n"
	setNull := "ON DELETE SET NULL"
	switch d {
	case dialect.MySQL:
		end = " CHARSET utf8mb4 COLLATE utf8mb4_bin;\n"
	case dialect.Postgres:
		setNull = "ON DELETE SET NULL (parent_id)"
	}
	var b strings.Builder
	for _, t := range []struct{ name, column, to, action string }{
		{"customers", "parent_id", "customers", setNull}, {"orders", "customer_id", "customers", ""}, {"lines", "order_id", "orders", ""},
	} {
		key := "(tenant_id, {column}) REFERENCES {to} (tenant_id, id) {action}"
		if d != dialect.Postgres && t.name == t.to { // where SET NULL is for all columns of a key
			key = "({column}) REFERENCES {to} (id) ON DELETE SET NULL"
		}
		b.WriteString(strings.NewReplacer("{name}", quoted(d, t.name), "{id}", id, "{column}", t.column, "{to}", quoted(d, t.to), "{action}", t.action).Replace(
			"CREATE TABLE {name} (id {id} NOT NULL PRIMARY KEY, tenant_id {id} NOT NULL, {column} {id} NULL, UNIQUE (tenant_id, id), FOREIGN KEY " +
				strings.NewReplacer("{column}", t.column, "{to}", quoted(d, t.to), "{action}", t.action).Replace(key) + ")" + end))
	}
	if d == dialect.Postgres {
		for _, statement := range postgres.Policies(metadata()) {
			b.WriteString(statement + ";\n")
		}
	}
	return b.String()
}

func quoted(d, name string) string {
	if d == dialect.MySQL {
		return "`" + name + "`"
	}
	return `"` + name + `"`
}

// directory is migrations of these tables, and of more files.
func directory(tb testing.TB, d string, more ...string) *migrate.Directory {
	tb.Helper()
	all, mem := fstest.MapFS{}, &atlas.MemDir{}
	for i, text := range append([]string{tables(d)}, more...) {
		name := fmt.Sprintf("2026010%d000000_step.sql", i+1)
		all[name] = &fstest.MapFile{Data: []byte(text)}
		if err := mem.WriteFile(name, []byte(text)); err != nil {
			tb.Fatal(err)
		}
	}
	sum, err := mem.Checksum()
	if err != nil {
		tb.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		tb.Fatal(err)
	}
	all[atlas.HashFileName] = &fstest.MapFile{Data: text}
	dir, err := migrate.NewDirectory(all, d)
	if err != nil {
		tb.Fatal(err)
	}
	return dir
}

// cell is a database and an isolation.
type cell struct {
	dialect   string
	isolation tenancy.Isolation
}

func (c cell) String() string { return c.dialect + "/" + string(c.isolation) }

// namespaces are the cells whose tenants have a namespace of their own.
func namespaces() []cell {
	return []cell{
		{dialect.Postgres, tenancy.IsolationSchema},
		{dialect.Postgres, tenancy.IsolationDatabase},
		{dialect.MySQL, tenancy.IsolationSchema},
		{dialect.MySQL, tenancy.IsolationDatabase},
		{dialect.SQLite, tenancy.IsolationSchema},
		{dialect.SQLite, tenancy.IsolationDatabase},
	}
}

// everywhere is all cells.
func everywhere() []cell {
	return append(namespaces(), cell{dialect.Postgres, tenancy.IsolationRLS}, cell{dialect.Postgres, tenancy.IsolationShared},
		cell{dialect.MySQL, tenancy.IsolationShared}, cell{dialect.SQLite, tenancy.IsolationShared})
}

// in runs a test in each of the cells.
func in(t *testing.T, cells []cell, test func(t *testing.T, w *world)) {
	t.Helper()
	t.Parallel()
	for _, c := range cells {
		t.Run(c.String(), func(t *testing.T) {
			t.Parallel()
			test(t, newWorld(t, c))
		})
	}
}

func newWorld(tb testing.TB, c cell) *world {
	tb.Helper()
	return newWorldFor(tb, c, servers.PostgresRoles)
}

// newWorldFor makes one with roles of PostgreSQL from elsewhere.
func newWorldFor(tb testing.TB, c cell, roles func(testing.TB) (owner, app, system string)) *world {
	tb.Helper()
	w := &world{t: tb, dialect: c.dialect, isolation: c.isolation, prefix: "t" + strings.ToLower(rand.Text()[:8]) + "_"}
	switch c.dialect {
	case dialect.Postgres:
		w.openPostgres(roles(tb))
	case dialect.MySQL:
		w.openMariaDB()
	case dialect.SQLite:
		w.openSQLite()
	}
	w.dirs = directory(tb, c.dialect)
	w.config = w.wire(w.db)
	w.config.Observer = w
	if err := w.config.Store.(*registry.EntStore).Init(tb.Context()); err != nil {
		tb.Fatal(err)
	}
	w.keeper = w.config.Namespaces[c.isolation]
	if w.keeper == nil {
		if _, err := w.config.Migrations.ApplyTo(tb.Context(), tenancy.Tenant{ID: "home", Isolation: c.isolation}); err != nil {
			tb.Fatal(err)
		}
	}
	return w
}

// wire puts everything on a pool of the home's owner, as a process of its own would.
func (w *world) wire(db *sql.DB) manager.LifecycleConfig {
	w.t.Helper()
	store, err := registry.NewEntStore(entsql.OpenDB(w.dialect, db), registry.EntConfig{})
	if err != nil {
		w.t.Fatal(err)
	}
	keeper, err := w.newKeeper(db)
	if err != nil {
		w.t.Fatal(err)
	}
	shared := dialect.Driver(entsql.OpenDB(w.dialect, db))
	if w.dialect == dialect.Postgres {
		if shared, err = driver.New(entsql.OpenDB(dialect.Postgres, w.app), driver.Config{Databases: driver.Databases{Open: postgres.Databases{}.Open}}); err != nil {
			w.t.Fatal(err)
		}
	}
	config := manager.LifecycleConfig{
		Store: store, DefaultIsolation: w.isolation, Migrations: w.runner(db, w.dirs),
		Shared: manager.SharedTables{Driver: shared, Metadata: metadata()},
	}
	if keeper != nil {
		config.Namespaces = map[tenancy.Isolation]namespace.Keeper{w.isolation: keeper}
	}
	switch w.dialect {
	case dialect.Postgres:
		config.Lock = namespace.PostgresLocker(db)
	case dialect.MySQL:
		config.Lock = namespace.MySQLLocker(db)
	}
	return config
}

// newKeeper returns the keeper of the world's isolation, nil for shared tables.
func (w *world) newKeeper(db *sql.DB) (namespace.Keeper, error) {
	names := namespace.Names{Prefix: w.prefix}
	if w.isolation != tenancy.IsolationSchema && w.isolation != tenancy.IsolationDatabase {
		return nil, nil
	}
	own := w.isolation == tenancy.IsolationDatabase
	switch w.dialect {
	case dialect.Postgres:
		if !own {
			return namespace.NewPostgresSchemas(db, namespace.PostgresSchemasConfig{Names: names, Roles: w.roles})
		}
		address := *w.appURL
		address.Path = ""
		return namespace.NewPostgresDatabases(db, tenancy.NewSecret(address.String()), namespace.PostgresDatabasesConfig{Names: names, Roles: w.roles})
	case dialect.MySQL:
		if !own {
			return namespace.NewMySQLSchemas(db, namespace.MySQLConfig{Names: names, Users: w.users})
		}
		address := w.dsn.Clone()
		address.DBName = ""
		return namespace.NewMySQLDatabases(db, tenancy.NewSecret(address.FormatDSN()), namespace.MySQLConfig{Names: names, Users: w.users})
	default:
		config := namespace.SQLiteConfig{Names: names}
		if own {
			config.Dir = w.dir
		}
		return namespace.NewSQLite(w.files, &lite.Driver{}, config)
	}
}

func (w *world) Lifecycle(_ context.Context, e tenancy.LifecycleEvent) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.events = append(w.events, e)
}

func open(tb testing.TB, driverName, dsn string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driverName, dsn)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

func (w *world) openPostgres(owner, app, system string) {
	tb := w.t
	tb.Helper()
	u, err := url.Parse(owner)
	if err != nil {
		tb.Fatal(err)
	}
	w.url, w.db, w.owner, w.system = u, open(tb, "pgx", owner), owner, open(tb, "pgx", system)
	for _, address := range []string{app, system} {
		parsed, err := url.Parse(address)
		if err != nil {
			tb.Fatal(err)
		}
		w.roles = append(w.roles, parsed.User.Username())
	}
	if w.appURL, err = url.Parse(app); err != nil {
		tb.Fatal(err)
	}
	config, err := pgx.ParseConfig(app)
	if err != nil {
		tb.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		tb.Fatal(err)
	}
	w.app = sql.OpenDB(connector)
	tb.Cleanup(func() { w.app.Close() })
	if w.isolation == tenancy.IsolationDatabase {
		w.letCreateDatabases()
	}
}

// letCreateDatabases lets the owner make databases, and drops them at the end.
func (w *world) letCreateDatabases() {
	admin, role := open(w.t, "pgx", servers.PostgresAdmin(w.t)), w.url.User.Username()
	if _, err := admin.ExecContext(w.t.Context(), "ALTER ROLE "+role+" CREATEDB"); err != nil {
		w.t.Fatal(err)
	}
	home := strings.TrimPrefix(w.url.Path, "/")
	w.t.Cleanup(func() {
		ctx := context.WithoutCancel(w.t.Context())
		for _, name := range column(w.t, admin, "SELECT datname FROM pg_database WHERE datname <> '"+home+"' AND pg_get_userbyid(datdba) = '"+role+"'") {
			if _, err := admin.ExecContext(ctx, `DROP DATABASE IF EXISTS "`+name+`" WITH (FORCE)`); err != nil {
				w.t.Error(err)
			}
		}
	})
}

func (w *world) openMariaDB() {
	tb := w.t
	tb.Helper()
	dsn := servers.MariaDB(tb)
	var err error
	if w.dsn, err = gomysql.ParseDSN(dsn); err != nil {
		tb.Fatal(err)
	}
	w.db, w.owner = open(tb, "mysql", dsn), dsn
	tb.Cleanup(func() {
		for _, name := range column(tb, w.db, "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '%"+w.prefix+"%'") {
			if _, err := w.db.ExecContext(context.WithoutCancel(tb.Context()), "DROP DATABASE `"+name+"`"); err != nil {
				tb.Error(err)
			}
		}
	})
}

func (w *world) openSQLite() {
	tb := w.t
	tb.Helper()
	w.dir = tb.TempDir()
	w.db = open(tb, "sqlite", servers.SQLite(tb))
	var err error
	if w.files, err = sqlite.New(sqlite.Config{Driver: &lite.Driver{}, Dir: w.dir}); err != nil {
		tb.Fatal(err)
	}
}

// runner makes a runner of migrations for the tenants of the world.
func (w *world) runner(db *sql.DB, d *migrate.Directory) *migrate.Runner {
	w.t.Helper()
	r, err := migrate.New(migrate.Config{Directory: d, Home: db, Open: w.open(), Concurrency: 2})
	if err != nil {
		w.t.Fatal(err)
	}
	return r
}

// open says how a tenant's own database is reached by who owns it.
func (w *world) open() func(context.Context, tenancy.Tenant) (migrate.Database, error) {
	return func(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
		var db *sql.DB
		var err error
		switch w.dialect {
		case dialect.Postgres:
			u := *w.url
			u.Path = "/" + w.keeper.Name(t)
			db, err = sql.Open("pgx", u.String())
		case dialect.MySQL:
			db, err = sql.Open("mysql", t.Placement.DatabaseURL.Reveal())
		case dialect.SQLite:
			var path string
			if path, err = w.files.Path(t); err == nil {
				db, err = sql.Open("sqlite", "file:"+filepath.ToSlash(path)+"?mode=rw&_pragma=busy_timeout(5000)")
			}
		}
		return migrate.Database{DB: db, Server: w.dialect}, err
	}
}

// lifecycle makes one of the world's configuration, changed by configure.
func (w *world) lifecycle(configure ...func(*manager.LifecycleConfig)) *manager.Lifecycle {
	w.t.Helper()
	config := w.config
	for _, c := range configure {
		c(&config)
	}
	l, err := manager.NewLifecycle(config)
	if err != nil {
		w.t.Fatal(err)
	}
	return l
}

// column returns the texts that a query finds.
func column(tb testing.TB, db *sql.DB, query string, args ...any) (all []string) {
	tb.Helper()
	rows, err := db.QueryContext(context.WithoutCancel(tb.Context()), query, args...)
	if err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	defer rows.Close()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			tb.Fatal(err)
		}
		all = append(all, text)
	}
	if err := rows.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}
