package registrytest

import (
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func eraseTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){"Erase": testErase}
}

func testErase(t *testing.T, s registry.Store) {
	for _, status := range tenancy.Statuses() {
		n := active("acme")
		n.Status = status
		acme, other := create(t, s, n), create(t, s, active("other"))
		if err := s.Erase(t.Context(), acme.ID); err != nil {
			t.Fatalf("%s: %v", status, err)
		}
		got, err := s.ByID(t.Context(), acme.ID)
		wantError(t, "by id", got, err, tenancy.ErrNotFound)
		got, err = s.ByIdentifier(t.Context(), "acme")
		wantError(t, "by identifier", got, err, tenancy.ErrNotFound)
		wantError(t, "again", tenancy.Tenant{}, s.Erase(t.Context(), acme.ID), tenancy.ErrNotFound)
		wantCount(t, s, registry.Query{}, 1)
		wantStored(t, s, other)

		again := create(t, s, registry.NewTenant{ID: acme.ID, Identifier: "acme", Name: "Another Acme"}) // its id and identifier are free
		wantStored(t, s, again)
		for _, id := range []tenancy.ID{again.ID, other.ID} {
			if err := s.Erase(t.Context(), id); err != nil {
				t.Fatal(err)
			}
		}
	}
}
