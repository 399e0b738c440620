package databases_test

import (
	"context"
	sqldriver "database/sql/driver"
	"strings"
	"testing"

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
