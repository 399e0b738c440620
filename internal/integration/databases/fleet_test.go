package databases_test

import (
	"context"
	"fmt"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// fleet is many tenants in fewer databases. Each has a pool of its own all the same.
type fleet struct {
	drv         *driver.Driver
	counted     *sockets
	application string // as the server knows the connections
	tenants     []tenancy.Tenant
}

func newFleet(tb testing.TB, tenants, databases int, config driver.Databases) *fleet {
	tb.Helper()
	f := &fleet{counted: &sockets{}, application: "tenancy_test_" + string(tenantAt("").ID)}
	config.Open = postgres.Databases{Adjust: func(ctx context.Context, t tenancy.Tenant, config *pgx.ConnConfig) error {
		config.RuntimeParams["application_name"] = f.application
		return f.counted.count(ctx, t, config)
	}}.Open
	for range databases {
		address := newDatabase(tb)
		values := make([]string, tenants/databases)
		for i := range values {
			t := tenantAt(address)
			values[i] = fmt.Sprintf("('%[1]s', '%[1]s')", t.ID)
			f.tenants = append(f.tenants, t)
		}
		run(tb, address, "INSERT INTO items (tenant_id, name) VALUES "+strings.Join(values, ", "), "CREATE INDEX ON items (tenant_id)")
	}
	f.drv = newDriver(tb, config)
	return f
}

// TestFleet has tenants come and go, more than the server has connections, of
// whom some are active at a time. At full size it is a thousand, of whom fifty.
func TestFleet(t *testing.T) {
	t.Parallel()
	tenants, databases, active, workers, statements, budget := 240, 8, 12, 16, 2400, 20
	if os.Getenv("TENANCY_TEST_SLOW") == "1" {
		tenants, databases, active, workers, statements, budget = 1000, 200, 50, 64, 60_000, 60
	}
	f := newFleet(t, tenants, databases, driver.Databases{MaxConns: budget})
	done := make(chan struct{})
	seen := f.watch(t, done)
	var next atomic.Int64
	var all sync.WaitGroup
	for range workers {
		all.Go(func() {
			for n := int(next.Add(1)); n <= statements; n = int(next.Add(1)) {
				first := n * tenants / statements // of those who are active now
				tenant := f.tenants[(first+n*7%active)%tenants]
				if err := whose(t.Context(), f.drv, tenant); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	close(done)
	if most := receive(t, seen); most > budget || most == 0 {
		t.Errorf("the server had up to %d sessions at once, want at most %d", most, budget)
	}
	open, most := f.counted.state()
	if most > budget {
		t.Errorf("there were %d connections at once, want at most %d", most, budget)
	}
	s := f.drv.Stats()
	t.Logf("%d statements: %+v", statements, s)
	if s.Pools != tenants || len(s.Servers) != 1 || s.Servers[0].Open != open || s.Servers[0].Waiting != 0 {
		t.Errorf("%d connections are open, and the statistics are %+v", open, s)
	}
}

// watch asks the server for its sessions until done, and then says how many
// there were at most.
func (f *fleet) watch(tb testing.TB, done <-chan struct{}) <-chan int {
	tb.Helper()
	admin := servers.PostgresAdmin(tb)
	seen := make(chan int, 1)
	go func() {
		defer close(seen)
		conn, err := pgx.Connect(tb.Context(), admin)
		if err != nil {
			tb.Error(err)
			return
		}
		defer func() { _ = conn.Close(context.WithoutCancel(tb.Context())) }()
		most := 0
		look := time.NewTicker(5 * time.Millisecond)
		defer look.Stop()
		for {
			select {
			case <-done:
				seen <- most
				return
			case <-look.C:
			}
			var n int
			err := conn.QueryRow(tb.Context(), "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1", f.application).Scan(&n)
			if err != nil {
				tb.Error(err)
				return
			}
			most = max(most, n)
		}
	}()
	return seen
}
