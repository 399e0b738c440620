package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// A cache in the process is enough for one process.
func ExampleNewCache() {
	ctx := context.Background()
	store := registry.NewMemoryStore(registry.MemoryConfig{}) // or one in a database
	cached, err := registry.NewCache(store, registry.CacheConfig{})
	if err != nil {
		log.Fatal(err)
	}
	defer cached.Close()

	acme, err := cached.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive})
	if err != nil {
		log.Fatal(err)
	}
	for range 3 {
		if _, err := cached.ByIdentifier(ctx, "acme"); err != nil {
			log.Fatal(err)
		}
		_, _ = cached.ByIdentifier(ctx, "nobody")
	}
	stats := cached.Stats()
	fmt.Println(stats.Hits, stats.NegativeHits, stats.Misses, stats.Reads)

	if _, err := cached.SetStatus(ctx, acme.ID, tenancy.StatusSuspended); err != nil {
		log.Fatal(err)
	}
	acme, err = cached.ByIdentifier(ctx, "acme")
	fmt.Println(acme.Status, err)
	// Output:
	// 2 2 2 2
	// suspended <nil>
}

// All layers, from the database up.
func ExampleNewRedisCache() {
	stack := func(store registry.Store, client *redis.Client, cipher *crypt.Cipher) (*registry.Cache, error) {
		inRedis, err := registry.NewRedisCache(store, client, registry.RedisCacheConfig{Prefix: "shop", Cipher: cipher})
		if err != nil {
			return nil, err
		}
		encrypted, err := registry.NewEncryptedStore(inRedis, cipher, registry.EncryptedConfig{})
		if err != nil {
			return nil, err
		}
		invalidations, err := registry.NewRedisInvalidations(client, registry.RedisInvalidationsConfig{Channel: "shop:registry"})
		if err != nil {
			return nil, err
		}
		return registry.NewCache(encrypted, registry.CacheConfig{Invalidations: invalidations})
	}
	_ = stack
}

func ExampleNewRedisInvalidations() {
	client := redis.NewClient(&redis.Options{Addr: "localhost:6379"})
	invalidations, err := registry.NewRedisInvalidations(client, registry.RedisInvalidationsConfig{})
	if err != nil {
		log.Fatal(err)
	}
	cached, err := registry.NewCache(registry.NewMemoryStore(registry.MemoryConfig{}), registry.CacheConfig{Invalidations: invalidations})
	if err != nil {
		log.Fatal(err)
	}
	cached.Close()
	_ = client.Close()
}

func ExampleNewPostgresInvalidations() {
	open := func(store registry.Store, db *sql.DB) (*registry.Cache, error) {
		invalidations, err := registry.NewPostgresInvalidations(db, registry.PostgresInvalidationsConfig{})
		if err != nil {
			return nil, err
		}
		return registry.NewCache(store, registry.CacheConfig{Invalidations: invalidations})
	}
	_ = open
}

func ExampleCache_Warm() {
	warm := func(ctx context.Context, cached *registry.Cache) {
		if n, err := cached.Warm(ctx, 5000); err != nil {
			log.Printf("%d tenants are in the cache: %v", n, err) // the others are read when they are asked for
		}
	}
	cached, err := registry.NewCache(registry.NewMemoryStore(registry.MemoryConfig{}), registry.CacheConfig{})
	if err != nil {
		log.Fatal(err)
	}
	warm(context.Background(), cached)
	cached.Close()
}

// pipe is Invalidations between the caches of one process.
type pipe chan registry.Invalidation

func (p pipe) Publish(ctx context.Context, inv registry.Invalidation) error {
	select {
	case p <- inv:
		return nil
	case <-ctx.Done():
		return errors.New("no one listens")
	}
}

func (p pipe) Listen(ctx context.Context, handle func(registry.Invalidation)) {
	handle(registry.Invalidation{All: true})
	for {
		select {
		case inv := <-p:
			handle(inv)
		case <-ctx.Done():
			return
		}
	}
}

// Anything that carries a short text to all processes can carry invalidations.
func ExampleInvalidations() {
	var invalidations registry.Invalidations = make(pipe)
	cached, err := registry.NewCache(registry.NewMemoryStore(registry.MemoryConfig{}), registry.CacheConfig{Invalidations: invalidations})
	if err != nil {
		log.Fatal(err)
	}
	cached.Close()
}
