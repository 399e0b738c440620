package cache_test

import (
	"fmt"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// BenchmarkLookup compares a lookup by identifier that each layer answers, on
// PostgreSQL and Redis: "x/memory" is how many times as long it takes as one
// that is answered from memory.
func BenchmarkLookup(b *testing.B) {
	db := postgres(b)
	create(b, db, "acme")
	plain := inRedis(b, db, redisClient(b, redisOptions(b)), registry.RedisCacheConfig{})
	sealed := inRedis(b, db, redisClient(b, redisOptions(b)), registry.RedisCacheConfig{Cipher: cipher(b)})
	var memory float64
	for _, layer := range []struct {
		name  string
		store tenancy.Lookup
	}{
		{"memory", inMemory(b, plain, registry.CacheConfig{})},
		{"Redis", plain},
		{"Redis, encrypted", sealed},
		{"database", db},
	} {
		b.Run(layer.name, func(b *testing.B) {
			lookUp(b, layer.store, "acme")
			b.ReportAllocs()
			for b.Loop() {
				lookUp(b, layer.store, "acme")
			}
			took := float64(b.Elapsed().Nanoseconds()) / float64(b.N)
			if memory == 0 {
				memory = took
			}
			b.ReportMetric(took/memory, "x/memory")
		})
	}
}

// BenchmarkParallelLookup is of lookups in memory, by as many goroutines as
// -cpu says: of one tenant, of ten thousand in turn, and of identifiers that
// no tenant has.
func BenchmarkParallelLookup(b *testing.B) {
	const tenants = 10_000
	store := registry.NewMemoryStore(registry.MemoryConfig{})
	identifiers := make([]string, tenants)
	for i := range identifiers {
		identifiers[i] = fmt.Sprintf("tenant-%05d", i)
		create(b, store, identifiers[i])
	}
	cache := inMemory(b, store, registry.CacheConfig{Size: tenants})
	if n, err := cache.Warm(b.Context(), tenants); n != tenants || err != nil {
		b.Fatal(n, err)
	}
	b.Run("one", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				lookUp(b, cache, identifiers[0])
			}
		})
	})
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for i := 0; pb.Next(); i++ {
				lookUp(b, cache, identifiers[i*7919%tenants])
			}
		})
	})
	b.Run("none", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				_, _ = cache.ByIdentifier(b.Context(), "nobody")
			}
		})
	})
}

func lookUp(b *testing.B, s tenancy.Lookup, identifier string) { //nolint:thelper // b.Helper takes longer than a hit
	if _, err := s.ByIdentifier(b.Context(), identifier); err != nil {
		b.Fatal(err)
	}
}
