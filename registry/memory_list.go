package registry

import (
	"cmp"
	"context"
	"iter"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
)

// List implements Store.
func (s *MemoryStore) List(ctx context.Context, q Query) (Page, error) {
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	start, continued, err := q.Position()
	if err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, failed(ctx, "listing tenants", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	page, skipped := Page{Tenants: []tenancy.Tenant{}}, 0
	for _, at := range s.behind(q.Order, start, continued) {
		t := s.tenants[at.ID]
		switch {
		case !q.Matches(t):
		case skipped < q.Skip:
			skipped++
		case len(page.Tenants) == q.PageSize():
			page.Next = q.CursorAfter(page.Tenants[len(page.Tenants)-1])
			return page, nil
		default:
			page.Tenants = append(page.Tenants, t)
		}
	}
	return page, nil
}

// behind goes through the positions of all tenants in the given order, from
// the first one behind start or from the very first.
func (s *MemoryStore) behind(order Order, start Position, continued bool) iter.Seq2[int, Position] {
	if order == OrderNewest {
		end := len(s.byCreation)
		if continued {
			end, _ = slices.BinarySearchFunc(s.byCreation, start, compareCreations)
		}
		return slices.Backward(s.byCreation[:end])
	}
	begin := 0
	if continued {
		found := false
		if begin, found = slices.BinarySearchFunc(s.byID, start, compareIDs); found {
			begin++
		}
	}
	return slices.All(s.byID[begin:])
}

// Count implements Store.
func (s *MemoryStore) Count(ctx context.Context, q Query) (int, error) {
	if err := q.Validate(); err != nil {
		return 0, err
	}
	if err := ctx.Err(); err != nil {
		return 0, failed(ctx, "counting tenants", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	n := 0
	for _, t := range s.tenants {
		if q.Matches(t) {
			n++
		}
	}
	return n, nil
}

// ByIDs implements Store.
func (s *MemoryStore) ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error) {
	ids, err := distinct(ids)
	if err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, failed(ctx, "finding tenants", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	page := Page{Tenants: make([]tenancy.Tenant, 0, len(ids))}
	for _, id := range ids {
		if t, ok := s.tenants[id]; ok {
			page.Tenants = append(page.Tenants, t)
		}
	}
	return page, nil
}

// Search implements Store. It looks at every tenant.
func (s *MemoryStore) Search(ctx context.Context, text string, limit int) (Page, error) {
	if err := ValidateSearch(text); err != nil {
		return Page{}, err
	}
	if err := ctx.Err(); err != nil {
		return Page{}, failed(ctx, "searching tenants", err)
	}
	s.mu.RLock()
	defer s.mu.RUnlock()
	found := make([][]tenancy.Tenant, notFound)
	folded := Fold(text)
	for _, t := range s.tenants {
		if rank := rankOf(t, folded); rank != notFound {
			found[rank] = append(found[rank], t)
		}
	}
	for _, same := range found {
		slices.SortFunc(same, func(a, b tenancy.Tenant) int { return cmp.Compare(a.Identifier, b.Identifier) })
	}
	all := slices.Concat(found...)
	return Page{Tenants: slices.Clone(all[:min(len(all), pageSize(limit))])}, nil
}

// The ranks of a search, the best first.
const (
	foundExact = iota
	foundPrefix
	foundAnywhere
	notFound
)

func rankOf(t tenancy.Tenant, folded string) int {
	name := Fold(t.Name)
	switch {
	case t.Identifier == folded || name == folded:
		return foundExact
	case strings.HasPrefix(t.Identifier, folded) || strings.HasPrefix(name, folded):
		return foundPrefix
	case strings.Contains(t.Identifier, folded) || strings.Contains(name, folded):
		return foundAnywhere
	default:
		return notFound
	}
}

func positionOf(t tenancy.Tenant) Position { return Position{ID: t.ID, CreatedAt: t.CreatedAt} }

func compareIDs(a, b Position) int { return cmp.Compare(a.ID, b.ID) }

func compareCreations(a, b Position) int {
	return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), compareIDs(a, b))
}

func inserted(order []Position, at Position, compare func(a, b Position) int) []Position {
	i, _ := slices.BinarySearchFunc(order, at, compare)
	return slices.Insert(order, i, at)
}

func deleted(order []Position, at Position, compare func(a, b Position) int) []Position {
	if i, found := slices.BinarySearchFunc(order, at, compare); found {
		return slices.Delete(order, i, i+1)
	}
	return order
}
