package registry_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// gate is a store that counts its reads, and can hold those that have found
// what they return but have not returned it.
type gate struct {
	registry.Store
	reads atomic.Int64

	mu   sync.Mutex
	held chan struct{}
}

func newGate() *gate { return &gate{Store: registry.NewMemoryStore(registry.MemoryConfig{})} }

// hold makes the reads that begin now wait until release is called.
func (g *gate) hold() (release func()) {
	g.mu.Lock()
	defer g.mu.Unlock()
	held := make(chan struct{})
	g.held = held
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		close(held)
		g.held = nil
	}
}

func (g *gate) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	t, err := g.Store.ByIdentifier(ctx, identifier)
	return t, g.pass(ctx, err)
}

func (g *gate) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	t, err := g.Store.ByID(ctx, id)
	return t, g.pass(ctx, err)
}

func (g *gate) pass(ctx context.Context, err error) error {
	g.reads.Add(1)
	g.mu.Lock()
	held := g.held
	g.mu.Unlock()
	if held == nil {
		return err
	}
	select {
	case <-held:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

// wantReads fails the test unless the store was read n times since the last call.
func (g *gate) wantReads(t *testing.T, what string, n int64) {
	t.Helper()
	if got := g.reads.Swap(0); got != n {
		t.Errorf("%s: the store was read %d times, want %d", what, got, n)
	}
}

func newCache(t *testing.T, store registry.Store, cfg registry.CacheConfig) *registry.Cache {
	t.Helper()
	cache, err := registry.NewCache(store, cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cache.Close)
	return cache
}

func mustCreate(t *testing.T, s registry.Store, identifier string) tenancy.Tenant {
	t.Helper()
	created, err := s.Create(t.Context(), registry.NewTenant{
		ID: tenancy.ID("id-" + identifier), Identifier: identifier, Name: identifier, Status: tenancy.StatusActive,
	})
	if err != nil {
		t.Fatal(err)
	}
	return created
}

// wantFound fails the test unless the identifier finds exactly want, both ways.
func wantFound(t *testing.T, s registry.Store, want tenancy.Tenant) {
	t.Helper()
	got, err := s.ByIdentifier(t.Context(), want.Identifier)
	if err != nil || !got.Equal(want) {
		t.Errorf("ByIdentifier %q: got %v version %d %s and %v, want version %d %s", want.Identifier, got, got.Version, got.Status, err, want.Version, want.Status)
	}
	got, err = s.ByID(t.Context(), want.ID)
	if err != nil || !got.Equal(want) {
		t.Errorf("ByID %q: got %v version %d %s and %v, want version %d %s", want.ID, got, got.Version, got.Status, err, want.Version, want.Status)
	}
}
