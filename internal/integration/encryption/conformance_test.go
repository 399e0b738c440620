package encryption_test

import (
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

// The contract of a Store holds with encryption over each store.
func TestConformance(t *testing.T) {
	t.Parallel()
	t.Run("memory", func(t *testing.T) {
		t.Parallel()
		limited := func(t *testing.T, maxTenants int) registry.Store {
			t.Helper()
			return world{Store: registry.NewMemoryStore(registry.MemoryConfig{MaxTenants: maxTenants})}.strict(t)
		}
		registrytest.Run(t, func(t *testing.T) registry.Store { return limited(t, 0) }, registrytest.Capabilities{Limited: limited})
	})
	for _, s := range databases() {
		t.Run(s.name, func(t *testing.T) {
			t.Parallel()
			testConformance(t, s.cheap(t))
		})
	}
}

func testConformance(t *testing.T, s server) {
	t.Helper()
	var worlds sync.Map // of the stores that are tested
	limited := func(t *testing.T, maxTenants int) registry.Store {
		t.Helper()
		w := s.open(t, registry.EntConfig{MaxTenants: maxTenants})
		store := w.strict(t)
		worlds.Store(store, w)
		return store
	}
	registrytest.Run(t, func(t *testing.T) registry.Store { return limited(t, 0) }, registrytest.Capabilities{
		Limited: limited,
		Break: func(t *testing.T, store registry.Store, id tenancy.ID, field registrytest.Field) {
			t.Helper()
			w, ok := worlds.Load(store)
			if !ok {
				t.Fatal("not one of the stores that are tested")
			}
			value := "unheard-of"
			if field == registrytest.Metadata {
				value = "[]"
			}
			w.(world).set(t, id, string(field), value)
		},
	})
}

// strict finds plaintext wherever a test leaves it.
func (w world) strict(t *testing.T) registry.Store {
	t.Helper()
	return w.configured(t, cipher(t, newPassphrase), registry.EncryptedConfig{RefusePlaintext: true})
}
