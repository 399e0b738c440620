package databases_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"net"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"go.uber.org/goleak"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// patience is when a test gives up on something that should have happened.
const patience = 30 * time.Second

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// newDatabase returns the URL of a new database of a role of its own, with a
// table of items that is empty.
func newDatabase(tb testing.TB) string {
	tb.Helper()
	address := servers.Postgres(tb)
	run(tb, address, "CREATE TABLE items (id bigserial PRIMARY KEY, tenant_id text NOT NULL, name text NOT NULL)")
	return address
}

// newTenant returns a tenant whose rows are in the database at the address, of
// which one is of the tenant.
func newTenant(tb testing.TB, address string) tenancy.Tenant {
	tb.Helper()
	t := tenantAt(address)
	run(tb, address, fmt.Sprintf("INSERT INTO items (tenant_id, name) VALUES ('%[1]s', '%[1]s')", t.ID))
	return t
}

func tenantAt(address string) tenancy.Tenant {
	return tenancy.Tenant{
		ID: tenancy.ID(strings.ToLower(rand.Text())), Identifier: "acme", Isolation: tenancy.IsolationDatabase, Version: 1,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(address)},
	}
}

func as(tb testing.TB, t tenancy.Tenant) context.Context {
	tb.Helper()
	return tenancy.NewContext(tb.Context(), t)
}

// sockets counts the connections to servers, from before they are opened until
// the server has closed them.
type sockets struct {
	mu         sync.Mutex
	open, most int
}

func (s *sockets) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.open += n
	s.most = max(s.most, s.open)
}

func (s *sockets) state() (open, most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.open, s.most
}

// count is a postgres.Databases.Adjust.
func (s *sockets) count(_ context.Context, _ tenancy.Tenant, config *pgx.ConnConfig) error {
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		s.add(1)
		conn, err := dial(ctx, network, address)
		if err != nil {
			s.add(-1)
			return nil, err
		}
		return &socket{Conn: conn, of: s}, nil
	}
	return nil
}

type socket struct {
	net.Conn
	of   *sockets
	once sync.Once
}

func (s *socket) Close() error {
	defer s.once.Do(func() { s.of.add(-1) })
	return s.Conn.Close()
}

// newDriver returns a driver whose home is a database of its own. It is closed
// with the test.
func newDriver(tb testing.TB, config driver.Databases) *driver.Driver {
	tb.Helper()
	if config.Open == nil {
		config.Open = postgres.Databases{}.Open
	}
	pg, err := pgx.ParseConfig(servers.Postgres(tb))
	if err != nil {
		tb.Fatal("the home's URL does not parse")
	}
	connector, err := postgres.NewConnector(pg, postgres.Config{})
	must(tb, err)
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, sql.OpenDB(connector)), driver.Config{Databases: config})
	must(tb, err)
	tb.Cleanup(func() {
		if err := drv.Close(); err != nil {
			tb.Errorf("closing the driver: %v", err)
		}
	})
	return drv
}

// whose asks for the items of a tenant, and says who else's it found.
func whose(ctx context.Context, drv *driver.Driver, t tenancy.Tenant) error {
	rows, err := drv.QueryContext(tenancy.NewContext(ctx, t),
		"SELECT current_database(), current_setting('tenancy.tenant_id'), name FROM items WHERE tenant_id = $1", string(t.ID))
	if err != nil {
		return err
	}
	defer rows.Close()
	want := strings.TrimPrefix(parsed(t).Path, "/")
	found := 0
	for rows.Next() {
		var database, setting, name string
		if err := rows.Scan(&database, &setting, &name); err != nil {
			return err
		}
		if database != want || setting != string(t.ID) || name != string(t.ID) {
			return fmt.Errorf("%s reads %q in database %s as %q", t, name, database, setting)
		}
		found++
	}
	if err := rows.Err(); err != nil {
		return err
	}
	if found != 1 {
		return fmt.Errorf("%s has %d items, want 1", t, found)
	}
	return nil
}

// parsed returns the URL of the tenant's database.
func parsed(t tenancy.Tenant) *url.URL {
	address, err := url.Parse(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return &url.URL{}
	}
	return address
}

// moved returns the tenant at another address, in a newer record.
func moved(t tenancy.Tenant, address string) tenancy.Tenant {
	t.Placement.DatabaseURL = tenancy.NewSecret(address)
	t.Version++
	return t
}

// change returns an address with something else in it.
func change(tb testing.TB, address string, change func(*url.URL)) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal("the URL does not parse")
	}
	change(u)
	return u.String()
}

// run runs statements one by one on a connection of its own.
func run(tb testing.TB, address string, statements ...string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), patience)
	defer cancel()
	conn, err := pgx.Connect(ctx, address)
	must(tb, err)
	defer func() { _ = conn.Close(ctx) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// count returns what an administrator's query counts.
func count(tb testing.TB, query string, args ...any) (n int) {
	tb.Helper()
	conn, err := pgx.Connect(tb.Context(), servers.PostgresAdmin(tb))
	must(tb, err)
	defer func() { _ = conn.Close(tb.Context()) }()
	must(tb, conn.QueryRow(tb.Context(), query, args...).Scan(&n))
	return n
}

// sessions is how many there are in the database of a tenant, as the server says.
func sessions(tb testing.TB, t tenancy.Tenant) int {
	tb.Helper()
	return count(tb, "SELECT count(*) FROM pg_stat_activity WHERE datname = $1", strings.TrimPrefix(parsed(t).Path, "/"))
}

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

// until waits for what another goroutine or the server brings about.
func until(tb testing.TB, what string, holds func() bool) {
	tb.Helper()
	for deadline := time.Now().Add(patience); !holds(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("waited too long until %s", what)
		}
	}
}

func receive[T any](tb testing.TB, from <-chan T) (got T) {
	tb.Helper()
	select {
	case got = <-from:
	case <-time.After(patience):
		tb.Fatal("waited too long")
	}
	return got
}

// queryText returns the one text that a query of ent's kind finds, "" if it
// finds nothing.
func queryText(ctx context.Context, tb testing.TB, on interface {
	Query(ctx context.Context, query string, args, v any) error
}, query string,
) (text string) {
	tb.Helper()
	var rows entsql.Rows
	must(tb, on.Query(ctx, query, []any{}, &rows))
	defer rows.Close()
	for rows.Next() {
		must(tb, rows.Scan(&text))
	}
	must(tb, rows.Err())
	return text
}
