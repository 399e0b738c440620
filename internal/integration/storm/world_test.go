package storm

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// Fewer connections than workers, so that tenants take turns on them.
const (
	homeConnections     = 5
	databaseConnections = 6
)

// world is a deployment on a server of its own.
type world struct {
	server      *servers.PrivatePostgres
	owner, home string // addresses of the home: its owner's, and a superuser's
	driver      *driver.Driver
	pool        *sql.DB // the home's
	client      *ent.Client
	tenants     []*tenant
	secrets     []string // what no error may hold
}

// tenant is one whose record can change.
type tenant struct {
	id     tenancy.ID
	record atomic.Pointer[tenancy.Tenant] // as a registry has it now
	places []place                        // where its rows are, and will be
	at     int                            // in places

	// Held by each operation that writes, and by each operation. Whoever moves
	// the tenant waits for the writing ones, and when its record has changed for
	// those that may still have the old one.
	writing, using sync.RWMutex
}

// place is where rows of tenants are.
type place struct {
	isolation tenancy.Isolation
	placement tenancy.Placement
	admin     string // a superuser's address of its database
	schema    string
}

func newWorld(t *testing.T) *world {
	t.Helper()
	server := servers.NewPrivatePostgres(t)
	owner, app, system := server.Roles(t)
	w := &world{server: server, owner: owner}
	w.home = w.admin(t, owner)
	w.hide(t, owner, app, system)
	w.makeTables(t, owner, halves(t, true), func(drv *entsql.Driver) []entschema.MigrateOption {
		return postgres.MigrateOptions(drv, migrate.Tenancy)
	})
	shared, rls := w.inHome(tenancy.IsolationShared), w.inHome(tenancy.IsolationRLS)
	w.add("shared", shared)
	w.add("rls", rls)
	w.add("schema", w.inSchema(t, "tenant_a"))
	w.add("Schema", w.inSchema(t, "Tenant-B")) // an id that differs only by case
	w.add("database", w.inDatabase(t))
	w.add("moving", rls, w.inSchema(t, "tenant_c"), w.inDatabase(t), w.inDatabase(t))
	w.open(t, app, system)
	return w
}

func (w *world) add(id tenancy.ID, places ...place) {
	added := &tenant{id: id, places: places}
	added.register(1)
	w.tenants = append(w.tenants, added)
}

// register changes the tenant's record to say where it is.
func (t *tenant) register(version int64) {
	at := t.places[t.at]
	t.record.Store(&tenancy.Tenant{
		ID: t.id, Identifier: "the-" + string(t.id), Isolation: at.isolation, Placement: at.placement, Version: version,
	})
}

// open makes the application: one client, and pools of two roles for the home.
func (w *world) open(t *testing.T, app, system string) {
	t.Helper()
	w.pool = switching(t, app)
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, w.pool), driver.Config{
		System:    entsql.OpenDB(dialect.Postgres, switching(t, system)),
		Databases: driver.Databases{Open: postgres.Databases{}.Open, MaxConns: databaseConnections, MaxConnsPerTenant: 3},
	})
	must(t, err)
	t.Cleanup(func() { _ = drv.Close() })
	w.driver, w.client = drv, ent.NewClient(ent.TenancyDriver(drv))
}

// switching is a pool of connections that act for the tenant of a context.
func switching(t *testing.T, address string) *sql.DB {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	must(t, err)
	connector, err := postgres.NewConnector(config, postgres.Config{})
	must(t, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(homeConnections)
	db.SetMaxIdleConns(homeConnections)
	return db
}

func (w *world) inHome(isolation tenancy.Isolation) place {
	return place{isolation: isolation, admin: w.home, schema: "public"}
}

func (w *world) inSchema(t *testing.T, name string) place {
	t.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	run(t, w.owner, "CREATE SCHEMA "+quoted)
	w.makeTables(t, with(t, w.owner, func(u *url.URL) {
		u.RawQuery += "&search_path=" + url.QueryEscape(quoted)
	}), halves(t, false), plain)
	return place{isolation: tenancy.IsolationSchema, placement: tenancy.Placement{Schema: name}, admin: w.home, schema: name}
}

func (w *world) inDatabase(t *testing.T) place {
	t.Helper()
	address := w.server.Database(t)
	w.hide(t, address)
	w.makeTables(t, address, halves(t, false), plain)
	return place{
		isolation: tenancy.IsolationDatabase, placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(address)},
		admin: w.admin(t, address), schema: "public",
	}
}

// hide notes the passwords of addresses.
func (w *world) hide(t *testing.T, addresses ...string) {
	t.Helper()
	for _, address := range addresses {
		u, err := url.Parse(address)
		must(t, err)
		password, _ := u.User.Password()
		w.secrets = append(w.secrets, password)
	}
}

// admin is a superuser's address of another's database.
func (w *world) admin(t *testing.T, address string) string {
	t.Helper()
	database, err := url.Parse(address)
	must(t, err)
	return with(t, w.server.Admin(), func(u *url.URL) { u.Path = database.Path })
}

// with returns an address that was changed.
func with(t *testing.T, address string, change func(*url.URL)) string {
	t.Helper()
	u, err := url.Parse(address)
	must(t, err)
	change(u)
	return u.String()
}

// halves returns the tables that tenants have, with those of everybody or without.
func halves(t *testing.T, all bool) []*entschema.Table {
	t.Helper()
	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	must(t, err)
	if all {
		return append(tenants, globals...)
	}
	// The workers use no others, and each takes its time to make.
	return slices.DeleteFunc(tenants, func(table *entschema.Table) bool {
		return !slices.Contains([]string{"users", "orders", "items"}, table.Name)
	})
}

func plain(*entsql.Driver) []entschema.MigrateOption { return nil }

func (w *world) makeTables(t *testing.T, address string, tables []*entschema.Table, options func(*entsql.Driver) []entschema.MigrateOption) {
	t.Helper()
	db, err := sql.Open("pgx", address)
	must(t, err)
	defer db.Close()
	drv := entsql.OpenDB(dialect.Postgres, db)
	must(t, migrate.Create(t.Context(), migrate.NewSchema(drv), tables, options(drv)...))
}

// places returns every place there is, once.
func (w *world) places() []place {
	all := []place{w.inHome(tenancy.IsolationRLS)}
	for _, t := range w.tenants {
		for _, p := range t.places {
			if p.schema != "public" || p.admin != w.home {
				all = append(all, p)
			}
		}
	}
	return all
}

// run runs statements one by one on a connection of its own.
func run(t *testing.T, address string, statements ...string) {
	t.Helper()
	on(t, address, func(ctx context.Context, conn *pgx.Conn) error {
		for _, statement := range statements {
			if _, err := conn.Exec(ctx, statement); err != nil {
				return fmt.Errorf("%s: %w", statement, err)
			}
		}
		return nil
	})
}

// on lends a connection of its own, on which nothing may fail.
func on(t *testing.T, address string, use func(context.Context, *pgx.Conn) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	must(t, connected(ctx, address, use))
}

func connected(ctx context.Context, address string, use func(context.Context, *pgx.Conn) error) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	return use(ctx, conn)
}

// patience is how long anything may take before it counts as stuck.
const patience = time.Minute

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
