package cache_test

import (
	"os"
	"sync"
	"testing"

	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

// layer puts a cache over a store.
type layer func(t *testing.T, store registry.Store) registry.Store

func inMemoryLayer(t *testing.T, store registry.Store) registry.Store {
	t.Helper()
	return inMemory(t, store, registry.CacheConfig{})
}

func inRedisLayer(t *testing.T, store registry.Store) registry.Store {
	t.Helper()
	return inRedis(t, store, redisClient(t, redisOptions(t)), registry.RedisCacheConfig{Cipher: cipher(t)})
}

// allLayers is how a process with all of them stacks them.
func allLayers(t *testing.T, store registry.Store) registry.Store {
	t.Helper()
	encrypted, err := registry.NewEncryptedStore(
		inRedis(t, store, redisClient(t, redisOptions(t)), registry.RedisCacheConfig{}), cipher(t), registry.EncryptedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return inMemory(t, encrypted, registry.CacheConfig{})
}

func cipher(tb testing.TB) *crypt.Cipher {
	tb.Helper()
	c, err := crypt.Passphrase("made at random, for nothing but these tests")
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

// The contract of a Store holds with each cache over each store.
func TestConformance(t *testing.T) {
	t.Parallel()
	for name, layer := range map[string]layer{"Redis": inRedisLayer, "all": allLayers} {
		t.Run(name+" over memory", func(t *testing.T) {
			t.Parallel()
			over := func(t *testing.T, limit int) registry.Store {
				t.Helper()
				return layer(t, registry.NewMemoryStore(registry.MemoryConfig{MaxTenants: limit}))
			}
			registrytest.Run(t, func(t *testing.T) registry.Store { return over(t, 0) }, registrytest.Capabilities{Limited: over})
		})
	}
	for name, layer := range map[string]layer{"memory": inMemoryLayer, "Redis": inRedisLayer, "all": allLayers} {
		for i, kind := range kinds() {
			if i > 0 && name != "all" && os.Getenv("CI") != "true" {
				continue // what is below a cache alone should make no difference to it
			}
			t.Run(name+" over "+kind.name, func(t *testing.T) {
				t.Parallel()
				testConformance(t, kind.cheap(t), layer)
			})
		}
	}
}

func testConformance(t *testing.T, kind kind, layer layer) {
	t.Helper()
	var databases sync.Map // by store, for who gets behind it
	limited := func(t *testing.T, limit int) registry.Store {
		t.Helper()
		db := kind.open(t, registry.EntConfig{MaxTenants: limit})
		store := layer(t, db)
		databases.Store(store, db)
		return store
	}
	registrytest.Run(t, func(t *testing.T) registry.Store { return limited(t, 0) }, registrytest.Capabilities{
		Limited: limited,
		Break: func(t *testing.T, s registry.Store, id tenancy.ID, field registrytest.Field) {
			t.Helper()
			db, ok := databases.Load(s)
			if !ok {
				t.Fatal("not one of the stores that are tested")
			}
			value := "unheard-of"
			if field == registrytest.Metadata {
				value = "[]"
			}
			db.(*database).set(t, id, string(field), value)
		},
	})
}

// set writes a value into a tenant's row behind the store's back.
func (d *database) set(t *testing.T, id tenancy.ID, column string, value any) {
	t.Helper()
	update := entsql.Dialect(d.kind.dialect).Update("tenancy_tenants").Set(column, value).Where(entsql.EQ("id", string(id)))
	statement, args := update.Query()
	if _, err := d.db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}
