package registry_test

import (
	"context"
	"errors"
	"testing"

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
