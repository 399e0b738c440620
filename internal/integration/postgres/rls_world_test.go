package postgres_test

import (
	"context"
	"database/sql"
	"net/url"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	isolationmigrate "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	typedmigrate "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

// application is tables of ent and what they have to do with tenants.
type application struct {
	tables   []*entschema.Table
	tenancy  schema.Metadata
	copyable error
}

// The tables are copied before any test runs: ent's migration writes to them,
// and other tests run it on the originals.
var (
	isolationApp = newApplication(isolationmigrate.Tables, isolationmigrate.Tenancy) //nolint:gochecknoglobals // see above
	typedApp     = newApplication(typedmigrate.Tables, typedmigrate.Tenancy)         //nolint:gochecknoglobals // see above
)

func newApplication(tables []*entschema.Table, m schema.Metadata) application {
	copied, err := entschema.CopyTables(tables)
	return application{copied, m, err}
}

// copied returns tables that nobody else migrates.
func (a application) copied(tb testing.TB) []*entschema.Table {
	tb.Helper()
	must(tb, a.copyable)
	tables, err := entschema.CopyTables(a.tables)
	must(tb, err)
	return tables
}

// guarded is a database behind row-level security, with a role for each purpose.
type guarded struct {
	application
	owner, app, system string
}

// newGuarded returns one that is migrated and empty.
func newGuarded(tb testing.TB, app application) *guarded {
	tb.Helper()
	g := newBare(tb, app)
	must(tb, g.migrate(tb))
	return g
}

// newBare returns one without tables.
func newBare(tb testing.TB, app application) *guarded {
	tb.Helper()
	g := &guarded{application: app}
	g.owner, g.app, g.system = servers.PostgresRoles(tb)
	return g
}

// copy returns a copy for the same roles. Nobody may be connected.
func (g *guarded) copy(tb testing.TB) *guarded {
	tb.Helper()
	copied := &guarded{application: g.application, owner: servers.PostgresCopy(tb, g.owner)}
	for to, from := range map[*string]string{&copied.app: g.app, &copied.system: g.system} {
		at, err := url.Parse(copied.owner)
		as, asErr := url.Parse(from)
		if err != nil || asErr != nil {
			tb.Fatal("a URL does not parse")
		}
		at.User = as.User
		*to = at.String()
	}
	return copied
}

// migrate is a start of the application: ent's automatic migration with the options under test, and more.
func (g *guarded) migrate(tb testing.TB, more ...entschema.MigrateOption) error {
	tb.Helper()
	driver := g.migrator(tb, g.owner)
	return create(tb, driver, g.copied(tb), append(postgres.MigrateOptions(driver, g.tenancy), more...)...)
}

// migratePlainly is what ent does without them.
func (g *guarded) migratePlainly(tb testing.TB) error {
	tb.Helper()
	return create(tb, g.migrator(tb, g.owner), g.copied(tb))
}

func create(tb testing.TB, driver dialect.Driver, tables []*entschema.Table, options ...entschema.MigrateOption) error {
	tb.Helper()
	m, err := entschema.NewMigrate(driver, options...)
	must(tb, err)
	return m.Create(system(tb), tables...)
}

// migrator is a driver for migrations.
func (g *guarded) migrator(tb testing.TB, address string) dialect.Driver {
	tb.Helper()
	scope, err := tenancy.ScopeFromContext(system(tb))
	must(tb, err)
	return entsql.OpenDB(dialect.Postgres, openURL(tb, address, postgres.Config{Fallback: scope}))
}

// serve returns the pool that serves requests.
func (g *guarded) serve(tb testing.TB) *sql.DB {
	tb.Helper()
	return openURL(tb, g.app, postgres.Config{})
}

func openURL(tb testing.TB, address string, config postgres.Config) *sql.DB {
	tb.Helper()
	pg, err := pgx.ParseConfig(address)
	if err != nil {
		tb.Fatal("the URL does not parse")
	}
	return openConfig(tb, 1, pg, config)
}

// client is the generated client on the pool of a URL.
func client(tb testing.TB, address string) *ent.Client {
	tb.Helper()
	return ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, openURL(tb, address, postgres.Config{}))))
}

// asTenant is the context of the tenant of an id.
func asTenant(tb testing.TB, id tenancy.ID) context.Context {
	tb.Helper()
	return tenancy.NewContext(tb.Context(), tenancy.Tenant{ID: id, Identifier: "t-" + string(id), Isolation: tenancy.IsolationRLS})
}

// role returns the role of a URL as SQL.
func role(tb testing.TB, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal("the URL does not parse")
	}
	return quoted(u.User.Username())
}

// one returns the one value of a query, as a role or as a tenant.
func one[T any](ctx context.Context, tb testing.TB, db querier, query string, args ...any) T {
	tb.Helper()
	var value T
	if err := db.QueryRowContext(ctx, query, args...).Scan(&value); err != nil {
		tb.Fatalf("%s: %v", query, err)
	}
	return value
}

// asAdmin is the URL of a superuser, who sees all.
func (g *guarded) asAdmin(tb testing.TB) string {
	tb.Helper()
	admin, err := url.Parse(servers.PostgresAdmin(tb))
	own, ownErr := url.Parse(g.owner)
	if err != nil || ownErr != nil {
		tb.Fatal("a URL does not parse")
	}
	admin.Path = own.Path
	return admin.String()
}
