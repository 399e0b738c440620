package registry_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// fault panics while it is on, when all wait who share a read.
type fault struct {
	off   atomic.Bool
	calls atomic.Int64
}

func (f *fault) bear() {
	f.calls.Add(1)
	if !f.off.Load() {
		time.Sleep(time.Second)
		panic("postgres://shop:s3cret@db/shop")
	}
}

// The parts of a registry below its caches, with a fault.
type (
	faultyStore struct {
		registry.Store
		*fault
	}
	faultyDomains struct {
		registry.DomainStore
		*fault
	}
	faultyInvalidations struct {
		*fault

		told *atomic.Int64
	}
	faultyLog struct{}
)

func (f faultyStore) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	f.bear()
	return f.Store.ByIdentifier(ctx, identifier)
}

func (f faultyStore) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	f.bear()
	return f.Store.ByID(ctx, id)
}

func (f faultyDomains) IDByDomain(context.Context, string) (tenancy.ID, error) {
	f.bear()
	return "id-acme", nil
}

func (f faultyInvalidations) Publish(context.Context, registry.Invalidation) error {
	f.bear()
	f.told.Add(1)
	return nil
}

func (f faultyInvalidations) Listen(ctx context.Context, handle func(registry.Invalidation)) {
	f.bear()
	handle(registry.Invalidation{All: true})
	<-ctx.Done()
}

// A panic below a cache is an error for all who wait, and is forgotten with it.
func TestCachesOutliveAPanic(t *testing.T) {
	t.Parallel()
	lookups := func(t *testing.T, below *fault) map[string]func() error {
		t.Helper()
		store := registry.NewMemoryStore(registry.MemoryConfig{})
		mustCreate(t, store, "acme")
		tenants := newCache(t, faultyStore{store, below}, registry.CacheConfig{})
		domains, err := registry.NewDomainCache(faultyDomains{fault: below}, store, registry.DomainCacheConfig{})
		if err != nil {
			t.Fatal(err)
		}
		return map[string]func() error{
			"identifier": func() error { return second(tenants.ByIdentifier(t.Context(), "acme")) },
			"id":         func() error { return second(tenants.ByID(t.Context(), "id-acme")) },
			"domain":     func() error { return second(domains.IDByDomain(t.Context(), "acme.test")) },
		}
	}
	for _, name := range []string{"identifier", "id", "domain"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				below := &fault{}
				lookup := lookups(t, below)[name]
				var all sync.WaitGroup
				for range 10 {
					all.Go(func() {
						err := lookup()
						if err == nil || !strings.Contains(err.Error(), "panicked") || strings.Contains(err.Error(), "s3cret") {
							t.Errorf("got %v", err)
						}
					})
				}
				all.Wait()
				if n := below.calls.Load(); n != 1 {
					t.Errorf("%d calls, want one that all share", n)
				}
				below.off.Store(true)
				if err := lookup(); err != nil {
					t.Errorf("after the panic: %v", err)
				}
			})
		})
	}
}

func (faultyLog) Write([]byte) (int, error) { panic("a logger of an application's own") }

// Others are told, and heard, once what carries invalidations panics no more, even if
// the logger that is to hear of it always does.
func TestInvalidationsThatPanic(t *testing.T) {
	t.Parallel()
	for name, logger := range map[string]*slog.Logger{"no logger": nil, "a logger that panics": slog.New(slog.NewTextHandler(faultyLog{}, nil))} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				store, messages := registry.NewMemoryStore(registry.MemoryConfig{}), faultyInvalidations{&fault{}, &atomic.Int64{}}
				acme := mustCreate(t, store, "acme")
				cache := newCache(t, store, registry.CacheConfig{Invalidations: messages, Logger: logger})
				if _, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended); err != nil {
					t.Fatal(err)
				}
				time.Sleep(time.Minute)
				if s := cache.Stats(); s.Flushes != 0 || s.Unpublished != 1 {
					t.Errorf("meanwhile the stats are %+v", s)
				}
				messages.off.Store(true)
				time.Sleep(time.Minute)
				if s := cache.Stats(); s.Flushes != 1 || messages.told.Load() != 1 {
					t.Errorf("afterwards the stats are %+v, and others were told %d times", s, messages.told.Load())
				}
			})
		})
	}
}
