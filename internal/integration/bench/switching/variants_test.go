package switching_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// variant is one way to serve many tenants, or not to.
type variant struct {
	name    string
	ours    bool // this library
	shop    shop
	tenants []tenancy.Tenant
	// visits is how often a connection has to have done an operation for each of
	// the tenants before it is as fast as it will be, because they are in so many
	// places. With a statement for each place, that is the two uses until there is
	// one and the five for which PostgreSQL plans it for their arguments alone.
	visits int
	// statement and transaction are the round trips that they take when warm.
	statement, transaction int64
}

// trips returns how many round trips an operation takes when it is warm.
func (v *variant) trips(op operation) int64 {
	if op.name == transaction {
		return v.transaction
	}
	return v.statement
}

// baseline is the variant that the others are compared to. It is measured a
// second time as if it were another, to show what a difference means.
const (
	baseline = "plain ent"
	control  = "plain ent again"
)

// site is a way to the servers, and how many connections a pool has.
type site struct {
	*world
	connections int
	dial        func(pgconn.DialFunc) pgconn.DialFunc // nil for no difference
}

// pools is how many pools all the variants have, with that of tenants' databases.
const pools = 12

// open opens all the variants.
func (s *site) open(tb testing.TB) []variant {
	tb.Helper()
	// Each has a pool of its own, even where that could be the same: how fast a
	// client and a process of the server wake each other depends on where they run,
	// and one that is asked by several variants has more of what it needs at hand.
	trusted := func() *entsql.Driver { return s.stdlib(tb, s.system) }
	guarded := func() *entsql.Driver { return s.stdlib(tb, s.app) }
	rows, places := s.connector(tb, s.app), s.connector(tb, s.app)
	predicate := openPlain(trusted())
	predicate.predicate = true
	shared := s.placed(s.tenants, tenancy.IsolationShared)
	schemas := s.placed(s.schemas, tenancy.IsolationSchema)
	mixed := openScoped(s.wrap(tb, places, driver.Config{Databases: driver.Databases{
		Open: postgres.Databases{Config: quiet(), Adjust: s.adjust}.Open, MaxConns: max(s.connections, s.databases),
	}}))
	return []variant{
		{name: baseline, shop: openPlain(trusted()), tenants: shared, statement: 1, transaction: 5},
		{name: control, shop: openPlain(trusted()), tenants: shared, statement: 1, transaction: 5},
		{name: "predicate by hand", shop: predicate, tenants: shared, statement: 1, transaction: 5},
		{name: "BEGIN, set_config, COMMIT", shop: beginShop{guarded().DB()}, tenants: shared, statement: 4, transaction: 6},
		{name: "ent's WithVar", shop: varShop{openPlain(guarded())}, tenants: shared, statement: 3, transaction: 8},
		{name: "SET search_path, RESET", shop: pathShop{guarded().DB()}, tenants: schemas, visits: 1, statement: 3, transaction: 7},
		{name: "shared", ours: true, shop: openScoped(s.wrap(tb, trusted(), driver.Config{})), tenants: shared, statement: 1, transaction: 5},
		{name: "rls", ours: true, shop: openScoped(s.wrap(tb, rows, driver.Config{})), tenants: s.placed(s.tenants, tenancy.IsolationRLS), statement: 1, transaction: 4},
		{name: "schema", ours: true, shop: mixed, tenants: schemas, visits: 8, statement: 1, transaction: 4},
		{name: "database", ours: true, shop: mixed, tenants: s.placed(s.databases, tenancy.IsolationDatabase), statement: 1, transaction: 4},
		{name: "hybrid", ours: true, shop: mixed, tenants: s.mix(), visits: 1, statement: 1, transaction: 4},
		{name: "pgx alone", shop: pgxShop{s.pgxpool(tb, s.system)}, tenants: shared, statement: 1, transaction: 5},
		{name: "pgx alone with set_config", shop: batchShop{s.pgxpool(tb, s.app)}, tenants: shared, statement: 1, transaction: 5},
	}
}

// placed returns the first n tenants, living where the isolation says.
func (s *site) placed(n int, isolation tenancy.Isolation) []tenancy.Tenant {
	tenants := make([]tenancy.Tenant, n)
	for number := range tenants {
		t := tenant(number)
		t.Isolation = isolation
		switch isolation {
		case tenancy.IsolationSchema:
			t.Placement.Schema = schemaName(number)
		case tenancy.IsolationDatabase:
			t.Placement.DatabaseURL = tenancy.NewSecret(s.urls[number])
		default:
		}
		tenants[number] = t
	}
	return tenants
}

// mix returns tenants of which those that have a database live there, a tenth
// in their schema, and the rest behind row-level security.
func (s *site) mix() []tenancy.Tenant {
	tenants := s.placed(s.tenants, tenancy.IsolationRLS)
	copy(tenants, s.placed(s.databases, tenancy.IsolationDatabase))
	for number, t := range s.placed(s.schemas, tenancy.IsolationSchema) {
		if number >= s.databases && number%10 == 0 {
			tenants[number] = t
		}
	}
	return tenants
}

// config is how to connect to a database from the site.
func (s *site) config(tb testing.TB, address string) *pgx.ConnConfig {
	tb.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		tb.Fatal("a URL of the server does not parse")
	}
	_ = s.adjust(tb.Context(), tenancy.Tenant{}, config)
	return config
}

// adjust has connections go the site's way. It never fails.
func (s *site) adjust(_ context.Context, _ tenancy.Tenant, config *pgx.ConnConfig) error {
	if s.dial != nil {
		config.DialFunc = s.dial(config.DialFunc)
	}
	return nil
}

// neverPing keeps stdlib from asking connections that were idle for a second,
// as they all are here between their turns, whether they still live.
func neverPing() stdlib.OptionOpenDB {
	return stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false })
}

// quiet is this library's connections, without those pings.
func quiet() postgres.Config { return postgres.Config{Stdlib: []stdlib.OptionOpenDB{neverPing()}} }

func (s *site) pool(tb testing.TB, connector sqldriver.Connector) *entsql.Driver {
	tb.Helper()
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(s.connections)
	db.SetMaxIdleConns(s.connections)
	tb.Cleanup(func() { _ = db.Close() })
	return entsql.OpenDB(dialect.Postgres, db)
}

// stdlib opens a pool of pgx's own connections.
func (s *site) stdlib(tb testing.TB, address string) *entsql.Driver {
	tb.Helper()
	return s.pool(tb, stdlib.GetConnector(*s.config(tb, address), neverPing()))
}

// connector opens a pool of this library's connections.
func (s *site) connector(tb testing.TB, address string) *entsql.Driver {
	tb.Helper()
	connector, err := postgres.NewConnector(s.config(tb, address), quiet())
	if err != nil {
		tb.Fatal(err)
	}
	return s.pool(tb, connector)
}

// wrap puts this library's driver around a home.
func (s *site) wrap(tb testing.TB, home dialect.Driver, config driver.Config) dialect.Driver {
	tb.Helper()
	wrapped, err := driver.New(home, config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = wrapped.Close() })
	return wrapped
}

func (s *site) pgxpool(tb testing.TB, address string) *pgxpool.Pool {
	tb.Helper()
	config, err := pgxpool.ParseConfig(address)
	if err != nil {
		tb.Fatal("a URL of the server does not parse")
	}
	config.ConnConfig = s.config(tb, address)
	config.MaxConns = int32(s.connections)
	config.ShouldPing = func(context.Context, pgxpool.ShouldPingParams) bool { return false }
	pool, err := pgxpool.NewWithConfig(tb.Context(), config)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(pool.Close)
	return pool
}
