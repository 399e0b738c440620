package registry

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/entenancy/tenancy"
)

// MemoryStore is a Store that keeps its tenants in memory, for tests and for
// applications whose tenants are written in a file. They are gone when the
// process ends. It is safe for concurrent use. Make one with NewMemoryStore.
type MemoryStore struct {
	maxTenants int
	id         string

	mu           sync.RWMutex
	tenants      map[tenancy.ID]tenancy.Tenant
	byIdentifier map[string]tenancy.ID
	byID         []Position // the order of OrderID
	byCreation   []Position // the order of OrderNewest, from the oldest
}

var _ Store = (*MemoryStore)(nil)

// MemoryConfig is what a MemoryStore can be told. The zero MemoryConfig works.
type MemoryConfig struct {
	// MaxTenants is how many tenants Create lets there be, whatever their
	// status, until one is erased. Defaults to 0, which is no limit.
	MaxTenants int
}

// NewMemoryStore returns a store without tenants.
func NewMemoryStore(cfg MemoryConfig) *MemoryStore {
	return &MemoryStore{
		maxTenants:   cfg.MaxTenants,
		id:           rand.Text(),
		tenants:      map[tenancy.ID]tenancy.Tenant{},
		byIdentifier: map[string]tenancy.ID{},
	}
}

// RegistryID returns what tells this store from all others, also of earlier processes.
func (s *MemoryStore) RegistryID(context.Context) (string, error) { return s.id, nil }

// ByIdentifier implements [tenancy.Lookup].
func (s *MemoryStore) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return tenancy.Tenant{}, failed(ctx, "finding a tenant", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if id, ok := s.byIdentifier[identifier]; ok {
		return s.tenants[id], nil
	}
	return tenancy.Tenant{}, tenancy.ErrNotFound
}

// ByID implements Store.
func (s *MemoryStore) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	if err := ctx.Err(); err != nil {
		return tenancy.Tenant{}, failed(ctx, "finding a tenant", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	if t, ok := s.tenants[id]; ok {
		return t, nil
	}
	return tenancy.Tenant{}, tenancy.ErrNotFound
}

// Create implements Store.
func (s *MemoryStore) Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error) {
	t, err := Created(n)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	if err := ctx.Err(); err != nil {
		return tenancy.Tenant{}, failed(ctx, "creating a tenant", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	_, sameID := s.tenants[t.ID]
	_, sameIdentifier := s.byIdentifier[t.Identifier]
	switch {
	case s.maxTenants > 0 && len(s.tenants) >= s.maxTenants:
		return tenancy.Tenant{}, errTooMany(s.maxTenants)
	case sameID || sameIdentifier:
		return tenancy.Tenant{}, errTaken()
	}
	s.tenants[t.ID] = t
	s.byIdentifier[t.Identifier] = t.ID
	at := positionOf(t)
	s.byID = inserted(s.byID, at, compareIDs)
	s.byCreation = inserted(s.byCreation, at, compareCreations)
	return t, nil
}

// Update implements Store.
func (s *MemoryStore) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	if err := validateUpdate(t); err != nil {
		return tenancy.Tenant{}, err
	}
	return s.change(ctx, t.ID, func(old tenancy.Tenant) (tenancy.Tenant, error) {
		changed, err := Updated(old, t)
		if err != nil {
			return tenancy.Tenant{}, err
		}
		if owner, taken := s.byIdentifier[t.Identifier]; taken && owner != t.ID {
			return tenancy.Tenant{}, errTaken()
		}
		return changed, nil
	})
}

// SetStatus implements Store.
func (s *MemoryStore) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	if err := cmp.Or(id.Validate(), to.Validate()); err != nil {
		return tenancy.Tenant{}, err
	}
	return s.change(ctx, id, func(old tenancy.Tenant) (tenancy.Tenant, error) { return WithStatus(old, to) })
}

// SetStatuses implements Store.
func (s *MemoryStore) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error) {
	ids, err := distinct(ids)
	if err := cmp.Or(err, to.Validate()); err != nil {
		return Page{}, err
	}
	page := Page{Tenants: make([]tenancy.Tenant, 0, len(ids))}
	for _, id := range ids {
		t, err := s.SetStatus(ctx, id, to)
		switch {
		case err == nil:
			page.Tenants = append(page.Tenants, t)
		case !errors.Is(err, tenancy.ErrNotFound) && !errors.Is(err, tenancy.ErrInvalidTransition):
			return Page{}, err
		}
	}
	return page, nil
}

// MergeMetadata implements Store.
func (s *MemoryStore) MergeMetadata(ctx context.Context, id tenancy.ID, values map[string]any, remove ...string) (tenancy.Tenant, error) {
	if err := cmp.Or(id.Validate(), validateMetadata(values), validateMetadata(absent(remove))); err != nil {
		return tenancy.Tenant{}, err
	}
	return s.change(ctx, id, func(old tenancy.Tenant) (tenancy.Tenant, error) { return WithMetadata(old, values, remove...) })
}

// change replaces a tenant by what edit makes of it, while no one else does.
func (s *MemoryStore) change(ctx context.Context, id tenancy.ID, edit func(tenancy.Tenant) (tenancy.Tenant, error)) (tenancy.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return tenancy.Tenant{}, failed(ctx, "changing a tenant", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	old, ok := s.tenants[id]
	if !ok {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	changed, err := edit(old)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	s.tenants[id] = changed
	delete(s.byIdentifier, old.Identifier)
	s.byIdentifier[changed.Identifier] = id
	return changed, nil
}

// Erase implements Store.
func (s *MemoryStore) Erase(ctx context.Context, id tenancy.ID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	if err := ctx.Err(); err != nil {
		return failed(ctx, "erasing a tenant", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	t, ok := s.tenants[id]
	if !ok {
		return tenancy.ErrNotFound
	}
	delete(s.tenants, id)
	delete(s.byIdentifier, t.Identifier)
	at := positionOf(t)
	s.byID = deleted(s.byID, at, compareIDs)
	s.byCreation = deleted(s.byCreation, at, compareCreations)
	return nil
}
