package registry_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// domains is a DomainStore in memory, as far as a cache asks it.
type domains struct {
	registry.DomainStore
	of    sync.Map // a tenancy.ID for each domain
	fails atomic.Pointer[error]
	takes time.Duration
	reads atomic.Int64
}

func (d *domains) Add(_ context.Context, id tenancy.ID, domain string) error {
	d.of.Store(domain, id)
	return nil
}

func (d *domains) Remove(_ context.Context, _ tenancy.ID, domain string) error {
	d.of.Delete(domain)
	return nil
}

func (d *domains) IDByDomain(ctx context.Context, domain string) (tenancy.ID, error) {
	d.reads.Add(1)
	id, ok := d.of.Load(domain) // before it takes its time
	select {
	case <-time.After(d.takes):
	case <-ctx.Done():
		return "", ctx.Err()
	}
	if failed := d.fails.Load(); failed != nil {
		return "", *failed
	}
	if !ok {
		return "", tenancy.ErrNotFound
	}
	return id.(tenancy.ID), nil
}

// newDomains returns a cache over domains, of which acme.test is acme's.
func newDomains(t *testing.T, cfg registry.DomainCacheConfig) (*registry.DomainCache, *domains) {
	t.Helper()
	store := registry.NewMemoryStore(registry.MemoryConfig{})
	for _, id := range []tenancy.ID{"acme", "globex"} {
		if _, err := store.Create(t.Context(), registry.NewTenant{ID: id, Identifier: string(id) + "-shop", Name: "Tenant"}); err != nil {
			t.Fatal(err)
		}
	}
	below := &domains{}
	below.of.Store("acme.test", tenancy.ID("acme"))
	cache, err := registry.NewDomainCache(below, store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return cache, below
}

// checkLookup asks n times, and for how many reads that is since the last time.
func checkLookup(t *testing.T, cache *registry.DomainCache, below *domains, domain, identifier string, n, reads int) {
	t.Helper()
	var want error
	if identifier == "" {
		want = tenancy.ErrNotFound
	}
	for range n {
		if got, err := cache.IdentifierByDomain(t.Context(), domain); got != identifier || !errors.Is(err, want) {
			t.Errorf("%q is of %q (%v), want %q", domain, got, err, identifier)
		}
	}
	if got := below.reads.Swap(0); got != int64(reads) {
		t.Errorf("%q: %d reads for %d lookups, want %d", domain, got, n, reads)
	}
}

func TestDomainCache(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache, below := newDomains(t, registry.DomainCacheConfig{TTL: time.Minute, NegativeTTL: time.Second})
		checkLookup(t, cache, below, "acme.test", "acme-shop", 3, 1)
		checkLookup(t, cache, below, "ACME.test.", "acme-shop", 3, 0)
		checkLookup(t, cache, below, "nobody.test", "", 3, 1)
		checkLookup(t, cache, below, "", "", 3, 0)
		checkLookup(t, cache, below, "no domain", "", 3, 0)
		time.Sleep(time.Second)
		checkLookup(t, cache, below, "nobody.test", "", 3, 1)
		below.of.Store("acme.test", tenancy.ID("globex")) // by another process
		checkLookup(t, cache, below, "acme.test", "acme-shop", 3, 0)
		time.Sleep(time.Minute)
		checkLookup(t, cache, below, "acme.test", "globex-shop", 3, 1)
		below.of.Store("acme.test", tenancy.ID("acme"))
		cache.Invalidate("other.test", "Acme.test")
		checkLookup(t, cache, below, "acme.test", "acme-shop", 3, 1)
		// A domain of a tenant that is not there any more is nobody's.
		below.of.Store("gone.test", tenancy.ID("gone"))
		checkLookup(t, cache, below, "gone.test", "", 3, 1)
	})
}

// What is changed through the cache is served from then on, and what was read before is not kept.
func TestDomainCacheChanges(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache, below := newDomains(t, registry.DomainCacheConfig{})
		checkLookup(t, cache, below, "new.test", "", 1, 1)
		if err := cache.Add(t.Context(), "acme", "new.test"); err != nil {
			t.Fatal(err)
		}
		checkLookup(t, cache, below, "new.test", "acme-shop", 2, 1)
		below.takes = 2 * time.Second
		cache.Invalidate("new.test")
		go func() { _, _ = cache.IdentifierByDomain(t.Context(), "new.test") }()
		synctest.Wait() // it has read that the domain is acme's, and comes with that last
		below.takes = time.Second
		if err := cache.Remove(t.Context(), "acme", "new.test"); err != nil {
			t.Fatal(err)
		}
		checkLookup(t, cache, below, "new.test", "", 1, 2)
		time.Sleep(2 * time.Second)
		checkLookup(t, cache, below, "new.test", "", 1, 0)
	})
}

func TestDomainCacheSharesReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache, below := newDomains(t, registry.DomainCacheConfig{})
		below.takes = time.Second
		ctx, cancel := context.WithCancel(t.Context())
		first := make(chan error, 1)
		go func() {
			_, err := cache.IDByDomain(ctx, "acme.test")
			first <- err
		}()
		synctest.Wait()
		var all sync.WaitGroup
		for range 50 {
			all.Go(func() {
				if id, err := cache.IDByDomain(t.Context(), "acme.test"); id != "acme" || err != nil {
					t.Errorf("got %q and %v", id, err)
				}
			})
		}
		synctest.Wait()
		cancel() // by the one who began it
		all.Wait()
		gaveUp := <-first
		if !errors.Is(gaveUp, context.Canceled) || below.reads.Load() != 1 {
			t.Errorf("the first got %v; %d reads", gaveUp, below.reads.Load())
		}
		if _, err := cache.IDByDomain(ctx, "acme.test"); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v with a context that is over", err)
		}
	})
}

// Errors are passed on and not remembered, and a read ends.
func TestDomainCacheFailures(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		cache, below := newDomains(t, registry.DomainCacheConfig{ReadTimeout: time.Second})
		down := errors.New("down")
		below.fails.Store(&down)
		for range 2 {
			if _, err := cache.IdentifierByDomain(t.Context(), "acme.test"); !errors.Is(err, down) {
				t.Errorf("got %v", err)
			}
		}
		below.fails.Store(nil)
		below.takes = time.Hour
		if _, err := cache.IdentifierByDomain(t.Context(), "acme.test"); !errors.Is(err, tenancy.ErrUnavailable) || errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v", err)
		}
		below.takes = 0
		below.reads.Store(0)
		checkLookup(t, cache, below, "acme.test", "acme-shop", 2, 1)
	})
}

// Domains made up by strangers push out no tenant's, and take no more room than they may.
func TestDomainCacheSize(t *testing.T) {
	t.Parallel()
	cache, below := newDomains(t, registry.DomainCacheConfig{Size: 1, NegativeSize: 10, NegativeTTL: time.Hour})
	checkLookup(t, cache, below, "acme.test", "acme-shop", 1, 1)
	for i := range 100 {
		checkLookup(t, cache, below, fmt.Sprintf("d%d.test", i), "", 1, 1)
	}
	checkLookup(t, cache, below, "acme.test", "acme-shop", 1, 0)
	checkLookup(t, cache, below, "d99.test", "", 1, 0)
	checkLookup(t, cache, below, "d0.test", "", 1, 1)
}

func TestNewDomainCacheRefuses(t *testing.T) {
	t.Parallel()
	store, below := registry.NewMemoryStore(registry.MemoryConfig{}), &domains{}
	for want, cfg := range map[string]registry.DomainCacheConfig{
		"DomainCacheConfig.Size ": {Size: -1}, "DomainCacheConfig.TTL ": {TTL: -1}, "DomainCacheConfig.NegativeSize ": {NegativeSize: -1},
		"DomainCacheConfig.NegativeTTL ": {NegativeTTL: -1}, "DomainCacheConfig.ReadTimeout ": {ReadTimeout: -1},
	} {
		if _, err := registry.NewDomainCache(below, store, cfg); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want one that names %s", err, want)
		}
	}
	if _, err := registry.NewDomainCache(nil, store, registry.DomainCacheConfig{}); err == nil || !strings.Contains(err.Error(), "domains is nil") {
		t.Errorf("got %v", err)
	}
	if _, err := registry.NewDomainCache(below, nil, registry.DomainCacheConfig{}); err == nil || !strings.Contains(err.Error(), "tenants is nil") {
		t.Errorf("got %v", err)
	}
}
