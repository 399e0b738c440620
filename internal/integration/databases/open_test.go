package databases_test

import (
	"context"
	"errors"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

func TestDatabaseIsOpenedOnce(t *testing.T) {
	t.Parallel()
	var opened atomic.Int32
	var counted sockets
	drv := newDriver(t, driver.Databases{MaxConns: 4, Open: func(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
		opened.Add(1)
		return postgres.Databases{Adjust: counted.count}.Open(ctx, t)
	}})
	tenant := newTenant(t, newDatabase(t))
	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if err := whose(t.Context(), drv, tenant); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	if opened.Load() != 1 {
		t.Errorf("the database was opened %d times, want once", opened.Load())
	}
	if _, most := counted.state(); most > 4 {
		t.Errorf("there were %d connections at once, want at most 4", most)
	}
}

func TestFailureToOpenIsNotKept(t *testing.T) {
	t.Parallel()
	broken := errors.New("the vault is sealed")
	var fails atomic.Bool
	fails.Store(true)
	drv := newDriver(t, driver.Databases{Open: postgres.Databases{
		Adjust: func(context.Context, tenancy.Tenant, *pgx.ConnConfig) error {
			if fails.Load() {
				return broken
			}
			return nil
		},
	}.Open})
	tenant := newTenant(t, newDatabase(t))
	if err := whose(t.Context(), drv, tenant); !errors.Is(err, broken) || !strings.Contains(err.Error(), tenant.String()) {
		t.Errorf("the error is %v, want that of Adjust, naming the tenant", err)
	}
	fails.Store(false)
	must(t, whose(t.Context(), drv, tenant))
}

// TestEachTenantLogsInAsItself has two roles, of which neither may enter the
// other's database.
func TestEachTenantLogsInAsItself(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	for range 2 {
		tenant := newTenant(t, newDatabase(t))
		rows, err := drv.QueryContext(as(t, tenant), "SELECT session_user")
		must(t, err)
		defer rows.Close()
		var user string
		for rows.Next() {
			must(t, rows.Scan(&user))
		}
		must(t, rows.Err())
		if want := parsed(tenant).User.Username(); user != want {
			t.Errorf("the tenant is logged in as %q, want %q", user, want)
		}
	}
}

// TestErrorsHoldNoCredentials tries what can be wrong with a URL.
func TestErrorsHoldNoCredentials(t *testing.T) {
	t.Parallel()
	address := newDatabase(t)
	const secret = "hunter2"
	for name, test := range map[string]struct {
		address string
		want    error
	}{
		"no such role":           {change(t, address, func(u *url.URL) { u.User = url.UserPassword("tenancy_test_nobody", secret) }), nil},
		"no such database":       {change(t, address, func(u *url.URL) { u.Path = "/tenancy_test_nowhere" }), tenancy.ErrNotProvisioned},
		"nobody listens":         {"postgres://someone:" + secret + "@127.0.0.1:1/somewhere", nil},
		"no database in the URL": {"postgres://someone:" + secret + "@127.0.0.1", tenancy.ErrInvalidPlacement},
		"no host in the URL":     {"postgres://someone:" + secret + "@:5432/somewhere", tenancy.ErrInvalidPlacement},
		"another scheme":         {"mysql://someone:" + secret + "@127.0.0.1/somewhere", tenancy.ErrInvalidPlacement},
		"keywords":               {"host=127.0.0.1 dbname=somewhere password=" + secret, tenancy.ErrInvalidPlacement},
		"not a URL":              {"postgres://someone:" + secret + "%zz@127.0.0.1/somewhere", tenancy.ErrInvalidPlacement},
		"a parameter is wrong":   {"postgres://someone:" + secret + "@127.0.0.1/somewhere?sslmode=" + secret, tenancy.ErrInvalidPlacement},
		"a tenant for all":       {"postgres://someone:" + secret + "@127.0.0.1/somewhere?tenancy.tenant_id=" + secret, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			drv := newDriver(t, driver.Databases{})
			tenant := tenantAt(test.address)
			err := whose(t.Context(), drv, tenant)
			if err == nil || test.want != nil && !errors.Is(err, test.want) {
				t.Fatalf("the error is %v, want %v", err, test.want)
			}
			if !strings.Contains(err.Error(), tenant.String()) {
				t.Errorf("the error does not name the tenant: %v", err)
			}
			for _, leak := range []string{secret, passwordOf(address), "://"} {
				if strings.Contains(err.Error(), leak) {
					t.Errorf("the error holds %q: %v", leak, err)
				}
			}
			if errors.As(err, new(*pgconn.ConnectError)) || errors.As(err, new(*pgconn.ParseConfigError)) {
				t.Error("the error holds the configuration in its chain")
			}
		})
	}
}

func passwordOf(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}

func TestMovedTenantDrains(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	before := newTenant(t, newDatabase(t))
	to := newDatabase(t)
	after := moved(before, to)
	run(t, to, "INSERT INTO items (tenant_id, name) VALUES ('"+string(before.ID)+"', '"+string(before.ID)+"')")

	rows, err := drv.QueryContext(as(t, before), "SELECT current_database() FROM generate_series(1, 50000)")
	must(t, err)
	defer rows.Close()
	tx, err := drv.Tx(as(t, before))
	must(t, err)
	must(t, tx.Exec(as(t, before), "INSERT INTO items (tenant_id, name) VALUES ('late', 'late')", []any{}, nil))

	must(t, whose(t.Context(), drv, after))
	if err := tx.Exec(as(t, after), "SELECT 1", []any{}, nil); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("a statement at the new place in a transaction at the old got %v", err)
	}
	read := 0
	for rows.Next() {
		var database string
		must(t, rows.Scan(&database))
		if "/"+database != parsed(before).Path {
			t.Fatalf("a row of the old place comes from %s", database)
		}
		read++
	}
	must(t, rows.Err())
	if read != 50000 {
		t.Errorf("read %d rows of what was begun before the tenant moved, want 50000", read)
	}
	must(t, tx.Commit())
	until(t, "the old place has no connections", func() bool { return sessions(t, before) == 0 })

	if err := whose(t.Context(), drv, before); !errors.Is(err, tenancy.ErrInvalidPlacement) || !strings.Contains(err.Error(), "read the tenant again") {
		t.Errorf("a record that is out of date got %v", err)
	}
	must(t, whose(t.Context(), drv, after))
	if s := drv.Stats(); s.Replaced != 1 || s.Pools != 1 {
		t.Errorf("the statistics are %+v, want 1 replaced and 1 pool", s)
	}
}

func TestRotatedCredentialsGetANewPool(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	tenant := newTenant(t, newDatabase(t))
	must(t, whose(t.Context(), drv, tenant))
	rotated := moved(tenant, change(t, tenant.Placement.DatabaseURL.Reveal(), func(u *url.URL) {
		u.User = url.UserPassword(u.User.Username(), "rotated")
	}))
	run(t, tenant.Placement.DatabaseURL.Reveal(), "ALTER ROLE CURRENT_USER PASSWORD 'rotated'")
	must(t, whose(t.Context(), drv, rotated))
	if s := drv.Stats(); s.Replaced != 1 || s.Opened != 2 {
		t.Errorf("the statistics are %+v, want 1 replaced of 2 opened", s)
	}
}

func TestOpenNamesTheServer(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"postgres://a@db.example.com/x":                  "db.example.com:5432",
		"postgres://a@db.example.com:6432/x":             "db.example.com:6432",
		"postgresql://a@two:1,one:2/x?sslmode=disable":   "one:2,two:1",
		"postgres:///x?host=/run/postgresql":             "/run/postgresql:5432",
		"postgres://a@[::1]/x":                           "[::1]:5432",
		"postgres://a@db.example.com/x?sslmode=disable":  "db.example.com:5432",
		"postgres://a@db.example.com/?dbname=x&port=999": "db.example.com:999",
	} {
		database, err := postgres.Databases{}.Open(t.Context(), tenantAt(address))
		must(t, err)
		if database.Server != want {
			t.Errorf("the server of %s is %q, want %q", address, database.Server, want)
		}
	}
}

func TestEnvironmentDoesNotPlaceTenants(t *testing.T) {
	t.Setenv("PGDATABASE", "somebody_elses")
	t.Setenv("PGHOST", "127.0.0.1")
	for _, address := range []string{
		"postgres://a@127.0.0.1", "postgres://a@127.0.0.1/", "postgres:///x", "postgres://a@:5432/x", "postgres://a@127.0.0.1/x?dbname=",
		"postgres://a@one,/x", "postgres://", "",
	} {
		if _, err := (postgres.Databases{}).Open(t.Context(), tenantAt(address)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("%q got %v, want tenancy.ErrInvalidPlacement", address, err)
		}
	}
}

// TestFailedAfterConnectEndsItsSession has a session set up that cannot be: nobody
// is given it, and its place is for others.
func TestFailedAfterConnectEndsItsSession(t *testing.T) {
	t.Parallel()
	tenant, counted := newTenant(t, newDatabase(t)), &sockets{}
	broken, panics := errors.New("it cannot be set up"), false
	after := stdlib.OptionAfterConnect(func(context.Context, *pgx.Conn) error {
		if panics {
			panic(broken)
		}
		return broken
	})
	database, err := postgres.Databases{Config: postgres.Config{Stdlib: []stdlib.OptionOpenDB{after}}, Adjust: counted.count}.Open(t.Context(), tenant)
	must(t, err)
	for range 3 {
		if _, err := database.Connector.Connect(t.Context()); !errors.Is(err, broken) {
			t.Errorf("connecting ends with %v", err)
		}
		if open, most := counted.state(); open != 0 || most != 1 || sessions(t, tenant) != 0 {
			t.Errorf("%d of %d sessions are left open", open, most)
		}
	}
	panics = true
	func() {
		defer func() { _ = recover() }()
		_, _ = database.Connector.Connect(t.Context())
	}()
	if open, _ := counted.state(); open != 0 {
		t.Error("a panic leaves its session open")
	}
}
