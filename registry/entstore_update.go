package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/domain"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// Update implements Store.
func (s *EntStore) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	if err := validateUpdate(t); err != nil {
		return tenancy.Tenant{}, err
	}
	metadata, err := encodeMetadata(t.Metadata())
	if err != nil {
		return tenancy.Tenant{}, err
	}
	update := s.client.Tenant.Update().
		Where(s.hasID(t.ID), tenant.Version(t.Version), tenant.Or(tenant.StatusEQ(t.Status), mayBecome(t.Status))).
		SetIdentifier(t.Identifier).
		SetName(t.Name).
		SetSearchName(Fold(t.Name)).
		SetMetadata(metadata)
	setOrClear(t.Isolation, update.SetIsolation, update.ClearIsolation)
	setOrClear(t.Placement.Schema, update.SetSchemaName, update.ClearSchemaName)
	setOrClear(t.Placement.DatabaseURL.Reveal(), update.SetDatabaseURL, update.ClearDatabaseURL)
	setOrClear(t.Plan, update.SetPlan, update.ClearPlan)
	setStatus(update, t.Status)
	changed, err := save(ctx, update)
	switch {
	case isTaken(err):
		return tenancy.Tenant{}, errTaken()
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "updating a tenant", err)
	case changed == 0:
		return tenancy.Tenant{}, s.whyNotUpdated(ctx, t)
	}
	return s.ByID(ctx, t.ID)
}

// setOrClear sets what may be empty, which is NULL in the row.
func setOrClear[T comparable](value T, set func(T) *ent.TenantUpdate, clearIt func() *ent.TenantUpdate) {
	var empty T
	if value == empty {
		clearIt()
		return
	}
	set(value)
}

// setStatus sets the status and all that every change of a row sets. A tenant
// that is deleted already keeps the time of it.
func setStatus(update *ent.TenantUpdate, to tenancy.Status) {
	now := tenant.DefaultUpdatedAt()
	touch(update, now).SetStatus(to)
	if to != tenancy.StatusDeleted {
		update.ClearDeletedAt()
		return
	}
	update.Modify(func(u *entsql.UpdateBuilder) {
		u.Set(tenant.FieldDeletedAt, entsql.ExprFunc(func(b *entsql.Builder) {
			b.WriteString("COALESCE(").Ident(tenant.FieldDeletedAt).Comma().Arg(now).WriteByte(')')
		}))
	})
}

func touch(update *ent.TenantUpdate, now time.Time) *ent.TenantUpdate {
	return update.AddVersion(1).SetUpdatedAt(now)
}

// mayBecome is the condition that a row's status can become to. An unknown one
// can become those that are not served, which is how it is repaired.
func mayBecome(to tenancy.Status) predicate.Tenant {
	var from []tenancy.Status
	for _, status := range tenancy.Statuses() {
		if status.CanBecome(to) {
			from = append(from, status)
		}
	}
	if repairs(to) {
		return tenant.Or(tenant.StatusIn(from...), tenant.StatusNotIn(tenancy.Statuses()...))
	}
	return tenant.StatusIn(from...)
}

func repairs(to tenancy.Status) bool {
	return to == tenancy.StatusSuspended || to == tenancy.StatusDeleted
}

// whyNotUpdated tells what kept Update from finding its row.
func (s *EntStore) whyNotUpdated(ctx context.Context, t tenancy.Tenant) error {
	now, err := s.evenBroken(ctx, t.ID)
	if err != nil {
		return err
	}
	if now.Version == t.Version && now.Status != t.Status {
		return cmp.Or(now.Status.Transition(t.Status), errConflict(t.ID))
	}
	return errConflict(t.ID)
}

// evenBroken returns what can be understood of a tenant.
func (s *EntStore) evenBroken(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	t, err := s.ByID(ctx, id)
	var broken *BrokenError
	if errors.As(err, &broken) {
		return broken.Tenant, nil
	}
	return t, err
}

func errConflict(id tenancy.ID) error {
	return fmt.Errorf("%w: tenant %q: read it again", tenancy.ErrConflict, id)
}

// Erase implements Store. The tenant's domains are erased with it.
func (s *EntStore) Erase(ctx context.Context, id tenancy.ID) error {
	if err := id.Validate(); err != nil {
		return err
	}
	var erased int
	err := retry(ctx, func() error {
		return inTx(ctx, s.driver, func(tx dialect.ExecQuerier) (err error) {
			client := s.within(tx)
			// The tenant first: whoever is adding a domain has locked its row.
			if erased, err = client.Tenant.Delete().Where(s.hasID(id)).Exec(ctx); err != nil || erased == 0 {
				return err
			}
			_, err = client.Domain.Delete().Where(domain.TenantID(id)).Exec(ctx)
			return err
		})
	})
	switch {
	case err != nil:
		return failed(ctx, "erasing a tenant", err)
	case erased == 0:
		return tenancy.ErrNotFound
	}
	return nil
}
