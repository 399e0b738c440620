package registry

import (
	"context"
	"log/slog"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// List implements Store. A page costs the same at any depth.
func (s *EntStore) List(ctx context.Context, q Query) (Page, error) {
	if err := q.Validate(); err != nil {
		return Page{}, err
	}
	size := q.PageSize()
	query := s.client.Tenant.Query().Order(tenant.ByID()).Limit(size + 1) // one more, to know whether there is a next page
	if q.Status != "" {
		query.Where(tenant.StatusEQ(q.Status))
	}
	if q.After != "" {
		query.Where(tenant.IDGT(q.After))
	}
	rows, err := query.All(ctx)
	if err != nil {
		return Page{}, failed(ctx, "listing tenants", err)
	}
	var page Page
	if len(rows) > size {
		rows = rows[:size]
		page.Next = rows[size-1].ID
	}
	s.fill(ctx, &page, rows)
	return page, nil
}

// fill puts the rows into the page, and those that cannot be read beside it.
func (s *EntStore) fill(ctx context.Context, page *Page, rows []*ent.Tenant) {
	page.Tenants = make([]tenancy.Tenant, 0, len(rows))
	for _, row := range rows {
		t, err := fromRow(row)
		if err != nil {
			page.Invalid = append(page.Invalid, row.ID)
			s.log.WarnContext(ctx, "tenancy: registry: left a tenant out of a list", slog.Any("error", err))
			continue
		}
		page.Tenants = append(page.Tenants, t)
	}
}
