package registry

import (
	"context"
	"errors"
	"slices"

	"github.com/entenancy/tenancy"
)

// Create implements Store.
func (c *Cache) Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error) {
	t, err := c.store.Create(ctx, n)
	if refused(err) {
		c.entries.forgetUnknown(naming([]tenancy.ID{n.ID}, n.Identifier))
		return t, err
	}
	c.changed(ctx, []tenancy.ID{n.ID, t.ID}, n.Identifier)
	return t, err
}

// Update implements Store.
func (c *Cache) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	updated, err := c.store.Update(ctx, t)
	if refused(err) {
		c.entries.forgetUnknown(naming(nil, t.Identifier))
		c.changed(ctx, []tenancy.ID{t.ID})
		return updated, err
	}
	c.changed(ctx, []tenancy.ID{t.ID}, t.Identifier)
	return updated, err
}

// refused reports whether nothing was written, for certain. Whoever has the
// identifier that was asked for stays in the cache then: it may be anyone's,
// and be asked for by strangers, as on a form for new tenants.
func refused(err error) bool {
	var broken *BrokenError // which was written, and cannot be read
	if errors.As(err, &broken) {
		return false
	}
	return slices.ContainsFunc([]error{
		tenancy.ErrExists, tenancy.ErrConflict, tenancy.ErrTooManyTenants,
		tenancy.ErrInvalidTenant, tenancy.ErrInvalidIdentifier, tenancy.ErrInvalidID,
	}, func(refusal error) bool { return errors.Is(err, refusal) })
}

// SetStatus implements Store.
func (c *Cache) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	t, err := c.store.SetStatus(ctx, id, to)
	c.changed(ctx, []tenancy.ID{id})
	return t, err
}

// SetStatuses implements Store.
func (c *Cache) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error) {
	page, err := c.store.SetStatuses(ctx, ids, to)
	c.changed(ctx, ids)
	return page, err
}

// MergeMetadata implements Store.
func (c *Cache) MergeMetadata(
	ctx context.Context, id tenancy.ID, values map[string]any, remove ...string,
) (tenancy.Tenant, error) {
	t, err := c.store.MergeMetadata(ctx, id, values, remove...)
	c.changed(ctx, []tenancy.ID{id})
	return t, err
}

// Erase implements Store.
func (c *Cache) Erase(ctx context.Context, id tenancy.ID) error {
	err := c.store.Erase(ctx, id)
	c.changed(ctx, []tenancy.ID{id})
	return err
}

// Invalidate drops tenants that were changed by someone who does not use the
// cache, here and in the other processes.
func (c *Cache) Invalidate(ctx context.Context, ids ...tenancy.ID) { c.changed(ctx, ids) }

// InvalidateAll drops everything, here and in the other processes.
func (c *Cache) InvalidateAll(ctx context.Context) { c.tell(ctx, Invalidation{All: true}) }

// changed is called when a change is over, whatever came of it. One that
// failed may have been made before it did; and if it failed because the tenant
// is not what the caller believed, the cache may be where that comes from.
func (c *Cache) changed(ctx context.Context, ids []tenancy.ID, identifiers ...string) {
	if inv := naming(ids, identifiers...); inv.named() > 0 {
		c.tell(ctx, inv)
	}
}

// naming returns an invalidation of those that can be a tenant's.
func naming(ids []tenancy.ID, identifiers ...string) (inv Invalidation) {
	for _, id := range ids {
		if id.Validate() == nil {
			inv.IDs = append(inv.IDs, id)
		}
	}
	for _, identifier := range identifiers {
		if tenancy.ValidateIdentifier(identifier) == nil {
			inv.Identifiers = append(inv.Identifiers, identifier)
		}
	}
	return inv
}

func (c *Cache) tell(ctx context.Context, inv Invalidation) {
	inv = Invalidation{Origin: c.origin}.and(inv)
	c.entries.invalidate(inv)
	if c.cfg.Invalidations != nil {
		c.outbox.publish(ctx, inv)
	}
}
