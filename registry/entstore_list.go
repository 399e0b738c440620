package registry

import (
	"context"
	"log/slog"
	"slices"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// List implements Store. A page costs the same at any depth.
func (s *EntStore) List(ctx context.Context, q Query) (Page, error) {
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	start, err := q.behindCursor()
	if err != nil {
		return Page{}, err
	}
	size := q.PageSize()
	query := s.client.Tenant.Query().Where(q.filters()...).Where(start...).
		Offset(q.Skip).Limit(size + 1) // one more, to know whether there is a next page
	if q.Order == OrderNewest {
		query.Order(ent.Desc(tenant.FieldCreatedAt, tenant.FieldID))
	} else {
		query.Order(tenant.ByID())
	}
	rows, err := query.All(ctx)
	if err != nil {
		return Page{}, failed(ctx, "listing tenants", err)
	}
	var next Cursor
	if len(rows) > size {
		rows = rows[:size]
		last := rows[size-1]
		next = q.CursorAfter(tenancy.Tenant{ID: last.ID, CreatedAt: last.CreatedAt})
	}
	page := s.page(ctx, rows)
	page.Next = next
	return page, nil
}

// Count implements Store.
func (s *EntStore) Count(ctx context.Context, q Query) (int, error) {
	if err := q.Validate(); err != nil {
		return 0, err
	}
	n, err := s.client.Tenant.Query().Where(q.filters()...).Count(ctx)
	if err != nil {
		return 0, failed(ctx, "counting tenants", err)
	}
	return n, nil
}

// chunk is how many ids one statement takes. Databases limit it, the
// strictest of them to a few thousand.
const chunk = 1000

// ByIDs implements Store, with a statement for each thousand ids.
func (s *EntStore) ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error) {
	ids, err := distinct(ids)
	if err != nil {
		return Page{}, err
	}
	var rows []*ent.Tenant
	for some := range slices.Chunk(ids, chunk) {
		found, err := s.client.Tenant.Query().Where(tenant.IDIn(some...)).All(ctx)
		if err != nil {
			return Page{}, failed(ctx, "finding tenants", err)
		}
		rows = append(rows, found...)
	}
	return s.page(ctx, inOrder(rows, ids)), nil
}

// distinct returns each id once, in the order of the first mentions.
func distinct(ids []tenancy.ID) ([]tenancy.ID, error) {
	seen := make(map[tenancy.ID]bool, len(ids))
	once := make([]tenancy.ID, 0, len(ids))
	for _, id := range ids {
		if err := id.Validate(); err != nil {
			return nil, err
		}
		if !seen[id] {
			seen[id] = true
			once = append(once, id)
		}
	}
	return once, nil
}

// inOrder returns the rows with exactly these ids, in their order.
func inOrder(rows []*ent.Tenant, ids []tenancy.ID) []*ent.Tenant {
	byID := make(map[tenancy.ID]*ent.Tenant, len(rows))
	for _, row := range rows {
		byID[row.ID] = row
	}
	ordered := make([]*ent.Tenant, 0, len(rows))
	for _, id := range ids {
		if row, ok := byID[id]; ok {
			ordered = append(ordered, row)
		}
	}
	return ordered
}

func (q Query) filters() []predicate.Tenant {
	var filters []predicate.Tenant
	if q.Status != "" {
		filters = append(filters, tenant.StatusEQ(q.Status))
	}
	if q.Plan != "" {
		filters = append(filters, tenant.Plan(q.Plan))
	}
	if q.Isolation != "" {
		filters = append(filters, tenant.IsolationEQ(q.Isolation))
	}
	return filters
}

// behindCursor returns the condition that a row comes behind the query's After.
func (q Query) behindCursor() ([]predicate.Tenant, error) {
	last, ok, err := q.Position()
	switch {
	case err != nil || !ok:
		return nil, err
	case q.Order == OrderNewest:
		return []predicate.Tenant{
			tenant.CreatedAtLTE(last.CreatedAt), // where the index is entered; an OR alone would read it from its start
			tenant.Or(tenant.CreatedAtLT(last.CreatedAt), tenant.IDLT(last.ID)),
		}, nil
	default:
		return []predicate.Tenant{tenant.IDGT(last.ID)}, nil
	}
}

// page puts the rows into a page, and those that cannot be read beside it.
func (s *EntStore) page(ctx context.Context, rows []*ent.Tenant) Page {
	page := Page{Tenants: make([]tenancy.Tenant, 0, len(rows))}
	for _, row := range rows {
		t, err := fromRow(row)
		if err != nil {
			page.Invalid = append(page.Invalid, row.ID)
			s.log.WarnContext(ctx, "tenancy: registry: left a tenant out of a page", slog.Any("error", err))
			continue
		}
		page.Tenants = append(page.Tenants, t)
	}
	return page
}
