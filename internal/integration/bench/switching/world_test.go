package switching_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	scoped "github.com/entenancy/tenancy/internal/integration/bench/scoped/ent"
	"github.com/entenancy/tenancy/internal/integration/bench/scoped/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// size is how much data a world has.
type size struct {
	tenants   int // in the shared table
	rows      int // of each tenant, wherever they are
	schemas   int // how many of the tenants have a schema, too
	databases int // and how many have a database, too
}

// world is the data. Every tenant's rows have the same ids wherever they are,
// and are side by side, so that all alternatives read as many pages.
type world struct {
	size
	owner, app, system string   // URLs of the three roles
	urls               []string // URLs of tenants' databases, by the tenant's number
}

// listed is how many rows a list has.
const listed = 20

func newWorld(tb testing.TB, of size) *world {
	tb.Helper()
	w := &world{size: of}
	w.owner, w.app, w.system = servers.PostgresRoles(tb)
	createTables(tb, w.owner)
	w.run(tb, w.owner, "INSERT INTO orders (tenant_id, note, total) SELECT "+tenantIDs+", 'a note', row"+
		fmt.Sprintf(" FROM generate_series(0, %d) tenant, generate_series(1, %d) row ORDER BY tenant, row", of.tenants-1, of.rows))
	w.createSchemas(tb) // from the shared table, which not even its owner can read after this:
	w.run(tb, w.owner, postgres.Policies(migrate.Tenancy)...)
	w.run(tb, w.owner, "VACUUM ANALYZE orders")
	for number := range of.databases {
		w.createDatabase(tb, number)
	}
	return w
}

// tenantIDs is SQL for the id of the tenant that has the number tenant.
const tenantIDs = "'0198d2f4-6c1e-7a35-9b0d-' || lpad(tenant::text, 12, '0')"

// tenant is the one of a number, before it is said where it lives.
func tenant(number int) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID(fmt.Sprintf("0198d2f4-6c1e-7a35-9b0d-%012d", number)), Status: tenancy.StatusActive}
}

func schemaName(number int) string { return fmt.Sprintf("tenant_%d", number) }

// createTables makes the tables that ent asks for, with what keeps them alike
// for all alternatives.
func createTables(tb testing.TB, owner string) {
	tb.Helper()
	config, err := pgx.ParseConfig(owner)
	if err != nil {
		tb.Fatal("the owner's URL does not parse")
	}
	db := stdlib.OpenDB(*config)
	defer db.Close()
	client := scoped.NewClient(scoped.Driver(entsql.OpenDB(dialect.Postgres, db)))
	ctx := tenancy.System(tb.Context(), "create the tables")
	if err := client.Schema.Create(ctx); err != nil {
		tb.Fatal(err)
	}
	for _, statement := range []string{
		"CREATE INDEX ON orders (tenant_id, id)",
		"DROP INDEX order_tenant_id",                          // which the one above covers
		"ALTER TABLE orders SET (autovacuum_enabled = false)", // which would come at somebody's turn
		// A commit that waits for the disk would measure the disk, and a plan that reads all of a table of a hundred rows, kept
		// while thousands are inserted, would measure those.
		"DO $$ BEGIN EXECUTE format('ALTER DATABASE %I SET synchronous_commit = off', current_database()); " +
			"EXECUTE format('ALTER DATABASE %I SET enable_seqscan = off', current_database()); END $$",
	} {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// schemasAtOnce is how many schemas are made in a transaction: the server has
// room for the locks of a few thousand tables.
const schemasAtOnce = 50

// createSchemas makes the tenants' schemas, several transactions at a time.
func (w *world) createSchemas(tb testing.TB) {
	tb.Helper()
	var all sync.WaitGroup
	for worker := range 4 {
		all.Go(func() {
			for from := worker * schemasAtOnce; from < w.schemas; from += 4 * schemasAtOnce {
				if err := w.try(tb.Context(), w.owner, w.schemaScript(from, min(from+schemasAtOnce, w.schemas))); err != nil {
					tb.Errorf("creating schemas: %v", err)
					return
				}
			}
		})
	}
	all.Wait()
	if tb.Failed() {
		tb.FailNow()
	}
}

// schemaScript makes the schemas of some tenants, with one copy of the shared
// table each.
func (w *world) schemaScript(from, to int) string {
	var b strings.Builder
	for number := from; number < to; number++ {
		fmt.Fprintf(&b, "CREATE SCHEMA %[1]s;"+
			"CREATE TABLE %[1]s.orders (LIKE public.orders INCLUDING ALL) WITH (autovacuum_enabled = false);"+
			"INSERT INTO %[1]s.orders SELECT * FROM public.orders WHERE tenant_id = '%[2]s';"+
			"ALTER TABLE %[1]s.orders ALTER id RESTART %[3]d;"+
			"ANALYZE %[1]s.orders;",
			schemaName(number), tenant(number).ID, w.tenants*w.rows+1)
	}
	return b.String()
}

// createDatabase makes the database of a tenant, owned by a role of its own.
func (w *world) createDatabase(tb testing.TB, number int) {
	tb.Helper()
	address := servers.Postgres(tb)
	w.urls = append(w.urls, address)
	createTables(tb, address)
	w.run(
		tb, address,
		fmt.Sprintf("INSERT INTO orders (id, tenant_id, note, total) SELECT %d + row, '%s', 'a note', row FROM generate_series(1, %d) row",
			number*w.rows, tenant(number).ID, w.rows),
		fmt.Sprintf("ALTER TABLE orders ALTER id RESTART %d", w.tenants*w.rows+1),
		"VACUUM ANALYZE orders",
	)
}

// run runs statements one by one on a connection of its own.
func (w *world) run(tb testing.TB, address string, statements ...string) {
	tb.Helper()
	for _, statement := range statements {
		if err := w.try(tb.Context(), address, statement); err != nil {
			tb.Fatalf("%.60s: %v", statement, err)
		}
	}
}

func (w *world) try(ctx context.Context, address, script string) error {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(ctx) }()
	_, err = conn.Exec(ctx, script)
	return err
}

// spare is how many connections are left for what the benchmark does besides,
// and for sessions whose clients have gone just now.
const spare = 4

// freeConnections is how many connections the server has left.
func (w *world) freeConnections(tb testing.TB) int {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), w.owner)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(tb.Context()) }()
	var free int
	err = conn.QueryRow(tb.Context(), `SELECT current_setting('max_connections')::int
		- current_setting('superuser_reserved_connections')::int
		- (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend')
		+ 1`).Scan(&free) // this one is about to go
	if err != nil {
		tb.Fatal(err)
	}
	return free - spare
}
