package drivertest

import (
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// Cell is a combination to test.
type Cell struct {
	// Home opens the home. The driver closes it.
	Home func(testing.TB) dialect.Driver

	// Config returns the driver's configuration, with what is opened for it. Place
	// must be nil. Defaults to the zero Config.
	Config func(testing.TB) driver.Config

	// Tenants are tenants with a place, three or more. The records say where.
	Tenants []tenancy.Tenant

	// Held says that SQL written by hand sees and changes the rows of its own
	// tenant only. Where it is false the suite's statements name the tenant, as
	// those of a generated client do, and that is all that keeps tenants apart.
	Held bool

	// Missing are tenants without a place, or whose place has no tables.
	// Defaults to none, as where all tenants share one place.
	Missing []tenancy.Tenant

	// QueryInTx says that a tenant's QueryContext works in a transaction only.
	QueryInTx bool

	// ReadOnly says that the database has transactions that refuse to write.
	ReadOnly bool
}

// TenantTable returns the statement that makes the table of tenants' rows in the
// connection's own schema.
func TenantTable(d string) string {
	if d == dialect.SQLite {
		return "CREATE TABLE drivertest_items (id text PRIMARY KEY, tenant_id text NOT NULL, batch text NOT NULL)"
	}
	return "CREATE TABLE drivertest_items (id varchar(64) PRIMARY KEY, tenant_id varchar(255) NOT NULL, batch varchar(64) NOT NULL)"
}

// GlobalTable returns the statement that makes the table of everybody's rows.
func GlobalTable(d string) string {
	if d == dialect.SQLite {
		return "CREATE TABLE drivertest_things (id text PRIMARY KEY)"
	}
	return "CREATE TABLE drivertest_things (id varchar(64) PRIMARY KEY)"
}

const (
	items  = "drivertest_items"
	things = "drivertest_things"
)

// Run runs the suite.
func Run(t *testing.T, c Cell) {
	if len(c.Tenants) < 3 || c.Home == nil {
		t.Fatal("drivertest: a cell needs a home and three tenants")
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, Cell)
	}{
		{"Scope", scopes},
		{"Rows", rows},
		{"Place", places},
		{"Transaction", transactions},
		{"Global", globals},
		{"Replica", replicas},
		{"GivenBack", givenBack},
		{"AtOnce", atOnce},
		{"Debug", debug},
		{"Close", closes},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, c) })
	}
}
