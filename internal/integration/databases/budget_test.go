package databases_test

import (
	"cmp"
	"context"
	"errors"
	"net"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// limited returns a driver with few connections, and what counts them.
func limited(tb testing.TB, config driver.Databases) (*driver.Driver, *sockets) {
	tb.Helper()
	counted := &sockets{}
	config.Open = postgres.Databases{Adjust: counted.count}.Open
	return newDriver(tb, config), counted
}

// waiting is how many wait for a connection to the one server.
func waiting(drv *driver.Driver) (n int) {
	for _, server := range drv.Stats().Servers {
		n += server.Waiting
	}
	return n
}

func TestIdleConnectionsOfOthersAreClosed(t *testing.T) {
	t.Parallel()
	drv, counted := limited(t, driver.Databases{MaxConns: 2})
	var tenants []tenancy.Tenant
	for range 3 {
		tenants = append(tenants, newTenant(t, newDatabase(t)))
	}
	for _, i := range []int{0, 1, 0, 2} {
		must(t, whose(t.Context(), drv, tenants[i]))
	}
	for i, want := range []int{1, 0, 1} {
		if got := sessions(t, tenants[i]); got != want {
			t.Errorf("tenant %d has %d sessions, want %d: the one that was used the longest ago makes room", i, got, want)
		}
	}
	if _, most := counted.state(); most != 2 {
		t.Errorf("there were %d connections at once, want 2", most)
	}
}

// TestQuietTenantGetsTheNextConnection has a loud tenant that uses all
// connections and always wants more.
func TestQuietTenantGetsTheNextConnection(t *testing.T) {
	t.Parallel()
	drv, counted := limited(t, driver.Databases{MaxConns: 2})
	loud, quiet := newTenant(t, newDatabase(t)), newTenant(t, newDatabase(t))
	first, err := drv.Tx(as(t, loud))
	must(t, err)
	second, err := drv.Tx(as(t, loud))
	must(t, err)
	enough := make(chan struct{})
	more := make(chan error, 8)
	for range cap(more) {
		go func() {
			tx, err := drv.Tx(as(t, loud))
			if err == nil {
				<-enough
				err = tx.Rollback()
			}
			more <- err
		}()
	}
	served := make(chan error, 1)
	go func() { served <- whose(t.Context(), drv, quiet) }()
	until(t, "the quiet tenant waits", func() bool { return waiting(drv) > 0 })
	must(t, first.Rollback()) // only now is there one, and the other stays in use until the end
	must(t, receive(t, served))
	must(t, second.Rollback())
	close(enough)
	for range cap(more) {
		must(t, receive(t, more))
	}
	if _, most := counted.state(); most != 2 {
		t.Errorf("there were %d connections at once, want 2", most)
	}
}

func TestContextEndsWaiting(t *testing.T) {
	t.Parallel()
	drv, _ := limited(t, driver.Databases{MaxConns: 1})
	one, other := newTenant(t, newDatabase(t)), newTenant(t, newDatabase(t))
	tx, err := drv.Tx(as(t, one))
	must(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	gone := make(chan error, 1)
	go func() { gone <- whose(ctx, drv, other) }()
	until(t, "the other waits", func() bool { return waiting(drv) == 1 })
	cancel()
	if err := receive(t, gone); !errors.Is(err, context.Canceled) {
		t.Errorf("who gave up got %v", err)
	}
	must(t, tx.Rollback())
	must(t, whose(t.Context(), drv, other))
}

// TestCancelledStatementsKeepToTheBudget has statements cancelled on the server,
// where pgx closes the connection in the background.
func TestCancelledStatementsKeepToTheBudget(t *testing.T) {
	t.Parallel()
	const budget = 3
	drv, _ := limited(t, driver.Databases{MaxConns: budget})
	address := newDatabase(t)
	var tenants []tenancy.Tenant
	for range 6 {
		tenants = append(tenants, newTenant(t, address))
	}
	var all sync.WaitGroup
	for i := range 12 {
		all.Go(func() {
			for range 4 {
				ctx, cancel := context.WithTimeout(as(t, tenants[i%6]), 20*time.Millisecond)
				_, _ = drv.ExecContext(ctx, "SELECT pg_sleep(1) /* $1 */")
				cancel()
				if err := whose(t.Context(), drv, tenants[i%6]); err != nil {
					t.Error(err)
				}
				if n := sessions(t, tenants[0]); n > budget {
					t.Errorf("there are %d sessions, want at most %d", n, budget)
				}
			}
		})
	}
	all.Wait()
}

func TestServersHaveTheirOwnBudgets(t *testing.T) {
	t.Parallel()
	const second = "second-name.invalid" // of the one server, wherever that is
	address, counted := newDatabase(t), &sockets{}
	adjust := func(ctx context.Context, tenant tenancy.Tenant, config *pgx.ConnConfig) error {
		if config.Host == second {
			reach(t, config, address)
		}
		return counted.count(ctx, tenant, config)
	}
	drv := newDriver(t, driver.Databases{MaxConns: 1, Open: postgres.Databases{Adjust: adjust}.Open})
	here, there := newTenant(t, newDatabase(t)), newTenant(t, address)
	there = moved(there, change(t, address, func(u *url.URL) { u.Host, u.RawQuery = second, "" }))
	tx, err := drv.Tx(as(t, here))
	must(t, err)
	defer tx.Rollback()
	must(t, tx.Exec(as(t, here), "SELECT 1", []any{}, nil))
	must(t, whose(t.Context(), drv, there))
	if open, _ := counted.state(); open != 2 {
		t.Errorf("there are %d connections, want one to each server", open)
	}
	found := drv.Stats().Servers
	slices.SortFunc(found, func(a, b driver.ServerStats) int { return cmp.Compare(a.Idle, b.Idle) })
	if len(found) != 2 || found[0].Open != 1 || found[1].Open != 1 || found[1].Idle != 1 || !strings.HasPrefix(found[1].Server, second) {
		t.Errorf("the statistics are %+v, want two servers with a connection each, of which that to %s is idle", found, second)
	}
}

// reach has config connect to where address says, whatever host it names.
func reach(tb testing.TB, config *pgx.ConnConfig, address string) {
	tb.Helper()
	to, err := pgx.ParseConfig(address)
	if err != nil {
		tb.Error("the URL does not parse")
		return
	}
	network, at := pgconn.NetworkAddress(to.Host, to.Port)
	config.TLSConfig, config.Fallbacks = to.TLSConfig, to.Fallbacks // of which there are some where TLS is optional
	for _, other := range config.Fallbacks {
		other.Host, other.Port = config.Host, config.Port
	}
	config.LookupFunc = func(_ context.Context, host string) ([]string, error) { return []string{host}, nil }
	config.DialFunc = func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, at)
	}
}

func TestIdleConnectionsAndPoolsClose(t *testing.T) {
	t.Parallel()
	drv, counted := limited(t, driver.Databases{MaxIdleTime: 20 * time.Millisecond})
	tenant := newTenant(t, newDatabase(t))
	must(t, whose(t.Context(), drv, tenant))
	until(t, "the connection is closed", func() bool { open, _ := counted.state(); return open == 0 })
	until(t, "the pool is closed", func() bool { return drv.Stats().Pools == 0 && len(drv.Stats().Servers) == 0 })
	must(t, whose(t.Context(), drv, tenant))
	if s := drv.Stats(); s.Expired == 0 || s.Opened < 2 {
		t.Errorf("the statistics are %+v, want pools that expired and were opened again", s)
	}
}

func TestCloseWithOpenRows(t *testing.T) {
	t.Parallel()
	drv, counted := limited(t, driver.Databases{})
	tenant := newTenant(t, newDatabase(t))
	rows, err := drv.QueryContext(as(t, tenant), "SELECT generate_series(1, 50000)")
	must(t, err)
	defer rows.Close()
	must(t, drv.Close())
	read := 0
	for rows.Next() {
		read++
	}
	must(t, rows.Err())
	if read != 50000 {
		t.Errorf("read %d rows, want 50000", read)
	}
	must(t, rows.Close())
	if open, _ := counted.state(); open != 0 {
		t.Errorf("%d connections are left when the rows are closed", open)
	}
	if err := whose(t.Context(), drv, tenant); err == nil {
		t.Error("a driver that is closed still serves")
	}
}
