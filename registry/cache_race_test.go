package registry_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// lookups are both ways to find a tenant.
func lookups(s registry.Store, t tenancy.Tenant) map[string]func(context.Context) (tenancy.Tenant, error) {
	return map[string]func(context.Context) (tenancy.Tenant, error){
		"ByIdentifier": func(ctx context.Context) (tenancy.Tenant, error) { return s.ByIdentifier(ctx, t.Identifier) },
		"ByID":         func(ctx context.Context) (tenancy.Tenant, error) { return s.ByID(ctx, t.ID) },
	}
}

type found struct {
	tenant tenancy.Tenant
	err    error
}

// begin calls a lookup and returns where its result comes.
func begin(ctx context.Context, lookup func(context.Context) (tenancy.Tenant, error)) <-chan found {
	result := make(chan found, 1)
	go func() {
		t, err := lookup(ctx)
		result <- found{t, err}
	}()
	return result
}

func TestCacheReadsOnceForManyWhoMiss(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"ByIdentifier", "ByID"} {
		synctest.Test(t, func(t *testing.T) {
			store := newGate()
			cache := newCache(t, store, registry.CacheConfig{})
			acme := mustCreate(t, store, "acme")
			release := store.hold()
			results := make([]<-chan found, 500)
			for i := range results {
				results[i] = begin(t.Context(), lookups(cache, acme)[name])
			}
			synctest.Wait()
			release()
			for _, result := range results {
				if got := <-result; got.err != nil || !got.tenant.Equal(acme) {
					t.Fatalf("%s: got %v and %v", name, got.tenant, got.err)
				}
			}
			store.wantReads(t, name, 1)
			if stats := cache.Stats(); stats.Misses != 500 || stats.Reads != 1 {
				t.Errorf("%s: got %+v, want 500 misses and 1 read", name, stats)
			}
		})
	}
}

// The one who began a read gives up; the others get what it finds.
func TestCacheReadGoesOnWithoutTheOneWhoBeganIt(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		acme := mustCreate(t, store, "acme")
		release := store.hold()
		leading, cancel := context.WithCancel(t.Context())
		leader := begin(leading, lookups(cache, acme)["ByIdentifier"])
		synctest.Wait()
		follower := begin(t.Context(), lookups(cache, acme)["ByIdentifier"])
		synctest.Wait()
		cancel()
		if got := <-leader; !errors.Is(got.err, context.Canceled) {
			t.Errorf("the leader got %v, want context.Canceled at once", got.err)
		}
		release()
		if got := <-follower; got.err != nil || !got.tenant.Equal(acme) {
			t.Errorf("the follower got %v and %v", got.tenant, got.err)
		}
		store.wantReads(t, "both", 1)
	})
}

// A read that no one waits for any more, and that does not return, ends.
func TestCacheReadHasATimeout(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		acme := mustCreate(t, store, "acme")
		release := store.hold()
		defer release()
		if got := <-begin(t.Context(), lookups(cache, acme)["ByIdentifier"]); !errors.Is(got.err, tenancy.ErrUnavailable) {
			t.Errorf("got %v, want ErrUnavailable after the ReadTimeout", got.err)
		}
	})
}

// A lookup that was under way while its tenant was changed has the old row in
// its hand. Neither does it put that into the cache, nor does one that came
// after the change get it.
func TestCacheLookupUnderWayDuringAChange(t *testing.T) {
	t.Parallel()
	all := changes()
	delete(all, "Restore") // which reads first, and so would wait
	for name, change := range all {
		for _, way := range []string{"ByIdentifier", "ByID"} {
			t.Run(name+" "+way, func(t *testing.T) {
				t.Parallel()
				synctest.Test(t, func(t *testing.T) {
					store := newGate()
					cache := newCache(t, store, registry.CacheConfig{})
					acme := mustCreate(t, store, "acme")
					release := store.hold()
					before := begin(t.Context(), lookups(cache, acme)[way])
					synctest.Wait()
					if err := change(t.Context(), cache, acme); err != nil {
						t.Fatal(err)
					}
					after := begin(t.Context(), lookups(cache, acme)[way])
					synctest.Wait()
					release()
					<-before // it may have either
					want := found{}
					want.tenant, want.err = lookups(store.Store, acme)[way](t.Context())
					wantSame(t, "one that came after the change", <-after, want)
					wantSame(t, "the next one", <-begin(t.Context(), lookups(cache, acme)[way]), want)
				})
			})
		}
	}
}

func wantSame(t *testing.T, what string, got, want found) {
	t.Helper()
	if !errors.Is(got.err, want.err) || !got.tenant.Equal(want.tenant) {
		t.Errorf("%s got %v %s version %d and %v, want %v %s version %d and %v", what,
			got.tenant, got.tenant.Status, got.tenant.Version, got.err, want.tenant, want.tenant.Status, want.tenant.Version, want.err)
	}
}

// A lookup that finds no one is under way while the tenant is created.
func TestCacheLookupUnderWayDuringACreation(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		acme := tenancy.Tenant{ID: "id-acme", Identifier: "acme"}
		for _, way := range []string{"ByIdentifier", "ByID"} {
			release := store.hold()
			before := begin(t.Context(), lookups(cache, acme)[way])
			synctest.Wait()
			acme = mustCreate(t, cache, "acme")
			release()
			<-before
			wantFound(t, cache, acme)
			if err := cache.Erase(t.Context(), acme.ID); err != nil {
				t.Fatal(err)
			}
			wantNotFound(t, cache, "acme")
		}
	})
}

// An identifier passes from one tenant to another while a lookup of it is
// under way.
func TestCacheIdentifierThatIsUsedAgain(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		old := mustCreate(t, cache, "acme")
		wantFound(t, cache, old)
		cache.Invalidate(t.Context(), old.ID)
		release := store.hold()
		before := begin(t.Context(), lookups(cache, old)["ByIdentifier"])
		synctest.Wait()
		old.Identifier = "acme-old"
		renamed, err := cache.Update(t.Context(), old)
		if err != nil {
			t.Fatal(err)
		}
		heir, err := cache.Create(t.Context(), registry.NewTenant{ID: "id-heir", Identifier: "acme", Name: "Heir"})
		if err != nil {
			t.Fatal(err)
		}
		after := begin(t.Context(), lookups(cache, heir)["ByIdentifier"])
		synctest.Wait()
		release()
		<-before
		if got := <-after; got.err != nil || !got.tenant.Equal(heir) {
			t.Errorf("one that came after the change got %v and %v", got.tenant, got.err)
		}
		wantFound(t, cache, heir)
		wantFound(t, cache, renamed)
	})
}

// Of two reads that were under way while someone else changed the tenant, the
// older comes last.
func TestCacheKeepsTheNewerOfTwoReads(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		store := newGate()
		cache := newCache(t, store, registry.CacheConfig{})
		acme := mustCreate(t, store, "acme")
		release := store.hold()
		older := begin(t.Context(), lookups(cache, acme)["ByID"])
		synctest.Wait()
		suspended, err := store.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended)
		if err != nil {
			t.Fatal(err)
		}
		if page, err := cache.ByIDs(t.Context(), []tenancy.ID{acme.ID}); err != nil || !page.Tenants[0].Equal(suspended) {
			t.Errorf("the newer read got %v and %v", page, err)
		}
		release()
		<-older
		wantFound(t, cache, suspended)
	})
}

// One tenant is found under an identifier by which the cache knows another: so
// that other has changed, even if no one has said so.
func TestCacheIdentifierThatSomeoneElseHasPassedOn(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{})
	old := mustCreate(t, store, "acme")
	wantFound(t, cache, old)
	old.Identifier = "acme-old"
	renamed, err := store.Update(t.Context(), old)
	if err != nil {
		t.Fatal(err)
	}
	heir, err := store.Create(t.Context(), registry.NewTenant{ID: "id-heir", Identifier: "acme", Name: "Heir"})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := cache.ByID(t.Context(), heir.ID); err != nil {
		t.Fatal(err)
	}
	got, err := cache.ByID(t.Context(), old.ID)
	wantSame(t, "a lookup of the other", found{got, err}, found{tenant: renamed})
	wantFound(t, cache, heir)
}

// Many change and find the same few tenants. No one finds one that is older
// than a change that was over before.
func TestCacheUnderChanges(t *testing.T) {
	t.Parallel()
	store := newGate()
	cache := newCache(t, store, registry.CacheConfig{Size: 2})
	all := []tenancy.Tenant{mustCreate(t, store, "acme"), mustCreate(t, store, "globex"), mustCreate(t, store, "initech")}
	var busy sync.WaitGroup
	for i := range 8 {
		busy.Go(func() {
			for n := range 300 {
				tenant := all[(i+n)%len(all)]
				changed, err := cache.MergeMetadata(t.Context(), tenant.ID, map[string]any{"n": n})
				if err != nil {
					t.Error(err)
					return
				}
				for name, lookup := range lookups(cache, tenant) {
					if got, err := lookup(t.Context()); err != nil || got.Version < changed.Version {
						t.Errorf("%s: got version %d and %v after version %d", name, got.Version, err, changed.Version)
					}
				}
			}
		})
	}
	busy.Wait()
}
