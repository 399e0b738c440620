package registry

import (
	"context"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// ByIdentifier implements [tenancy.Lookup]. What cannot be an identifier is no
// tenant's, and the store is not asked.
func (c *Cache) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	if ctx.Err() != nil {
		return tenancy.Tenant{}, failed(ctx, finding, ctx.Err())
	}
	if t, ok := c.hit(c.entries.byIdentifier.get(identifier)); ok {
		return t, nil
	}
	if tenancy.ValidateIdentifier(identifier) != nil {
		c.negativeHits.add(1)
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return c.miss(ctx, subject{identifier: identifier})
}

// ByID implements Store.
func (c *Cache) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if ctx.Err() != nil {
		return tenancy.Tenant{}, failed(ctx, finding, ctx.Err())
	}
	if t, ok := c.hit(c.entries.byID.get(string(id))); ok {
		return t, nil
	}
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	return c.miss(ctx, subject{id: id})
}

const finding = "finding a tenant"

// hit returns the tenant of an entry, unless there is none or it has expired.
func (c *Cache) hit(e *entry) (tenancy.Tenant, bool) {
	if e == nil {
		return tenancy.Tenant{}, false
	}
	now := c.now()
	if now >= e.expires {
		return tenancy.Tenant{}, false
	}
	c.entries.used(e, now)
	c.hits.add(1)
	return e.tenant, true
}

// miss answers a lookup whose tenant is not in the cache.
func (c *Cache) miss(ctx context.Context, about subject) (tenancy.Tenant, error) {
	arrived := c.entries.changes.latest.Load()
	if expires, ok := c.entries.unknown.Get(about); ok && c.now() < expires {
		c.negativeHits.add(1)
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	c.misses.add(1)
	for {
		found, err := c.share(ctx, about)
		switch {
		case err != nil:
			return tenancy.Tenant{}, err
		case c.life.Err() != nil: // Close may have broken the read off
			c.reads.add(1)
			return c.ask(ctx, about)
		}
		concerned := about
		if found.err == nil {
			concerned = subject{found.tenant.ID, found.tenant.Identifier}
		}
		// A read that began before this lookup may have found what was changed in between.
		if !c.entries.changedBetween(concerned, found.from, arrived) {
			return found.tenant, found.err
		}
	}
}

// flight is what a read of the store found.
type flight struct {
	tenant tenancy.Tenant
	err    error
	from   uint64 // the number of the last change before it
}

// share waits for a read of the store, its own or one that is under way. The
// error is that of the context: the read's own is in the flight.
func (c *Cache) share(ctx context.Context, about subject) (flight, error) {
	key := "identifier " + about.identifier
	if about.id != "" {
		key = "id " + string(about.id)
	}
	landed := c.flights.DoChan(key, func() (any, error) { return c.read(ctx, about), nil })
	select {
	case result := <-landed:
		found, _ := result.Val.(flight) // which is what the function returns
		return found, nil
	case <-ctx.Done():
		return flight{}, failed(ctx, finding, ctx.Err())
	}
}

// read asks the store on behalf of all who wait, so its context is none of
// theirs.
func (c *Cache) read(ctx context.Context, about subject) flight {
	if !c.begin() {
		return flight{}
	}
	defer c.busy.Done()
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.ReadTimeout)
	defer cancel()
	defer context.AfterFunc(c.life, cancel)() //nolint:contextcheck // Close ends the read as well

	c.reads.add(1)
	began, from := c.now(), c.entries.changes.latest.Load()
	t, err := c.ask(ctx, about)
	switch {
	case err != nil && errors.Is(ctx.Err(), context.DeadlineExceeded): // which is none of the callers' deadlines
		err = fmt.Errorf("%w: %s: the store did not answer within %v", tenancy.ErrUnavailable, finding, c.cfg.ReadTimeout)
	case err == nil:
		c.entries.put(t, from, began+c.cfg.TTL)
	case errors.Is(err, tenancy.ErrNotFound):
		c.entries.putUnknown(about, from, began+c.cfg.NegativeTTL)
	}
	return flight{t, err, from}
}

// ask calls the store, which must not panic in a goroutine where nobody can recover.
func (c *Cache) ask(ctx context.Context, about subject) (_ tenancy.Tenant, err error) {
	defer panicked.As(&err, "registry: "+finding+": the store below the cache")
	if about.id != "" {
		return c.store.ByID(ctx, about.id)
	}
	return c.store.ByIdentifier(ctx, about.identifier)
}

// ByIDs implements Store, with one call of the store for all tenants that are
// not in the cache.
func (c *Cache) ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error) {
	ids, err := distinct(ids)
	if err != nil {
		return Page{}, err
	}
	if ctx.Err() != nil {
		return Page{}, failed(ctx, finding, ctx.Err())
	}
	now, from := c.now(), c.entries.changes.latest.Load()
	hits := make(map[tenancy.ID]tenancy.Tenant, len(ids))
	var missed []tenancy.ID
	for _, id := range ids {
		if t, ok := c.hit(c.entries.byID.get(string(id))); ok {
			hits[id] = t
			continue
		}
		missed = append(missed, id)
	}
	c.misses.add(len(missed))
	if len(missed) == 0 {
		return merged(ids, hits, Page{}), nil
	}
	c.reads.add(1)
	page, err := c.store.ByIDs(ctx, missed)
	if err != nil {
		return Page{}, err
	}
	for _, t := range page.Tenants {
		c.entries.put(t, from, now+c.cfg.TTL)
	}
	return merged(ids, hits, page), nil
}

// merged returns a page of the tenants that a cache had and of those that the
// store had, in the order of ids.
func merged(ids []tenancy.ID, had map[tenancy.ID]tenancy.Tenant, page Page) Page {
	for _, t := range page.Tenants {
		had[t.ID] = t
	}
	page.Tenants = make([]tenancy.Tenant, 0, len(had))
	for _, id := range ids {
		if t, ok := had[id]; ok {
			page.Tenants = append(page.Tenants, t)
		}
	}
	return page
}

// List implements Store. It asks the store.
func (c *Cache) List(ctx context.Context, q Query) (Page, error) { return c.store.List(ctx, q) }

// Count implements Store. It asks the store.
func (c *Cache) Count(ctx context.Context, q Query) (int, error) { return c.store.Count(ctx, q) }

// Search implements Store. It asks the store.
func (c *Cache) Search(ctx context.Context, text string, limit int) (Page, error) {
	return c.store.Search(ctx, text, limit)
}
