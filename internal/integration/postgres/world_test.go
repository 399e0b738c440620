package postgres_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// The tenants of every world. The first two share public.items behind row-level
// security, the others have a schema each. Every tenant has its own number of
// rows, and each row has its tenant's id for a name.
const (
	sharedTenants = 2
	schemaTenants = 4
)

// world is a hostile database: the application's role owns nothing and
// bypasses nothing, and public.items holds rows that a fall from a tenant's
// schema would find.
type world struct {
	url     string // of the application's role
	owner   string
	admin   string
	tenants []tenancy.Tenant
	trips   atomic.Int64 // round trips of all connections
	dials   atomic.Int64
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldOf(tb, sharedTenants, schemaTenants)
}

func newWorldOf(tb testing.TB, shared, schemas int) *world {
	tb.Helper()
	role, password := "tenancy_test_app_"+strings.ToLower(rand.Text()), rand.Text()
	admin := servers.PostgresAdmin(tb)
	tb.Cleanup(func() { // after the database is dropped, with which go the role's privileges
		run(tb, admin, "DROP ROLE IF EXISTS "+role)
	})
	w := &world{admin: admin, owner: servers.Postgres(tb)}
	run(tb, admin, fmt.Sprintf("CREATE ROLE %s LOGIN NOSUPERUSER NOBYPASSRLS PASSWORD '%s'", role, password))
	address, err := url.Parse(w.owner)
	if err != nil {
		tb.Fatal("the owner's URL does not parse")
	}
	address.User = url.UserPassword(role, password)
	w.url = address.String()

	run(tb, w.owner,
		"CREATE TABLE public.items (id bigserial PRIMARY KEY, tenant_id text NOT NULL DEFAULT NULLIF(current_setting('tenancy.tenant_id', true), ''), name text)",
		"CREATE INDEX ON public.items (tenant_id, id)",
		"INSERT INTO public.items (tenant_id, name) SELECT 'nobody', 'nobody' FROM generate_series(1, 50)",
		"ALTER TABLE public.items ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY tenant ON public.items USING (tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))",
		"CREATE TABLE public.secrets (id int)", "INSERT INTO public.secrets VALUES (1)",
	)
	for i := range shared {
		tenant := tenancy.Tenant{ID: tenancy.ID(fmt.Sprintf("shared'%d\"\\", i)), Identifier: fmt.Sprintf("shared-%d", i), Isolation: tenancy.IsolationRLS}
		w.tenants = append(w.tenants, tenant)
		run(tb, w.owner, fmt.Sprintf("INSERT INTO public.items (tenant_id, name) SELECT %[1]s, %[1]s FROM generate_series(1, %[2]d)", literal(tenant), w.rows(i)))
	}
	for i := range schemas {
		w.tenants = append(w.tenants, w.newSchema(tb, len(w.tenants), fmt.Sprintf(`te"nant %d`, i)))
	}
	run(tb, w.owner,
		"ALTER TABLE public.items FORCE ROW LEVEL SECURITY",
		"GRANT USAGE ON SCHEMA public TO "+role,
		"GRANT ALL ON ALL TABLES IN SCHEMA public TO "+role,
		"GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "+role,
	)
	for _, tenant := range w.tenants[shared:] {
		schema := pgx.Identifier{tenant.Placement.Schema}.Sanitize()
		run(tb, w.owner,
			"GRANT ALL ON SCHEMA "+schema+" TO "+role,
			"GRANT ALL ON ALL TABLES IN SCHEMA "+schema+" TO "+role,
			"GRANT ALL ON ALL SEQUENCES IN SCHEMA "+schema+" TO "+role)
	}
	return w
}

// newSchema makes a schema for the tenant of the given number.
func (w *world) newSchema(tb testing.TB, number int, name string) tenancy.Tenant {
	tb.Helper()
	tenant := tenancy.Tenant{
		ID: tenancy.ID(fmt.Sprintf("schema-%d", number)), Identifier: fmt.Sprintf("tenant-%d", number),
		Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: name},
	}
	schema := pgx.Identifier{name}.Sanitize()
	run(tb, w.owner,
		"CREATE SCHEMA "+schema,
		"CREATE TABLE "+schema+".items (id bigserial PRIMARY KEY, tenant_id text NOT NULL DEFAULT current_setting('tenancy.tenant_id'), name text)",
		fmt.Sprintf("INSERT INTO %s.items (tenant_id, name) SELECT %[2]s, %[2]s FROM generate_series(1, %[3]d)", schema, literal(tenant), w.rows(number)))
	return tenant
}

// rows is how many items the tenant of a number has.
func (w *world) rows(number int) int { return number + 3 }

func literal(t tenancy.Tenant) string { return "'" + strings.ReplaceAll(string(t.ID), "'", "''") + "'" }

// as is the context of the tenant of a number.
func (w *world) as(tb testing.TB, number int) context.Context {
	tb.Helper()
	return tenancy.NewContext(tb.Context(), w.tenants[number])
}

func system(tb testing.TB) context.Context {
	tb.Helper()
	return tenancy.System(tb.Context(), "test")
}

// config is the pgx configuration of the application, on counted connections.
func (w *world) config(tb testing.TB) *pgx.ConnConfig {
	tb.Helper()
	config, err := pgx.ParseConfig(w.url)
	if err != nil {
		tb.Fatal("the application's URL does not parse")
	}
	return config
}

// counted has the connections of config count their round trips.
func (w *world) counted(config *pgx.ConnConfig) *pgx.ConnConfig {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		w.dials.Add(1)
		conn, err := dial(ctx, network, address)
		return &countingConn{Conn: conn, trips: &w.trips}, err
	}
	return config
}

// open returns a pool of connections of the connector. Their round trips are
// counted, so stdlib must not ping them whenever they have been idle for a second.
func (w *world) open(tb testing.TB, connections int, config postgres.Config) *sql.DB {
	tb.Helper()
	config.Stdlib = append(config.Stdlib, stdlib.OptionShouldPing(func(context.Context, stdlib.ShouldPingParams) bool { return false }))
	return openConfig(tb, connections, w.counted(w.config(tb)), config)
}

func openConfig(tb testing.TB, connections int, pg *pgx.ConnConfig, config postgres.Config) *sql.DB {
	tb.Helper()
	connector, err := postgres.NewConnector(pg, config)
	if err != nil {
		tb.Fatal(err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	tb.Cleanup(func() {
		if err := db.Close(); err != nil {
			tb.Errorf("closing the pool: %v", err)
		}
	})
	return db
}

// during returns how many round trips do takes.
func (w *world) during(do func()) int64 {
	before := w.trips.Load()
	do()
	return w.trips.Load() - before
}

// countingConn counts the writes that follow a read: as many as round trips.
type countingConn struct {
	net.Conn
	trips *atomic.Int64
	wrote atomic.Bool
}

func (c *countingConn) Write(b []byte) (int, error) {
	if !c.wrote.Swap(true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countingConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.wrote.Store(false)
	}
	return n, err
}

// querier is what *sql.DB, *sql.Tx and *sql.Conn have in common.
type querier interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row
}

const itemsOf = "SELECT name FROM items WHERE id > $1"

// names returns the names of the items that a tenant's query finds.
func names(ctx context.Context, db querier) ([]string, error) {
	rows, err := db.QueryContext(ctx, itemsOf, 0)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var found []string
	for rows.Next() {
		var name string
		if err := rows.Scan(&name); err != nil {
			return nil, err
		}
		found = append(found, name)
	}
	return found, rows.Err()
}

// sees fails the test unless the tenant of a number sees its rows and no others.
func (w *world) sees(tb testing.TB, number int, db querier) {
	tb.Helper()
	if err := w.check(w.as(tb, number), number, db); err != nil {
		tb.Error(err)
	}
}

// errWrong is an answer that is not the tenant's.
type errWrong struct{ text string }

func (e errWrong) Error() string { return e.text }

func (w *world) check(ctx context.Context, number int, db querier) error {
	found, err := names(ctx, db)
	if err != nil {
		return err
	}
	if len(found) != w.rows(number) {
		return errWrong{fmt.Sprintf("%s sees %d rows, want %d", w.tenants[number], len(found), w.rows(number))}
	}
	for _, name := range found {
		if name != string(w.tenants[number].ID) {
			return errWrong{fmt.Sprintf("%s sees a row of %q", w.tenants[number], name)}
		}
	}
	return nil
}

// nothingStays fails the test if a connection of the pool bears a trace of a tenant.
func nothingStays(tb testing.TB, db *sql.DB) {
	tb.Helper()
	var id sql.NullString
	var path string
	err := db.QueryRowContext(system(tb), "SELECT current_setting('tenancy.tenant_id', true), current_setting('search_path')").Scan(&id, &path)
	if err != nil {
		tb.Fatal(err)
	}
	if id.String != "" || path != `"$user", public` {
		tb.Errorf("tenant %q and search path %s stay on the connection", id.String, path)
	}
}

// run runs statements one by one on a connection of its own.
func run(tb testing.TB, address string, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 30*time.Second)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		tb.Fatal(err)
	}
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// must fails the test if err is not nil.
func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}
