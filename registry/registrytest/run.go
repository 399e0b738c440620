package registrytest

import (
	"fmt"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// Capabilities are what a store can do beyond the interface. The tests of what
// it cannot are skipped.
type Capabilities struct {
	// Limited returns an empty store that holds up to maxTenants tenants.
	// Defaults to nil: the store knows no limit.
	Limited func(t *testing.T, maxTenants int) registry.Store
	// Break spoils the record of a tenant behind the back of s, which is a
	// store that newStore returned. Defaults to nil: no one gets behind it.
	Break func(t *testing.T, s registry.Store, id tenancy.ID, field Field)
}

// Field is a part of a tenant's record that can be broken.
type Field string

// The fields that can be broken.
const (
	// Status is broken when it is a word that is no status.
	Status Field = "status"
	// Isolation is broken when it is a word that is no isolation.
	Isolation Field = "isolation"
	// Metadata is broken when it is a list and not an object.
	Metadata Field = "metadata"
)

// Run tests a store. It calls newStore for each test, from several goroutines
// at once: each call returns a store that is ready, empty and the test's own.
// What there is to close, t.Cleanup closes.
func Run(t *testing.T, newStore func(t *testing.T) registry.Store, can Capabilities) {
	t.Helper()
	for _, tests := range []map[string]func(*testing.T, registry.Store){
		findTests(), createTests(), listTests(), searchTests(), updateTests(), statusTests(), metadataTests(), eraseTests(), contextTests(),
	} {
		for name, test := range tests {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, newStore(t))
			})
		}
	}
	t.Run("Limit", func(t *testing.T) {
		t.Parallel()
		if can.Limited == nil {
			t.Skip("Capabilities.Limited is nil: the store knows no limit")
		}
		testLimit(t, can.Limited)
	})
	t.Run("Broken", func(t *testing.T) {
		t.Parallel()
		if can.Break == nil {
			t.Skip("Capabilities.Break is nil: no one gets behind the store")
		}
		testBroken(t, newStore, can.Break)
	})
}

// create adds a tenant, which the test takes for granted.
func create(t *testing.T, s registry.Store, n registry.NewTenant) tenancy.Tenant {
	t.Helper()
	created, err := s.Create(t.Context(), n)
	if err != nil {
		t.Fatalf("Create %q: %v", n.Identifier, err)
	}
	return created
}

// createMany adds tenants with the identifiers tenant-000, tenant-001 and so
// on, and the ids id-000, id-001 and so on.
func createMany(t *testing.T, s registry.Store, n int, change func(i int, n *registry.NewTenant)) []tenancy.Tenant {
	t.Helper()
	created := make([]tenancy.Tenant, n)
	for i := range created {
		n := registry.NewTenant{ID: tenancy.ID(fmt.Sprintf("id-%03d", i)), Identifier: fmt.Sprintf("tenant-%03d", i), Name: fmt.Sprintf("Tenant %d", i)}
		if change != nil {
			change(i, &n)
		}
		created[i] = create(t, s, n)
	}
	return created
}

func active(identifier string) registry.NewTenant {
	return registry.NewTenant{Identifier: identifier, Name: "Tenant " + identifier, Status: tenancy.StatusActive}
}
