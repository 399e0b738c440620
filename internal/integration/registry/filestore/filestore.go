// Package filestore is an example of a registry.Store of one's own: a file for
// each tenant in a directory, for a deployment whose tenants are few and kept
// under version control. One process may use a directory at a time.
//
// What the rules of the registry are it leaves to package registry: Created,
// Updated, WithStatus and WithMetadata say what becomes of a tenant, and Query
// and Fold which tenants a list or search is about.
package filestore

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// Store keeps tenants in files, and a copy of them in memory. It is safe for
// concurrent use.
type Store struct {
	dir     string
	mu      sync.RWMutex
	tenants map[tenancy.ID]tenancy.Tenant
}

var _ registry.Store = (*Store)(nil)

// New returns a store of the tenants in a directory, which has to be there.
func New(dir string) (*Store, error) {
	s := &Store{dir: dir, tenants: map[tenancy.ID]tenancy.Tenant{}}
	files, err := filepath.Glob(filepath.Join(dir, "*.json"))
	if err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	for _, name := range files {
		text, err := os.ReadFile(name) //nolint:gosec // it is in the directory that the caller named
		if err != nil {
			return nil, fmt.Errorf("filestore: %w", err)
		}
		var r record
		if err := json.Unmarshal(text, &r); err != nil {
			return nil, fmt.Errorf("filestore: %s: %w", name, err)
		}
		s.tenants[r.ID] = r.tenant()
	}
	return s, nil
}

// file names a tenant's file. An id may be longer than a file's name, and
// differ from another by case only.
func (s *Store) file(id tenancy.ID) string {
	sum := sha256.Sum256([]byte(id))
	return filepath.Join(s.dir, hex.EncodeToString(sum[:])+".json")
}

// keep writes a tenant to its file, and then to memory. The caller has the lock.
func (s *Store) keep(t tenancy.Tenant) (tenancy.Tenant, error) {
	text, err := json.MarshalIndent(recordOf(t), "", "\t")
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("filestore: %w", err)
	}
	next := s.file(t.ID) + ".next"
	err = os.WriteFile(next, text, 0o600)
	if err == nil {
		err = os.Rename(next, s.file(t.ID)) // so that a file is whole or not there
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("filestore: %w", err)
	}
	s.tenants[t.ID] = t
	return t, nil
}

// taken reports whether another tenant has t's identifier.
func (s *Store) taken(t tenancy.Tenant) bool {
	for _, other := range s.tenants {
		if other.Identifier == t.Identifier && other.ID != t.ID {
			return true
		}
	}
	return false
}

// lock is for writing, unless the context is over.
func (s *Store) lock(ctx context.Context) (unlock func(), err error) {
	s.mu.Lock()
	if err := ctx.Err(); err != nil {
		s.mu.Unlock()
		return nil, fmt.Errorf("filestore: %w", err)
	}
	return s.mu.Unlock, nil
}

// Create implements registry.Store.
func (s *Store) Create(ctx context.Context, n registry.NewTenant) (tenancy.Tenant, error) {
	t, err := registry.Created(n)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	defer unlock()
	if _, sameID := s.tenants[t.ID]; sameID || s.taken(t) {
		return tenancy.Tenant{}, tenancy.ErrExists
	}
	return s.keep(t)
}

// Update implements registry.Store.
func (s *Store) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	return s.change(ctx, t.ID, func(old tenancy.Tenant) (tenancy.Tenant, error) { return registry.Updated(old, t) })
}

// SetStatus implements registry.Store.
func (s *Store) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	return s.change(ctx, id, func(old tenancy.Tenant) (tenancy.Tenant, error) { return registry.WithStatus(old, to) })
}

// SetStatuses implements registry.Store.
func (s *Store) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (registry.Page, error) {
	asked, err := s.ByIDs(ctx, ids)
	if err := errors.Join(err, to.Validate()); err != nil {
		return registry.Page{}, err
	}
	var changed registry.Page
	for _, t := range asked.Tenants {
		t, err := s.SetStatus(ctx, t.ID, to)
		switch {
		case err == nil:
			changed.Tenants = append(changed.Tenants, t)
		case !errors.Is(err, tenancy.ErrInvalidTransition) && !errors.Is(err, tenancy.ErrNotFound):
			return registry.Page{}, err
		}
	}
	return changed, nil
}

// MergeMetadata implements registry.Store.
func (s *Store) MergeMetadata(ctx context.Context, id tenancy.ID, values map[string]any, remove ...string) (tenancy.Tenant, error) {
	return s.change(ctx, id, func(old tenancy.Tenant) (tenancy.Tenant, error) {
		return registry.WithMetadata(old, values, remove...)
	})
}

// change replaces a tenant by what edit makes of it, while no one else does.
func (s *Store) change(ctx context.Context, id tenancy.ID, edit func(tenancy.Tenant) (tenancy.Tenant, error)) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	defer unlock()
	old, ok := s.tenants[id]
	if !ok {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	changed, err := edit(old)
	switch {
	case err != nil:
		return tenancy.Tenant{}, err
	case s.taken(changed):
		return tenancy.Tenant{}, tenancy.ErrExists
	}
	return s.keep(changed)
}

// Erase implements registry.Store.
func (s *Store) Erase(ctx context.Context, id tenancy.ID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	if _, ok := s.tenants[id]; !ok {
		return tenancy.ErrNotFound
	}
	if err := os.Remove(s.file(id)); err != nil {
		return fmt.Errorf("filestore: %w", err)
	}
	delete(s.tenants, id)
	return nil
}
