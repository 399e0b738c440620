package registry

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/entenancy/tenancy"
)

// Create implements Store. There is nothing to remove: a tenant that does not
// exist has no entry.
func (c *RedisCache) Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error) {
	return c.store.Create(ctx, n)
}

// Update implements Store.
func (c *RedisCache) Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	updated, err := c.store.Update(ctx, t)
	c.changed(ctx, err, []tenancy.ID{t.ID}, updated)
	return updated, err
}

// SetStatus implements Store.
func (c *RedisCache) SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error) {
	t, err := c.store.SetStatus(ctx, id, to)
	c.changed(ctx, err, []tenancy.ID{id}, t)
	return t, err
}

// SetStatuses implements Store.
func (c *RedisCache) SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error) {
	page, err := c.store.SetStatuses(ctx, ids, to)
	if err == nil {
		ids = page.Invalid // the others are as they were, or in the page
	}
	c.changed(ctx, err, ids, page.Tenants...)
	return page, err
}

// MergeMetadata implements Store.
func (c *RedisCache) MergeMetadata(
	ctx context.Context, id tenancy.ID, values map[string]any, remove ...string,
) (tenancy.Tenant, error) {
	t, err := c.store.MergeMetadata(ctx, id, values, remove...)
	c.changed(ctx, err, []tenancy.ID{id}, t)
	return t, err
}

// Erase implements Store.
func (c *RedisCache) Erase(ctx context.Context, id tenancy.ID) error {
	err := c.store.Erase(ctx, id)
	c.changed(ctx, err, []tenancy.ID{id})
	return err
}

// Invalidate drops tenants that were changed by someone who does not use the
// cache, once that is done. A [Cache] above has to drop them after it.
func (c *RedisCache) Invalidate(ctx context.Context, ids ...tenancy.ID) { c.changed(ctx, nil, ids) }

// changed is called when a change is over, whatever came of it. No entry older
// than the tenants comes any more, and none at all for those that are not
// known to be as they were: a call that failed may have made its change
// before, or found that an entry is wrong.
func (c *RedisCache) changed(ctx context.Context, err error, ids []tenancy.ID, tenants ...tenancy.Tenant) {
	versions := make(map[tenancy.ID]int64, len(ids))
	for _, id := range ids {
		if id.Validate() == nil { // or it is no tenant's
			versions[id] = anyVersion
		}
	}
	if err == nil {
		for _, t := range tenants {
			versions[t.ID] = t.Version
		}
	}
	c.outage.deliver(context.WithoutCancel(ctx), versions) // the change was made, even if its caller has gone
}

// barred is how long a tenant has no entry if its version is not known. It is
// longer than a read takes, whatever the TTL of the one who reads, and short
// because it is also what a change costs that failed without having changed
// anything.
const barred = time.Minute

// keptOut is how long entries of older versions than a known one stay out.
func (c *RedisCache) keptOut() time.Duration { return max(c.cfg.TTL, barred) }

// raise tells Redis of the versions that tenants have.
func (c *RedisCache) raise(ctx context.Context, versions map[tenancy.ID]int64) error {
	k, err := c.keys(ctx)
	if err != nil {
		return err
	}
	ids := slices.Sorted(maps.Keys(versions))
	for some := range slices.Chunk(ids, batch) {
		names, args := make([]string, 0, len(some)), make([]any, 0, 1+2*len(some))
		args = append(args, barred.Milliseconds())
		for _, id := range some {
			life := barred
			if versions[id] != anyVersion {
				life = c.keptOut()
			}
			names, args = append(names, k.id(id)), append(args, versions[id], life.Milliseconds())
		}
		err := c.within(ctx, func(ctx context.Context) error { return c.scripts.raise.Run(ctx, c.client, names, args...).Err() })
		if err != nil {
			return err
		}
	}
	return nil
}
