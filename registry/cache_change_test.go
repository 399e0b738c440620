package registry_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

type change = func(ctx context.Context, s registry.Store, t tenancy.Tenant) error

// changes are all that can happen to an active tenant.
func changes() map[string]change {
	return map[string]change{
		"Update": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			t.Plan = "gold"
			return errorOf(s.Update(ctx, t))
		},
		"rename": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			t.Identifier = "renamed"
			return errorOf(s.Update(ctx, t))
		},
		"SetStatus": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.SetStatus(ctx, t.ID, tenancy.StatusSuspended))
		},
		"SetStatuses": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.SetStatuses(ctx, []tenancy.ID{"gone", t.ID}, tenancy.StatusSuspended))
		},
		"MergeMetadata": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(s.MergeMetadata(ctx, t.ID, map[string]any{"k": "v"}))
		},
		"Delete": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			return errorOf(registry.Delete(ctx, s, t.ID))
		},
		"Restore": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error {
			_, err := registry.Delete(ctx, s, t.ID)
			return errors.Join(err, errorOf(registry.Restore(ctx, s, t.ID)))
		},
		"Erase": func(ctx context.Context, s registry.Store, t tenancy.Tenant) error { return s.Erase(ctx, t.ID) },
	}
}

func errorOf[T any](_ T, err error) error { return err }

func TestCacheForgetsWhatIsChanged(t *testing.T) {
	t.Parallel()
	for name, change := range changes() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := newGate()
			cache := newCache(t, store, registry.CacheConfig{})
			acme, bystander := mustCreate(t, store, "acme"), mustCreate(t, store, "bystander")
			wantFound(t, cache, acme)
			wantFound(t, cache, bystander)
			wantNotFound(t, cache, "renamed")
			if err := change(t.Context(), cache, acme); err != nil {
				t.Fatal(err)
			}
			if now, err := store.Store.ByID(t.Context(), acme.ID); err == nil {
				wantFound(t, cache, now) // by a new identifier too
			}
			for way, lookup := range lookups(store.Store, acme) {
				want := found{}
				want.tenant, want.err = lookup(t.Context())
				wantSame(t, way, <-begin(t.Context(), lookups(cache, acme)[way]), want)
			}
			store.reads.Store(0)
			wantFound(t, cache, bystander)
			store.wantReads(t, "another tenant", 0)
		})
	}
}

// lossy is a store whose changes are made, and fail for the one who asks.
type lossy struct{ *gate }

var errLost = errors.New("the connection is lost")

func (s lossy) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	_, _ = s.gate.SetStatus(ctx, id, to)
	return tenancy.Tenant{}, errLost
}

func TestCacheForgetsWhatMayHaveChanged(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, lossy{store}, registry.CacheConfig{})
	acme := mustCreate(t, store, "acme")
	wantFound(t, cache, acme)
	if _, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended); !errors.Is(err, errLost) {
		t.Fatal(err)
	}
	if got, err := cache.ByIdentifier(t.Context(), "acme"); err != nil || got.Status != tenancy.StatusSuspended {
		t.Errorf("got %s and %v", got.Status, err)
	}
}

// One who reads a tenant from the cache, finds that it was changed behind the
// cache's back and reads it again, as Update says, gets on.
func TestCacheConflictIsNotForever(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{})
	acme := mustCreate(t, store, "acme")
	wantFound(t, cache, acme)
	if _, err := store.MergeMetadata(t.Context(), acme.ID, map[string]any{"k": "v"}); err != nil {
		t.Fatal(err)
	}
	acme.Plan = "gold"
	if _, err := cache.Update(t.Context(), acme); !errors.Is(err, tenancy.ErrConflict) {
		t.Fatalf("got %v, want ErrConflict", err)
	}
	again, err := cache.ByID(t.Context(), acme.ID)
	if err != nil {
		t.Fatal(err)
	}
	again.Plan = "gold"
	if _, err := cache.Update(t.Context(), again); err != nil {
		t.Error(err)
	}
}

// Who changes the registry behind the cache's back says so.
func TestCacheInvalidate(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{})
	for name, invalidate := range map[string]func(id tenancy.ID){
		"one": func(id tenancy.ID) { cache.Invalidate(t.Context(), "gone", id) },
		"all": func(tenancy.ID) { cache.InvalidateAll(t.Context()) },
	} {
		acme := mustCreate(t, store, "acme-"+name)
		wantFound(t, cache, acme)
		changed, err := store.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
		if err != nil {
			t.Fatal(err)
		}
		wantFound(t, cache, acme) // as it was
		invalidate(acme.ID)
		wantFound(t, cache, changed)
	}
	wantNotFound(t, cache, "globex")
	globex := mustCreate(t, store, "globex")
	wantNotFound(t, cache, "globex") // as it was
	cache.InvalidateAll(t.Context())
	wantFound(t, cache, globex)
}

// tape is Invalidations that are delivered when the test says so.
type tape struct {
	published []registry.Invalidation
	handle    chan func(registry.Invalidation)
}

func (p *tape) Publish(_ context.Context, inv registry.Invalidation) error {
	p.published = append(p.published, inv)
	return nil
}

func (p *tape) Listen(ctx context.Context, handle func(registry.Invalidation)) {
	p.handle <- handle
	<-ctx.Done()
}

// Who asks for an identifier that is taken, or for something else that is
// refused, takes nobody out of any cache.
func TestCacheRefusalsEvictNoOne(t *testing.T) {
	t.Parallel()
	store := &gate{Store: registry.NewMemoryStore(registry.MemoryConfig{MaxTenants: 3})}
	messages := &tape{handle: make(chan func(registry.Invalidation), 1)}
	cache := newCache(t, store, registry.CacheConfig{Invalidations: messages})
	acme, globex := mustCreate(t, store, "acme"), mustCreate(t, store, "globex")
	wantFound(t, cache, acme)
	store.reads.Store(0)
	wantRefused := func(err, want error) {
		t.Helper()
		if !errors.Is(err, want) {
			t.Errorf("got %v, want %v", err, want)
		}
	}
	create := func(n registry.NewTenant) error { return second(cache.Create(t.Context(), n)) }
	wantRefused(create(registry.NewTenant{Identifier: "acme", Name: "Stranger"}), tenancy.ErrExists)
	wantRefused(create(registry.NewTenant{Identifier: "acme"}), tenancy.ErrInvalidTenant)
	wantRefused(create(registry.NewTenant{ID: " ", Identifier: "acme", Name: "Stranger"}), tenancy.ErrInvalidID)
	mustCreate(t, store, "initech")
	wantRefused(create(registry.NewTenant{Identifier: "acme", Name: "Stranger"}), tenancy.ErrTooManyTenants)
	if len(messages.published) != 0 {
		t.Errorf("published %+v", messages.published)
	}
	globex.Identifier = "acme"
	wantRefused(second(cache.Update(t.Context(), globex)), tenancy.ErrExists)
	for _, inv := range messages.published {
		if inv.All || len(inv.Identifiers) > 0 || slices.Contains(inv.IDs, acme.ID) {
			t.Errorf("published %+v, which is about acme", inv)
		}
	}
	wantFound(t, cache, acme)
	store.wantReads(t, "acme", 0)
}

// A name is taken that the cache knew for nobody's.
func TestCacheLearnsThatANameIsTaken(t *testing.T) {
	t.Parallel()
	store, messages := newGate(), &tape{handle: make(chan func(registry.Invalidation), 1)}
	cache := newCache(t, store, registry.CacheConfig{NegativeTTL: time.Hour, Invalidations: messages})
	for i, ask := range []func(identifier string) error{
		func(identifier string) error {
			return second(cache.Create(t.Context(), registry.NewTenant{Identifier: identifier, Name: "Another"}))
		},
		func(identifier string) error {
			another := mustCreate(t, store, "another")
			another.Identifier = identifier
			return second(cache.Update(t.Context(), another))
		},
	} {
		identifier := fmt.Sprint("acme-", i)
		wantNotFound(t, cache, identifier)
		acme := mustCreate(t, store, identifier)
		wantNotFound(t, cache, identifier) // as it was
		if err := ask(identifier); !errors.Is(err, tenancy.ErrExists) {
			t.Fatalf("got %v, want ErrExists", err)
		}
		wantFound(t, cache, acme)
	}
}

// unreachable are Invalidations that can be published from some time on.
type unreachable struct {
	mu        sync.Mutex
	reachable bool
	published []registry.Invalidation
}

func (u *unreachable) Publish(_ context.Context, inv registry.Invalidation) error {
	u.mu.Lock()
	defer u.mu.Unlock()
	if !u.reachable {
		return errLost
	}
	u.published = append(u.published, inv)
	return nil
}

func (u *unreachable) Listen(ctx context.Context, _ func(registry.Invalidation)) { <-ctx.Done() }

// creates is a store whose creations may have been made, and fail.
type creates struct{ registry.Store }

func (creates) Create(context.Context, registry.NewTenant) (tenancy.Tenant, error) {
	return tenancy.Tenant{}, errLost
}

// In a long outage the cache does not remember all names that it has to tell.
func TestCacheTellsOfAllAfterALongOutage(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		messages := &unreachable{}
		cache := newCache(t, creates{newGate()}, registry.CacheConfig{Invalidations: messages})
		for i := range 10_001 {
			_, _ = cache.Create(t.Context(), registry.NewTenant{Identifier: fmt.Sprint("tenant-", i), Name: "Tenant"})
		}
		messages.mu.Lock()
		messages.reachable = true
		messages.mu.Unlock()
		time.Sleep(10 * time.Second)
		messages.mu.Lock()
		defer messages.mu.Unlock()
		if len(messages.published) != 1 || !messages.published[0].All {
			t.Errorf("published %d messages, want one about all", len(messages.published))
		}
	})
}

// What a cache has published comes back to it, and is no news.
func TestCacheDoesNotListenToItself(t *testing.T) {
	t.Parallel()
	store, messages := newGate(), &tape{handle: make(chan func(registry.Invalidation))}
	cache := newCache(t, store, registry.CacheConfig{Invalidations: messages})
	hear := <-messages.handle
	acme := mustCreate(t, store, "acme")
	suspended, err := cache.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
	if err != nil {
		t.Fatal(err)
	}
	wantFound(t, cache, suspended)
	store.reads.Store(0)
	for _, inv := range messages.published {
		hear(inv)
	}
	wantFound(t, cache, suspended)
	store.wantReads(t, "after its own message", 0)
	hear(registry.Invalidation{IDs: []tenancy.ID{acme.ID}, Origin: "another"})
	wantFound(t, cache, suspended)
	store.wantReads(t, "after another's message", 1)
}
