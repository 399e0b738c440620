package registry

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
)

// ByIdentifier implements [tenancy.Lookup].
func (c *RedisCache) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	if tenancy.ValidateIdentifier(identifier) != nil {
		return c.store.ByIdentifier(ctx, identifier)
	}
	var found []string
	c.try(ctx, func(ctx context.Context, k keys) (err error) {
		found, err = c.scripts.find.Run(ctx, c.client, []string{k.identifier(identifier)}, k.id("")).StringSlice()
		return err
	})
	if len(found) == 2 && found[1] != "" {
		// A tenant that was renamed is still under its old identifier.
		if t, ok := c.read(ctx, tenancy.ID(found[0]), found[1]); ok && t.Identifier == identifier {
			c.hits.Add(1)
			return t, nil
		}
	}
	c.misses.Add(1)
	t, err := c.store.ByIdentifier(ctx, identifier)
	return c.keep(ctx, t, err)
}

// ByID implements Store.
func (c *RedisCache) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	var value string
	c.try(ctx, func(ctx context.Context, k keys) (err error) {
		value, err = c.client.Get(ctx, k.id(id)).Result()
		return err
	})
	if value != "" {
		if t, ok := c.read(ctx, id, value); ok {
			c.hits.Add(1)
			return t, nil
		}
	}
	c.misses.Add(1)
	t, err := c.store.ByID(ctx, id)
	return c.keep(ctx, t, err)
}

// read returns the tenant in a value, and removes what is none.
func (c *RedisCache) read(ctx context.Context, id tenancy.ID, value string) (tenancy.Tenant, bool) {
	t, ok, err := c.decode(ctx, id, value)
	if err != nil && ctx.Err() == nil {
		c.corrupt.Add(1)
		c.cfg.Logger.WarnContext(ctx, "tenancy: registry: an entry in Redis cannot be read", slog.String("tenant", string(id)), slog.Any("error", err))
		c.try(ctx, func(ctx context.Context, k keys) error {
			return c.scripts.remove.Run(ctx, c.client, []string{k.id(id)}, value, c.keptOut().Milliseconds()).Err()
		})
	}
	return t, ok
}

// keep puts what the store returned into Redis.
func (c *RedisCache) keep(ctx context.Context, t tenancy.Tenant, err error) (tenancy.Tenant, error) {
	if err == nil {
		c.fill(ctx, t)
	}
	return t, err
}

// batch is how many tenants go to Redis in one command.
const batch = 500

func (c *RedisCache) fill(ctx context.Context, tenants ...tenancy.Tenant) {
	if c.outage.down.Load() {
		return // before the work of encoding
	}
	k, err := c.keys(ctx)
	if err != nil {
		return // as the lookup before has told
	}
	for some := range slices.Chunk(tenants, batch) {
		names, args := make([]string, 0, 2*len(some)), make([]any, 0, 4*len(some))
		for _, t := range some {
			life := c.life()
			if entry, ok := c.encode(ctx, t, time.Now().Add(life)); ok {
				names = append(names, k.id(t.ID), k.identifier(t.Identifier))
				// It may stay for longer than it is served: it keeps older ones out.
				args = append(args, string(t.ID), t.Version, entry, max(life, barred).Milliseconds())
			}
		}
		if len(names) == 0 {
			continue
		}
		c.try(ctx, func(ctx context.Context, _ keys) error {
			return c.scripts.fill.Run(ctx, c.client, names, args...).Err()
		})
	}
}

// ByIDs implements Store. It asks Redis for some hundred tenants at a time,
// and the store once for all that Redis does not have.
func (c *RedisCache) ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error) {
	ids, err := distinct(ids)
	if err != nil {
		return Page{}, err
	}
	hits := make(map[tenancy.ID]tenancy.Tenant, len(ids))
	for some := range slices.Chunk(ids, batch) {
		c.readMany(ctx, some, hits)
	}
	missed := make([]tenancy.ID, 0, len(ids)-len(hits))
	for _, id := range ids {
		if _, ok := hits[id]; !ok {
			missed = append(missed, id)
		}
	}
	c.hits.Add(uint64(len(hits)))
	c.misses.Add(uint64(len(missed)))
	if ctx.Err() != nil {
		return Page{}, failed(ctx, finding, ctx.Err())
	}
	if len(missed) == 0 {
		return merged(ids, hits, Page{}), nil
	}
	page, err := c.store.ByIDs(ctx, missed)
	if err != nil {
		return Page{}, err
	}
	c.fill(ctx, page.Tenants...)
	return merged(ids, hits, page), nil
}

// readMany adds the tenants that Redis has to hits.
func (c *RedisCache) readMany(ctx context.Context, ids []tenancy.ID, hits map[tenancy.ID]tenancy.Tenant) {
	var values []any
	c.try(ctx, func(ctx context.Context, k keys) (err error) {
		names := make([]string, len(ids))
		for i, id := range ids {
			names[i] = k.id(id)
		}
		values, err = c.client.MGet(ctx, names...).Result()
		return err
	})
	for i, value := range values {
		if text, ok := value.(string); ok {
			if t, ok := c.read(ctx, ids[i], text); ok {
				hits[ids[i]] = t
			}
		}
	}
}

// List implements Store. It asks the store.
func (c *RedisCache) List(ctx context.Context, q Query) (Page, error) { return c.store.List(ctx, q) }

// Count implements Store. It asks the store.
func (c *RedisCache) Count(ctx context.Context, q Query) (int, error) { return c.store.Count(ctx, q) }

// Search implements Store. It asks the store.
func (c *RedisCache) Search(ctx context.Context, text string, limit int) (Page, error) {
	return c.store.Search(ctx, text, limit)
}

// isFailure reports whether an error of the client's is one of Redis, rather
// than the answer that there is nothing.
func isFailure(err error) bool { return err != nil && !errors.Is(err, redis.Nil) }
