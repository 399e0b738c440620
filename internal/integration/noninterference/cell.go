package noninterference

import (
	"context"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
)

// Cell is one way to keep tenants apart on one database, which has to have the property.
type Cell struct {
	Name string
	// Open makes a place of the cell for a test.
	Open func(testing.TB) *Place
	// NoGlobals says that tenants do not reach the global tables in one
	// statement with their own.
	NoGlobals bool
	// NoRawSQL says that SQL written by hand is not kept within a tenant.
	NoRawSQL bool
	// OneWriter says that one transaction waits for another, whoever's it is.
	OneWriter bool
}

// Place is where the tenants of a test live.
type Place struct {
	// Driver is beneath the client.
	Driver dialect.Driver
	// Options are more options of the client.
	Options []ent.Option
	// Tenants are as many as Identities has.
	Tenants []tenancy.Tenant
	// Reset removes all rows of tenants and leaves the global ones: country1 and
	// country2, label1 and label2, account1 and account2, with the ids 1 and 2.
	Reset func(context.Context) error
	// Kill ends all connections of the application and returns when they are
	// gone from the server, so that what they were doing is done or not. It is
	// nil where there is no server.
	Kill func(context.Context) error
	// Connections is how many the application may have open.
	Connections int
	// Table is how SQL written by hand names a table. Defaults to its name.
	Table func(name string) string
}

// Client returns a client on the place's driver.
func (p *Place) Client() *ent.Client {
	options := append([]ent.Option{ent.Log(func(...any) {})}, p.Options...)
	return ent.NewClient(append(options, ent.Driver(faulty{p.Driver}))...)
}

func (p *Place) table(name string) string {
	if p.Table == nil {
		return name
	}
	return p.Table(name)
}

// maxTenants is how many tenants a place has.
const maxTenants = 5

// Identities are the ids of the tenants: two differ by case only, one begins
// another, and there is something to quote.
func Identities() [maxTenants]tenancy.ID {
	return [maxTenants]tenancy.ID{"acme", "Acme", "acme-2", `o'Brien "&" \sons`, "Ünïcode-テナント"}
}
