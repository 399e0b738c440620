package cache_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// Two applications may have a tenant of one name and id each, and one Redis under the
// default prefix. Neither is served the other's, and what one changes is its own.
func TestRegistriesOnOneRedis(t *testing.T) {
	t.Parallel()
	for order, below := range map[string]func(*testing.T, registry.Store) registry.Store{
		"plain":     func(_ *testing.T, s registry.Store) registry.Store { return s },
		"encrypted": encrypted,
	} {
		for _, k := range kinds() {
			t.Run(order+"/"+k.name, func(t *testing.T) {
				t.Parallel()
				client, cfg := redisClient(t, redisOptions(t)), registry.RedisCacheConfig{Prefix: prefix(t)}
				shopDB, blogDB := k.open(t, registry.EntConfig{}), k.open(t, registry.EntConfig{})
				shop, blog := inRedis(t, below(t, shopDB), client, cfg), inRedis(t, below(t, blogDB), client, cfg)
				wantApart(t, shop, blog, blogDB)
			})
		}
	}
}

func encrypted(t *testing.T, store registry.Store) registry.Store {
	t.Helper()
	s, err := registry.NewEncryptedStore(store, cipher(t), registry.EncryptedConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// wantApart has two registries with a tenant of one name and id each, the other one over
// a database.
func wantApart(t *testing.T, one, other *registry.RedisCache, db *database) {
	t.Helper()
	ones, others := create(t, one, "acme"), create(t, other, "acme")
	for range 2 { // the second time from Redis
		wantFound(t, one, ones)
		wantFound(t, other, others)
	}
	suspended, err := one.SetStatus(t.Context(), ones.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, one, suspended)
	wantFound(t, other, others)
	if _, err := one.Clear(t.Context()); err != nil {
		t.Fatal(err)
	}
	db.reads.Store(0)
	wantFound(t, other, others)
	db.wantReads(t, "after the other one was cleared", 0)
}

// All processes of an application find one id, whichever asks first.
func TestRegistryID(t *testing.T) {
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			db, others := k.open(t, registry.EntConfig{}), make([]string, 10)
			var all sync.WaitGroup
			for i := range others {
				all.Go(func() {
					id, err := db.RegistryID(t.Context())
					if err != nil {
						t.Error(err)
					}
					others[i] = id
				})
			}
			all.Wait()
			for _, id := range others {
				if id == "" || id != others[0] {
					t.Errorf("one process finds %q, and another one %q", others[0], id)
				}
			}
			another := k.open(t, registry.EntConfig{})
			if id, err := another.RegistryID(t.Context()); err != nil || id == others[0] {
				t.Errorf("another registry has %q, too, or %v", id, err)
			}
		})
	}
}

// As long as a registry cannot say which one it is, its tenants are read from it, and
// changes are told to Redis when it can.
func TestRegistryThatHasNoIDYet(t *testing.T) {
	t.Parallel()
	db, client := sqlite(t), redisClient(t, redisOptions(t))
	cfg := registry.RedisCacheConfig{Prefix: prefix(t), RetryAfter: 5 * time.Millisecond}
	other := inRedis(t, db, client, cfg)
	acme := create(t, db, "acme")
	wantFound(t, other, acme)
	if _, err := db.db.ExecContext(t.Context(), "ALTER TABLE tenancy_registry_lock RENAME TO gone"); err != nil {
		t.Fatal(err)
	}
	cache := inRedis(t, db, client, cfg)
	wantFound(t, cache, acme)
	if !cache.Stats().Down {
		t.Error("something is under no registry's key")
	}
	if _, err := cache.Clear(t.Context()); !errors.Is(err, tenancy.ErrUnavailable) {
		t.Errorf("Clear: got %v", err)
	}
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.db.ExecContext(t.Context(), "ALTER TABLE gone RENAME TO tenancy_registry_lock"); err != nil {
		t.Fatal(err)
	}
	wait(t, "the change is told", func() bool { return !cache.Stats().Down })
	wantFound(t, other, suspended)
	wantFound(t, cache, suspended)
}

// Redis is waited for in a goroutine in which nobody could recover: neither a store that
// panics when it is asked which registry it is ends the program, nor a logger.
func TestTheWaitForRedisOutlivesAPanic(t *testing.T) {
	t.Parallel()
	db := &moody{database: sqlite(t)}
	cache := inRedis(t, db, redisClient(t, redisOptions(t)), registry.RedisCacheConfig{
		RetryAfter: 5 * time.Millisecond, Logger: slog.New(slog.NewTextHandler(brittle{}, nil)),
	})
	acme := create(t, db, "acme")
	wantFound(t, cache, acme)
	wait(t, "the store was asked again", func() bool { return db.asked.Load() > 2 })
	wait(t, "the registry is known", func() bool { return !cache.Stats().Down })
	wantFound(t, cache, acme)
}

// moody is a store that says which registry it is when it is asked for the third time.
type moody struct {
	*database

	asked atomic.Int64
}

func (m *moody) RegistryID(ctx context.Context) (string, error) {
	switch m.asked.Add(1) {
	case 1:
		return "", tenancy.ErrUnavailable
	case 2:
		panic("a store of an application's own")
	}
	return m.database.RegistryID(ctx)
}

// brittle is a log that does not bear good news.
type brittle struct{}

func (brittle) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte("works again")) {
		panic("a logger of an application's own")
	}
	return len(p), nil
}
