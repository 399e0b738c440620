package cache_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// journal is what was logged.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) count(part string) int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Count(j.text.String(), part)
}

func (j *journal) logger() *slog.Logger { return slog.New(slog.NewTextHandler(j, nil)) }

// While Redis is down, or takes what it is sent and says nothing, the database
// is read, nothing fails, and it is logged and counted once.
func TestRedisIsDown(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		down    func(*proxy)
		timeout time.Duration // long, because the machine may be busy
	}{"gone": {(*proxy).cut, time.Minute}, "silent": {(*proxy).silence, 4 * time.Second}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			options := redisOptions(t)
			way := newProxy(t, options.Addr)
			options.Addr, options.DialTimeout = way.address(), test.timeout
			db, logged := sqlite(t), &journal{}
			cache := inRedis(t, db, redisClient(t, options), registry.RedisCacheConfig{
				Prefix: prefix(t), Timeout: test.timeout, RetryAfter: 20 * time.Millisecond, Logger: logged.logger(),
			})
			acme, globex := create(t, cache, "acme"), create(t, cache, "globex")
			wantFound(t, cache, acme)
			for outage := range uint64(2) {
				test.down(way)
				db.reads.Store(0)
				var all sync.WaitGroup
				for range 50 {
					all.Go(func() { wantFound(t, cache, globex) })
				}
				all.Wait()
				db.wantReads(t, "100 lookups", 100)
				if _, err := cache.ByIDs(t.Context(), []tenancy.ID{acme.ID, globex.ID}); err != nil {
					t.Error(err)
				}
				updated, err := cache.Update(t.Context(), globex)
				if err != nil {
					t.Fatal(err)
				}
				globex = updated
				wantFound(t, cache, globex)
				if got := cache.Stats(); got.Outages != outage+1 || !got.Down {
					t.Errorf("got %+v, want %d outages", got, outage+1)
				}
				if n := logged.count("Redis fails"); n != int(outage)+1 {
					t.Errorf("logged %d outages, want %d", n, outage+1)
				}
				way.mend()
				wait(t, "Redis works again", func() bool { return !cache.Stats().Down })
				wantFound(t, cache, globex) // and not what Redis had before
				db.reads.Store(0)
				wantFound(t, cache, globex)
				db.wantReads(t, "after the outage", 0)
			}
			if n := logged.count("Redis works again"); n != 2 {
				t.Errorf("logged the end of %d outages, want 2", n)
			}
		})
	}
}

// Redis holds a tenant, and is out of reach for the process that suspends it.
// Others hear of it as soon as that is over, even if the process does nothing.
func TestRedisHearsOfChangesAfterAnOutage(t *testing.T) {
	t.Parallel()
	options := redisOptions(t)
	direct := redisClient(t, redisOptions(t))
	way := newProxy(t, options.Addr)
	options.Addr, options.DialTimeout = way.address(), time.Second
	db := sqlite(t)
	cfg := registry.RedisCacheConfig{Prefix: prefix(t), RetryAfter: 20 * time.Millisecond}
	other := inRedis(t, db, direct, cfg)
	cache := inRedis(t, db, redisClient(t, options), cfg)
	acme := create(t, cache, "acme")
	wantFound(t, other, acme)
	way.cut()
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
	wantFound(t, other, acme) // it cannot know
	way.mend()
	wait(t, "the other one hears of it", func() bool {
		got, err := other.ByIdentifier(t.Context(), "acme")
		return err == nil && got.Status == tenancy.StatusSuspended
	})
}

// The process that suspends a tenant tells the others, and cannot reach Redis.
// One of them hears of it, reads the old tenant from Redis and keeps it. It
// hears again once Redis has been told.
func TestOthersHearAgainOfChangesAfterAnOutage(t *testing.T) {
	t.Parallel()
	for name, layer := range map[string]layer{
		"Redis": func(_ *testing.T, s registry.Store) registry.Store { return s },
		"encrypted": func(t *testing.T, s registry.Store) registry.Store {
			t.Helper()
			store, err := registry.NewEncryptedStore(s, cipher(t), registry.EncryptedConfig{})
			if err != nil {
				t.Fatal(err)
			}
			return store
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			db, direct, options := sqlite(t), redisClient(t, redisOptions(t)), redisOptions(t)
			way := newProxy(t, options.Addr)
			options.Addr, options.DialTimeout = way.address(), time.Second
			invalidations, err := registry.NewRedisInvalidations(direct, registry.RedisInvalidationsConfig{Channel: prefix(t)})
			if err != nil {
				t.Fatal(err)
			}
			cfg := registry.RedisCacheConfig{Prefix: prefix(t), RetryAfter: 20 * time.Millisecond}
			process := func(shared *registry.RedisCache) *registry.Cache {
				cache := inMemory(t, layer(t, shared), registry.CacheConfig{TTL: time.Hour, Invalidations: invalidations})
				wait(t, "the cache listens", func() bool { return cache.Stats().Flushes == 1 })
				return cache
			}
			inRedisThere := inRedis(t, db, direct, cfg)
			here, there := process(inRedis(t, db, redisClient(t, options), cfg)), process(inRedisThere)
			acme := create(t, here, "acme")
			wantFound(t, there, acme)
			wantFound(t, inRedisThere, acme) // it is in Redis, too
			way.cut()
			hits := inRedisThere.Stats().Hits
			suspended, err := here.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
			if err != nil {
				t.Fatal(err)
			}
			wait(t, "the other one reads it from Redis again", func() bool {
				wantFound(t, there, acme) // it cannot know
				return inRedisThere.Stats().Hits > hits
			})
			way.mend()
			wait(t, "the other one hears again", func() bool {
				got, err := there.ByIdentifier(t.Context(), "acme")
				return err == nil && got.Status == tenancy.StatusSuspended
			})
			wantFound(t, there, suspended)
			wantFound(t, here, suspended)
		})
	}
}

// A lookup with little time does not spend all of it on a Redis that says nothing. What
// one has waited says little about Redis: when several have waited for the Timeout
// together, the next ones do not wait.
func TestRedisIsSilentForThoseInAHurry(t *testing.T) {
	t.Parallel()
	options := redisOptions(t)
	way := newProxy(t, options.Addr)
	options.Addr = way.address()
	db := sqlite(t)
	cache := inRedis(t, db, redisClient(t, options), registry.RedisCacheConfig{Prefix: prefix(t), Timeout: 5 * time.Second, RetryAfter: time.Minute})
	acme := create(t, cache, "acme")
	wantFound(t, cache, acme)
	way.silence()
	for i, outages := range []uint64{0, 1} { // each waits for two of its four seconds to read, and for one to write
		hurried, cancel := context.WithTimeout(t.Context(), 4*time.Second)
		if got, err := cache.ByIdentifier(hurried, "acme"); err != nil || !got.Equal(acme) {
			t.Errorf("got %v and %v", got, err)
		}
		cancel()
		if got := cache.Stats().Outages; got != outages {
			t.Errorf("number %d: %d outages, want %d", i, got, outages)
		}
	}
}

// Redis may be down when a process starts, and when it ends.
func TestRedisWasNeverThere(t *testing.T) {
	t.Parallel()
	options := redisOptions(t)
	options.Addr, options.DialTimeout = "127.0.0.1:1", time.Second
	db := sqlite(t)
	cache, err := registry.NewRedisCache(db, redisClient(t, options), registry.RedisCacheConfig{})
	if err != nil {
		t.Fatal(err)
	}
	acme := create(t, cache, "acme")
	wantFound(t, cache, acme)
	if _, err := cache.Clear(t.Context()); err == nil || !strings.HasPrefix(err.Error(), "registry: ") {
		t.Errorf("Clear: got %v, want an error", err)
	}
	cache.Close()
	wantFound(t, cache, acme)
}
