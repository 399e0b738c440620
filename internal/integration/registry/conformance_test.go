package registry_test

import (
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			kind := kind.cheap(t)
			var databases sync.Map // by store, for who gets behind it
			newStore := func(t *testing.T, cfg registry.EntConfig) registry.Store {
				t.Helper()
				db := kind.empty(t)
				store, err := registry.NewEntStore(db.driver, cfg)
				if err != nil {
					t.Fatal(err)
				}
				if err := store.Init(t.Context()); err != nil {
					t.Fatal(err)
				}
				databases.Store(store, db)
				return store
			}
			registrytest.Run(t, func(t *testing.T) registry.Store { return newStore(t, registry.EntConfig{}) }, registrytest.Capabilities{
				Limited: func(t *testing.T, limit int) registry.Store {
					return newStore(t, registry.EntConfig{MaxTenants: limit})
				},
				Break: func(t *testing.T, s registry.Store, id tenancy.ID, field registrytest.Field) {
					t.Helper()
					db, _ := databases.Load(s)
					db.(database).spoil(t, id, field)
				},
			})
		})
	}
}

// spoil writes what no tenant can have.
func (db database) spoil(t *testing.T, id tenancy.ID, field registrytest.Field) {
	t.Helper()
	value := "unheard-of"
	if field == registrytest.Metadata {
		value = `["secret"]`
	}
	db.set(t, id, string(field), value)
}
