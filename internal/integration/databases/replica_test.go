package databases_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"net"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestReplicaOfATenantsDatabase: a query may go to a copy of the tenant's own
// database, and nothing else does.
func TestReplicaOfATenantsDatabase(t *testing.T) {
	t.Parallel()
	primary, replica := newDatabase(t), newDatabase(t)
	run(t, replica, "INSERT INTO items (tenant_id, name) VALUES ('nobody', 'only in the copy')")
	open := func(ctx context.Context, at tenancy.Tenant) (driver.Database, error) {
		database, err := postgres.Databases{}.Open(ctx, at)
		if err != nil {
			return driver.Database{}, err
		}
		copied, err := postgres.Databases{}.Open(ctx, moved(at, replica))
		database.Replicas = []sqldriver.Connector{copied.Connector}
		return database, err
	}
	drv, tenant := newDriver(t, driver.Databases{Open: open}), tenantAt(primary)
	const where = "SELECT current_database()"
	ctx := as(t, tenant)
	name := func(address string) string {
		return strings.TrimPrefix(parsed(tenantAt(address)).Path, "/")
	}
	if got := queryText(driver.Replica(ctx), t, drv, where); got != name(replica) {
		t.Errorf("a query that may go to the replica went to %s", got)
	}
	if got := queryText(ctx, t, drv, where); got != name(primary) {
		t.Errorf("a query went to %s", got)
	}
	if got := queryText(driver.Replica(ctx), t, drv, where+" FROM items FOR UPDATE"); got != "" {
		t.Errorf("a locking query found %s, in the copy", got)
	}
	insert := "INSERT INTO items (tenant_id, name) VALUES ('" + string(tenant.ID) + "', 'x') RETURNING current_database()"
	if got := queryText(driver.Replica(ctx), t, drv, insert); got != name(primary) {
		t.Errorf("a write went to %s", got)
	}
	tx, err := drv.Tx(driver.Replica(ctx))
	must(t, err)
	if got := queryText(driver.Replica(ctx), t, tx, where); got != name(primary) {
		t.Errorf("a transaction went to %s", got)
	}
	must(t, tx.Rollback())
}

// TestThePrimaryAnswersForAReplica that nobody is at, or that lets nobody in, and does
// not ask it again at once; but not for one that has answered with an error.
func TestThePrimaryAnswersForAReplica(t *testing.T) {
	t.Parallel()
	primary := newDatabase(t)
	name := strings.TrimPrefix(parsed(tenantAt(primary)).Path, "/")
	for what, replica := range map[string]string{
		"nobody is there":   change(t, primary, func(u *url.URL) { u.Host = "127.0.0.1:1" }),
		"it lets nobody in": change(t, primary, func(u *url.URL) { u.Path = "/no_such_database" }),
	} {
		for of, open := range map[string]func(testing.TB, string, *pgx.ConnConfig) (*driver.Driver, tenancy.Tenant){"home": homeWith, "own": ownWith} {
			config, err := pgx.ParseConfig(replica)
			must(t, err)
			var dials atomic.Int64
			dial := config.DialFunc
			config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				dials.Add(1)
				return dial(ctx, network, address)
			}
			drv, tenant := open(t, primary, config)
			ctx := driver.Replica(as(t, tenant))
			if got := queryText(ctx, t, drv, "SELECT current_database()"); got != name {
				t.Errorf("%s, %s: %q answers", what, of, got)
			}
			rows := &entsql.Rows{}
			must(t, drv.Query(ctx, "SELECT current_database()", []any{}, rows))
			must(t, rows.Close())
			if n := dials.Load(); n == 0 || n > 2 { // with TLS and without
				t.Errorf("%s, %s: connected %d times", what, of, n)
			}
			must(t, drv.Close())
		}
	}
	empty, err := pgx.ParseConfig(primary)
	must(t, err)
	empty.RuntimeParams["search_path"] = "pg_catalog"
	for _, open := range []func(testing.TB, string, *pgx.ConnConfig) (*driver.Driver, tenancy.Tenant){homeWith, ownWith} {
		drv, tenant := open(t, primary, empty)
		if err := drv.Query(driver.Replica(as(t, tenant)), "SELECT name FROM items", []any{}, &entsql.Rows{}); err == nil {
			t.Error("the primary has answered for a replica that did")
		}
		must(t, drv.Close())
	}
}

// homeWith returns a driver whose home has a replica, and a tenant there.
func homeWith(tb testing.TB, primary string, replica *pgx.ConnConfig) (*driver.Driver, tenancy.Tenant) {
	tb.Helper()
	config, err := pgx.ParseConfig(primary)
	must(tb, err)
	pool := func(config *pgx.ConnConfig) dialect.Driver {
		connector, err := postgres.NewConnector(config, postgres.Config{})
		must(tb, err)
		return entsql.OpenDB(dialect.Postgres, sql.OpenDB(connector))
	}
	drv, err := driver.New(pool(config), driver.Config{Replicas: []dialect.Driver{pool(replica)}})
	must(tb, err)
	return drv, tenancy.Tenant{ID: "acme", Identifier: "acme", Isolation: tenancy.IsolationRLS}
}

// ownWith returns a driver for a tenant whose own database has a replica.
func ownWith(tb testing.TB, primary string, replica *pgx.ConnConfig) (*driver.Driver, tenancy.Tenant) {
	tb.Helper()
	open := func(ctx context.Context, at tenancy.Tenant) (driver.Database, error) {
		database, err := postgres.Databases{}.Open(ctx, at)
		if err != nil {
			return driver.Database{}, err
		}
		copied, err := postgres.NewConnector(replica, postgres.Config{})
		database.Replicas = []sqldriver.Connector{copied}
		return database, err
	}
	return newDriver(tb, driver.Databases{Open: open}), tenantAt(primary)
}

// TestACallerWhoLeaves while a connection is made says nothing about the replica, which
// the next query asks, also where the caller's was to find out whether it is back.
func TestACallerWhoLeaves(t *testing.T) {
	t.Parallel()
	const who = "SELECT current_setting('application_name')"
	for of, open := range map[string]func(testing.TB, string, *pgx.ConnConfig) (*driver.Driver, tenancy.Tenant){"home": homeWith, "own": ownWith} {
		t.Run(of, func(t *testing.T) {
			t.Parallel()
			primary := newDatabase(t)
			config, err := pgx.ParseConfig(primary)
			must(t, err)
			config.RuntimeParams["application_name"] = "copy"
			dial := config.DialFunc
			var dials atomic.Pointer[func(context.Context) error]
			config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
				if err := (*dials.Load())(ctx); err != nil {
					return nil, err
				}
				return dial(ctx, network, address)
			}
			drv, tenant := open(t, primary, config)
			defer drv.Close()
			ctx := driver.Replica(as(t, tenant))
			leave := func() {
				gone, cancel := context.WithCancel(ctx)
				defer cancel()
				wait := func(dialling context.Context) error {
					cancel()
					<-dialling.Done()
					return dialling.Err()
				}
				dials.Store(&wait)
				for ; gone.Err() == nil; time.Sleep(20 * time.Millisecond) { // until the replica is asked, which it is not for a while if it was away
					rows := &entsql.Rows{}
					if err := drv.Query(gone, who, []any{}, rows); err == nil {
						must(t, rows.Close())
					} else if !errors.Is(err, context.Canceled) {
						t.Fatal(err)
					}
				}
			}
			away := func(context.Context) error { return &net.OpError{Op: "dial", Err: errors.New("away")} }
			here := func(context.Context) error { return nil }

			leave()
			dials.Store(&away)
			if got := queryText(ctx, t, drv, who); got != "" {
				t.Errorf("away: %q answers", got)
			}
			leave()
			dials.Store(&here)
			if got := queryText(ctx, t, drv, who); got != "copy" {
				t.Errorf("after a caller who has left: %q answers", got)
			}
		})
	}
}
