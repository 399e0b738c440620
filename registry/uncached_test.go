package registry_test

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// TestUncachedReadsWhatIsThere has all layers of this package, and a change below them
// that none has heard of.
func TestUncachedReadsWhatIsThere(t *testing.T) {
	t.Parallel()
	client := redis.NewClient(&redis.Options{Addr: "127.0.0.1:1", MaxRetries: -1}) // which is never reached
	defer client.Close()
	base := registry.NewMemoryStore(registry.MemoryConfig{})
	inRedis, err := registry.NewRedisCache(base, client, registry.RedisCacheConfig{})
	if err != nil {
		t.Fatal(err)
	}
	defer inRedis.Close()
	cipher := newCipher(t)
	top := newCache(t, encryptedStore(t, inRedis, cipher), registry.CacheConfig{})
	was, err := top.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"_enc_key": "secret"}})
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, top, was) // and is remembered
	if _, err := base.SetStatus(t.Context(), was.ID, tenancy.StatusDeleted); err != nil {
		t.Fatal(err)
	}
	now, err := registry.Uncached(top).ByID(t.Context(), was.ID)
	if key, _ := now.MetadataValue("_enc_key"); err != nil || now.Status != tenancy.StatusDeleted || key != "secret" {
		t.Errorf("read %s with key %v, and %v", now.Status, key, err)
	}
	if registry.Uncached(base) != registry.Store(base) {
		t.Error("a store without caches is another")
	}
	wantFound(t, top, was) // it was not told
}
