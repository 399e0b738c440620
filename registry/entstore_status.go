package registry

import (
	"cmp"
	"context"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// SetStatus implements Store.
func (s *EntStore) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	if err := cmp.Or(id.Validate(), to.Validate()); err != nil {
		return tenancy.Tenant{}, err
	}
	update := s.client.Tenant.Update().Where(s.hasID(id), mayBecome(to))
	setStatus(update, to)
	changed, err := save(ctx, update)
	switch {
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "setting a tenant's status", err)
	case changed == 0:
		now, err := s.evenBroken(ctx, id)
		return tenancy.Tenant{}, cmp.Or(err, now.Status.Transition(to), errConflict(id))
	}
	return s.ByID(ctx, id)
}

// SetStatuses implements Store, with a transaction for each thousand ids.
func (s *EntStore) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error) {
	ids, err := distinct(ids)
	if err := cmp.Or(err, to.Validate()); err != nil {
		return Page{}, err
	}
	var rows []*ent.Tenant
	for some := range slices.Chunk(ids, chunk) {
		var changed []*ent.Tenant
		err := retry(ctx, func() error {
			return inTx(ctx, s.driver, func(tx dialect.ExecQuerier) (err error) {
				changed, err = s.setStatuses(ctx, s.within(tx), some, to)
				return err
			})
		})
		if err != nil {
			return Page{}, failed(ctx, "setting the status of tenants", err)
		}
		rows = append(rows, changed...)
	}
	return s.page(ctx, inOrder(rows, ids)), nil
}

// setStatuses returns the rows that it changed. It locks them first, one after
// the other in the order of ids, so that two calls at once wait for each other
// in one direction only.
func (s *EntStore) setStatuses(ctx context.Context, tx *ent.Client, ids []tenancy.ID, to tenancy.Status) ([]*ent.Tenant, error) {
	query := tx.Tenant.Query().Where(tenant.IDIn(ids...), mayBecome(to)).Order(tenant.ByID())
	if err := s.lock(ctx, tx, query); err != nil {
		return nil, err
	}
	found, err := query.All(ctx)
	if err != nil {
		return nil, err
	}
	locked := idsOf(inOrder(found, ids))
	if len(locked) == 0 {
		return nil, nil
	}
	update := tx.Tenant.Update().Where(tenant.IDIn(locked...))
	setStatus(update, to)
	if err := update.Exec(ctx); err != nil {
		return nil, err
	}
	return tx.Tenant.Query().Where(tenant.IDIn(locked...)).All(ctx)
}

// lock makes a query keep what it finds from others until its transaction ends.
func (s *EntStore) lock(ctx context.Context, tx *ent.Client, query *ent.TenantQuery) error {
	if s.driver.Dialect() == dialect.SQLite {
		// A write of nothing takes the lock, of which there is one for the whole database.
		return tx.Tenant.Update().Where(tenant.ID("")).AddVersion(1).Exec(ctx)
	}
	query.Modify(func(s *entsql.Selector) { s.ForUpdate() })
	return nil
}

func idsOf(rows []*ent.Tenant) []tenancy.ID {
	ids := make([]tenancy.ID, len(rows))
	for i, row := range rows {
		ids[i] = row.ID
	}
	return ids
}
