package filestore

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// all returns all tenants, in no order.
func (s *Store) all(ctx context.Context) ([]tenancy.Tenant, error) {
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("filestore: %w", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	return slices.Collect(maps.Values(s.tenants)), nil
}

// find returns the tenant for which is holds.
func (s *Store) find(ctx context.Context, is func(tenancy.Tenant) bool) (tenancy.Tenant, error) {
	all, err := s.all(ctx)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	if i := slices.IndexFunc(all, is); i >= 0 {
		return all[i], nil
	}
	return tenancy.Tenant{}, tenancy.ErrNotFound
}

// ByIdentifier implements tenancy.Lookup.
func (s *Store) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	return s.find(ctx, func(t tenancy.Tenant) bool { return t.Identifier == identifier })
}

// ByID implements registry.Store.
func (s *Store) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	return s.find(ctx, func(t tenancy.Tenant) bool { return t.ID == id })
}

// ByIDs implements registry.Store.
func (s *Store) ByIDs(ctx context.Context, ids []tenancy.ID) (registry.Page, error) {
	all, err := s.all(ctx)
	if err != nil {
		return registry.Page{}, err
	}
	byID := make(map[tenancy.ID]tenancy.Tenant, len(all))
	for _, t := range all {
		byID[t.ID] = t
	}
	var page registry.Page
	for _, id := range ids {
		if err := id.Validate(); err != nil {
			return registry.Page{}, err
		}
		if t, ok := byID[id]; ok {
			page.Tenants = append(page.Tenants, t)
			delete(byID, id) // each once
		}
	}
	return page, nil
}

// matching returns the tenants of a query, in its order and on all its pages.
func (s *Store) matching(ctx context.Context, q registry.Query) ([]tenancy.Tenant, error) {
	if err := q.Validate(); err != nil {
		return nil, err
	}
	all, err := s.all(ctx)
	if err != nil {
		return nil, err
	}
	slices.SortFunc(all, func(a, b tenancy.Tenant) int {
		if q.Order == registry.OrderNewest {
			return cmp.Or(b.CreatedAt.Compare(a.CreatedAt), cmp.Compare(b.ID, a.ID))
		}
		return cmp.Compare(a.ID, b.ID)
	})
	return slices.DeleteFunc(all, func(t tenancy.Tenant) bool { return !q.Matches(t) }), nil
}

// Count implements registry.Store.
func (s *Store) Count(ctx context.Context, q registry.Query) (int, error) {
	all, err := s.matching(ctx, q)
	return len(all), err
}

// List implements registry.Store.
func (s *Store) List(ctx context.Context, q registry.Query) (registry.Page, error) {
	all, err := s.matching(ctx, q)
	if err != nil {
		return registry.Page{}, err
	}
	last, continued, err := q.Position()
	if err != nil {
		return registry.Page{}, err
	}
	if continued {
		all = slices.DeleteFunc(all, func(t tenancy.Tenant) bool {
			if q.Order == registry.OrderNewest {
				return cmp.Or(last.CreatedAt.Compare(t.CreatedAt), cmp.Compare(last.ID, t.ID)) <= 0
			}
			return t.ID <= last.ID
		})
	}
	all = all[min(q.Skip, len(all)):]
	if size := q.PageSize(); len(all) > size {
		return registry.Page{Tenants: all[:size], Next: q.CursorAfter(all[size-1])}, nil
	}
	return registry.Page{Tenants: all}, nil
}

// Search implements registry.Store.
func (s *Store) Search(ctx context.Context, text string, limit int) (registry.Page, error) {
	if err := registry.ValidateSearch(text); err != nil {
		return registry.Page{}, err
	}
	all, err := s.all(ctx)
	if err != nil {
		return registry.Page{}, err
	}
	text = registry.Fold(text)
	all = slices.DeleteFunc(all, func(t tenancy.Tenant) bool { return rank(t, text) == 0 })
	slices.SortFunc(all, func(a, b tenancy.Tenant) int {
		return cmp.Or(cmp.Compare(rank(b, text), rank(a, text)), cmp.Compare(a.Identifier, b.Identifier))
	})
	return registry.Page{Tenants: all[:min(len(all), registry.Query{Limit: limit}.PageSize())]}, nil
}

// rank says how well a tenant answers to a text, 0 for not at all.
func rank(t tenancy.Tenant, text string) int {
	best := 0
	for _, s := range []string{t.Identifier, registry.Fold(t.Name)} {
		switch {
		case s == text:
			best = max(best, 3)
		case strings.HasPrefix(s, text):
			best = max(best, 2)
		case strings.Contains(s, text):
			best = max(best, 1)
		}
	}
	return best
}
