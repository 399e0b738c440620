package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

func TestCacheConformance(t *testing.T) {
	t.Parallel()
	over := func(t *testing.T, cfg registry.MemoryConfig, size int) registry.Store {
		t.Helper()
		return newCache(t, registry.NewMemoryStore(cfg), registry.CacheConfig{Size: size})
	}
	for _, size := range []int{0, 1, 3} {
		t.Run(fmt.Sprint("size ", size), func(t *testing.T) {
			t.Parallel()
			registrytest.Run(t, func(t *testing.T) registry.Store { return over(t, registry.MemoryConfig{}, size) }, registrytest.Capabilities{
				Limited: func(t *testing.T, limit int) registry.Store {
					return over(t, registry.MemoryConfig{MaxTenants: limit}, size)
				},
			})
		})
	}
}

func TestCacheHitsAndExpiry(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{TTL: time.Minute})
		acme := mustCreate(t, store, "acme")
		wantFound(t, cache, acme)
		store.wantReads(t, "first lookups", 1) // what was found by identifier is found by id
		time.Sleep(time.Minute - time.Nanosecond)
		wantFound(t, cache, acme)
		store.wantReads(t, "a moment before the TTL", 0)
		time.Sleep(time.Nanosecond)
		wantFound(t, cache, acme)
		store.wantReads(t, "after the TTL, however often it was used", 1)
	})
}

func TestCacheEvictsTheLeastRecentlyUsed(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{Size: 3})
	created := map[string]tenancy.Tenant{}
	for _, identifier := range []string{"one", "two", "three", "four"} {
		created[identifier] = mustCreate(t, store, identifier)
	}
	for _, identifier := range []string{"one", "two", "three", "two", "one", "four"} { // "three" leaves
		wantFound(t, cache, created[identifier])
	}
	store.reads.Store(0)
	for _, identifier := range []string{"one", "two", "four"} {
		wantFound(t, cache, created[identifier])
	}
	store.wantReads(t, "the three that were used last", 0)
	if stats := cache.Stats(); stats.Tenants != 3 || stats.Evictions != 1 {
		t.Errorf("got %+v, want 3 tenants and 1 eviction", stats)
	}
	wantFound(t, cache, created["three"])
	store.wantReads(t, "the one that left", 1)
}

func TestCacheStaysWithinItsSize(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{Size: 50})
	for i := range 500 {
		mustCreate(t, store, fmt.Sprint("tenant-", i))
	}
	done := make(chan struct{})
	for g := range 8 {
		go func() {
			defer func() { done <- struct{}{} }()
			for i := range 2000 {
				identifier := fmt.Sprint("tenant-", (i*(g+1))%500)
				if got, err := cache.ByIdentifier(t.Context(), identifier); err != nil || got.Identifier != identifier {
					t.Errorf("%s: got %v and %v", identifier, got, err)
				}
			}
		}()
	}
	for range 8 {
		<-done
	}
	stats := cache.Stats()
	if stats.Tenants != 50 || stats.Hits+stats.Misses != 16_000 || stats.Reads > stats.Misses {
		t.Errorf("got %+v, want 50 tenants and 16000 lookups", stats)
	}
}

// Lookups of tenants that do not exist are remembered, for a while of their
// own, and take no room from tenants.
func TestCacheRemembersWhatDoesNotExist(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{Size: 10, NegativeSize: 20, NegativeTTL: time.Second})
		acme := mustCreate(t, store, "acme")
		wantFound(t, cache, acme)
		store.reads.Store(0)
		for range 3 {
			wantNotFound(t, cache, "nobody")
		}
		store.wantReads(t, "an unknown identifier, thrice", 1)
		for range 3 {
			if _, err := cache.ByID(t.Context(), "nobody"); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("got %v, want ErrNotFound", err)
			}
		}
		store.wantReads(t, "an unknown id, thrice", 1)
		for i := range 1000 {
			wantNotFound(t, cache, fmt.Sprint("nobody-", i))
		}
		store.wantReads(t, "a flood", 1000)
		wantFound(t, cache, acme)
		store.wantReads(t, "a tenant after the flood", 0)
		if stats := cache.Stats(); stats.Tenants != 1 || stats.Unknown != 20 || stats.Evictions != 0 {
			t.Errorf("got %+v, want 1 tenant and 20 unknown", stats)
		}
		time.Sleep(time.Second)
		wantNotFound(t, cache, "nobody-999")
		store.wantReads(t, "after the negative TTL", 1)
		wantFound(t, cache, acme)
		store.wantReads(t, "a tenant after the negative TTL", 0)
		for _, impossible := range []string{"", "UPPER", "a b", strings.Repeat("a", 1<<20), "acme\n"} {
			wantNotFound(t, cache, impossible)
		}
		store.wantReads(t, "what can be no identifier", 0)
	})
}

func wantNotFound(t *testing.T, s registry.Store, identifier string) {
	t.Helper()
	if got, err := s.ByIdentifier(t.Context(), identifier); !errors.Is(err, tenancy.ErrNotFound) {
		t.Errorf("%.20q: got %v %s and %v, want ErrNotFound", identifier, got, got.Status, err)
	}
}

func TestCacheStatsAreExact(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{})
	if rate := cache.Stats().HitRate(); rate != 0 {
		t.Errorf("the hit rate of an unused cache is %v", rate)
	}
	acme := mustCreate(t, store, "acme")
	for range 4 {
		wantFound(t, cache, acme) // 8 lookups, 1 of them a miss
	}
	for range 100 {
		_, _ = cache.ByIdentifier(t.Context(), "nobody") // 1 of them a miss
	}
	for i := range 5 {
		_, _ = cache.ByIdentifier(t.Context(), fmt.Sprint("nobody-", i)) // all of them
	}
	if _, err := cache.ByIDs(t.Context(), []tenancy.ID{acme.ID, "id-nobody"}); err != nil { // 1 of 2
		t.Error(err)
	}
	want := registry.CacheStats{Hits: 8, NegativeHits: 99, Misses: 8, Reads: 8, Tenants: 1, Unknown: 6}
	if got := cache.Stats(); got != want || got.HitRate() != 107.0/115 {
		t.Errorf("got %+v, rate %v, want %+v", got, got.HitRate(), want)
	}
}

// Not parallel, because the allocations of others would be counted too.
func TestCacheHitAllocatesNothing(t *testing.T) {
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{})
	acme := mustCreate(t, store, "acme")
	wantFound(t, cache, acme)
	wantNotFound(t, cache, "nobody")
	ctx := t.Context()
	for name, lookup := range map[string]func(){
		"ByIdentifier": func() { _, _ = cache.ByIdentifier(ctx, "acme") },
		"ByID":         func() { _, _ = cache.ByID(ctx, acme.ID) },
		"no one":       func() { _, _ = cache.ByIdentifier(ctx, "nobody") },
	} {
		if n := testing.AllocsPerRun(1000, lookup); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

func TestCachePurgesWhatHasExpired(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{TTL: time.Hour, NegativeTTL: 10 * time.Minute})
		wantFound(t, cache, mustCreate(t, store, "acme"))
		wantNotFound(t, cache, "nobody")
		time.Sleep(20 * time.Minute)
		wantFound(t, cache, mustCreate(t, store, "globex"))
		if n := cache.Purge(); n != 1 {
			t.Errorf("purged %d, want the unknown one", n)
		}
		time.Sleep(50 * time.Minute) // in which the cache purges twice by itself
		synctest.Wait()
		if stats := cache.Stats(); stats.Tenants != 1 || stats.Unknown != 0 {
			t.Errorf("got %+v, want acme gone and globex there", stats)
		}
		store.reads.Store(0)
		if _, err := cache.ByIdentifier(t.Context(), "globex"); err != nil {
			t.Error(err)
		}
		store.wantReads(t, "what has not expired", 0)
	})
}

func TestCacheWarm(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{Size: 1200})
	for i := range 1500 {
		mustCreate(t, store, fmt.Sprintf("tenant-%04d", i))
	}
	for n, want := range map[int]int{0: 0, -1: 0, 1100: 1100} {
		if got, err := cache.Warm(t.Context(), n); got != want || err != nil {
			t.Errorf("Warm %d: %d and %v", n, got, err)
		}
	}
	for i := 400; i < 1500; i++ {
		if _, err := cache.ByIdentifier(t.Context(), fmt.Sprintf("tenant-%04d", i)); err != nil {
			t.Fatal(err)
		}
	}
	store.wantReads(t, "the most recent", 0)
	if got, err := cache.Warm(t.Context(), 1_000_000); got != 1200 || err != nil {
		t.Errorf("more than fit: %d and %v", got, err)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := cache.Warm(cancelled, 1); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

// All is dropped when the invalidations of others begin to arrive, so Warm
// waits for that, and not for ever.
func TestCacheWarmWaitsForInvalidations(t *testing.T) {
	t.Parallel()
	for name, arrive := range map[string]bool{"they arrive": true, "they do not": false} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, messages := newGate(), &tape{handle: make(chan func(registry.Invalidation))}
				acme := mustCreate(t, store, "acme")
				cache := newCache(t, store, registry.CacheConfig{Invalidations: messages})
				hear := <-messages.handle
				warmed := make(chan int)
				go func() {
					n, err := cache.Warm(t.Context(), 10)
					if err != nil {
						t.Error(err)
					}
					warmed <- n
				}()
				synctest.Wait()
				if arrive {
					hear(registry.Invalidation{All: true})
				}
				if n := <-warmed; n != 1 {
					t.Errorf("kept %d, want 1", n)
				}
				wantFound(t, cache, acme)
				store.wantReads(t, "after Warm", 0)
			})
		})
	}
}

// Warm counts what it has kept: not what was changed while it was read.
func TestCacheWarmCountsWhatItKeeps(t *testing.T) {
	t.Parallel()
	store := newGate()
	acme := mustCreate(t, store, "acme")
	mustCreate(t, store, "globex")
	var cache *registry.Cache
	cache = newCache(t, listed{store, func() { cache.Invalidate(t.Context(), acme.ID) }}, registry.CacheConfig{})
	if n, err := cache.Warm(t.Context(), 10); n != 1 || err != nil {
		t.Errorf("kept %d (%v), want 1", n, err)
	}
}

// listed is a store that calls meanwhile once it has read a list.
type listed struct {
	registry.Store
	meanwhile func()
}

func (s listed) List(ctx context.Context, q registry.Query) (registry.Page, error) {
	page, err := s.Store.List(ctx, q)
	s.meanwhile()
	return page, err
}

func TestCacheConfigIsChecked(t *testing.T) {
	t.Parallel()
	store := newGate()
	for field, cfg := range map[string]registry.CacheConfig{
		"Size": {Size: -1}, "TTL": {TTL: -1}, "NegativeSize": {NegativeSize: -1}, "NegativeTTL": {NegativeTTL: -1}, "ReadTimeout": {ReadTimeout: -1},
	} {
		if _, err := registry.NewCache(store, cfg); err == nil || !strings.Contains(err.Error(), "CacheConfig."+field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
	if _, err := registry.NewCache(nil, registry.CacheConfig{}); err == nil {
		t.Error("a cache over nothing")
	}
}

func TestClosedCacheAsksTheStore(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		acme := mustCreate(t, store, "acme")
		release := store.hold()
		found := make(chan error, 1)
		go func() {
			_, err := cache.ByIdentifier(t.Context(), "acme")
			found <- err
		}()
		synctest.Wait()
		store.mu.Lock()
		store.held = nil // what comes next is not held
		store.mu.Unlock()
		cache.Close() // breaks the read off
		if err := <-found; err != nil {
			t.Errorf("a lookup that was under way: %v", err)
		}
		store.reads.Store(0)
		wantFound(t, cache, acme)
		wantFound(t, cache, acme)
		store.wantReads(t, "after Close", 4)
		if _, err := cache.ByIDs(t.Context(), []tenancy.ID{acme.ID}); err != nil {
			t.Error(err)
		}
		wantFound(t, cache, acme)
		store.wantReads(t, "after Close and ByIDs", 2)
		cache.Close()
		_ = release
	})
}
