package registry

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"
	"golang.org/x/sync/singleflight"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// DomainCache is a [DomainStore] that keeps in memory which tenants the domains
// of another are, and which domains are nobody's, so that a flood of requests for
// unknown hosts is no flood of queries. Lookups that miss at once share one
// read. It starts no goroutine that stays, and needs no Close.
//
// It keeps ids, and asks the tenants' store for the identifier each time: a
// tenant that is renamed is found, and no one else who takes its old name. That
// store should be a [Cache].
//
// What is changed through the DomainCache is served as it is from the moment that
// the call returns. What other processes change is served as it was until the
// TTL is over.
type DomainCache struct {
	domains DomainStore
	tenants Store
	cfg     DomainCacheConfig
	flights singleflight.Group

	owned   *lru.Cache[string, ownership]
	unknown *lru.Cache[string, time.Time] // until when

	mu      sync.Mutex // of changes, and of adding to the above
	changes uint64
}

// ownership is whose a domain is, and until when that is believed.
type ownership struct {
	id      tenancy.ID
	expires time.Time
}

var _ DomainStore = (*DomainCache)(nil)

// DomainCacheConfig is what a DomainCache can be told. The zero
// DomainCacheConfig works.
type DomainCacheConfig struct {
	// Size is how many domains the cache holds. The least recently used leave
	// first. Defaults to 10,000.
	Size int
	// TTL is how long a domain is served after it was read. Defaults to a minute.
	TTL time.Duration
	// NegativeSize is how many domains the cache remembers that no tenant has.
	// They take no room from those that one has. Defaults to 10,000.
	NegativeSize int
	// NegativeTTL is how long they are remembered. Defaults to 5 seconds.
	NegativeTTL time.Duration
	// ReadTimeout is how long a read may take that lookups share. They fail with
	// [tenancy.ErrUnavailable] then. Defaults to 10 seconds.
	ReadTimeout time.Duration
}

// NewDomainCache returns a cache over domains. Tenants is the store that all
// look tenants up in, the topmost one.
func NewDomainCache(domains DomainStore, tenants Store, cfg DomainCacheConfig) (*DomainCache, error) {
	if domains == nil {
		return nil, errors.New("registry: NewDomainCache: domains is nil")
	}
	if tenants == nil {
		return nil, errors.New("registry: NewDomainCache: tenants is nil")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("registry: NewDomainCache: %w", err)
	}
	c := &DomainCache{domains: domains, tenants: tenants, cfg: cfg}
	if c.owned, err = lru.New[string, ownership](cfg.Size); err == nil {
		c.unknown, err = lru.New[string, time.Time](cfg.NegativeSize)
	}
	if err != nil {
		return nil, fmt.Errorf("registry: NewDomainCache: %w", err)
	}
	return c, nil
}

// withDefaults goes by those of a Cache, whose fields mean the same.
func (cfg DomainCacheConfig) withDefaults() (DomainCacheConfig, error) {
	same, err := CacheConfig{
		Size: cfg.Size, TTL: cfg.TTL, NegativeSize: cfg.NegativeSize, NegativeTTL: cfg.NegativeTTL, ReadTimeout: cfg.ReadTimeout,
	}.withDefaults()
	if err != nil {
		return cfg, fmt.Errorf("Domain%w", err)
	}
	return DomainCacheConfig{same.Size, same.TTL, same.NegativeSize, same.NegativeTTL, same.ReadTimeout}, nil
}

// Add implements [DomainStore].
func (c *DomainCache) Add(ctx context.Context, id tenancy.ID, domain string) error {
	defer c.Invalidate(domain) // whatever came of it
	return c.domains.Add(ctx, id, domain)
}

// Remove implements [DomainStore].
func (c *DomainCache) Remove(ctx context.Context, id tenancy.ID, domain string) error {
	defer c.Invalidate(domain)
	return c.domains.Remove(ctx, id, domain)
}

// Of implements [DomainStore]. It asks the domains below.
func (c *DomainCache) Of(ctx context.Context, id tenancy.ID) ([]string, error) {
	return c.domains.Of(ctx, id)
}

// Invalidate forgets what the cache knows of domains, for those who have changed
// them elsewhere.
func (c *DomainCache) Invalidate(domains ...string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.changes++
	for _, domain := range domains {
		name := asked(domain)
		c.owned.Remove(name)
		c.unknown.Remove(name)
		c.flights.Forget(name) // its answer may be the old one
	}
}

// IdentifierByDomain implements [DomainStore], and middleware.DomainLookup.
func (c *DomainCache) IdentifierByDomain(ctx context.Context, domain string) (string, error) {
	id, err := c.IDByDomain(ctx, domain)
	if err != nil {
		return "", err
	}
	t, err := c.tenants.ByID(ctx, id)
	var broken *BrokenError
	if errors.As(err, &broken) {
		return broken.Tenant.Identifier, nil // whoever looks the tenant up learns that it is
	}
	return t.Identifier, err
}

// IDByDomain implements [DomainStore]. What cannot be a domain is nobody's, and
// the domains below are not asked.
func (c *DomainCache) IDByDomain(ctx context.Context, domain string) (tenancy.ID, error) {
	if ctx.Err() != nil {
		return "", failed(ctx, findingDomain, ctx.Err())
	}
	name := asked(domain)
	if name == "" {
		return "", tenancy.ErrNotFound
	}
	now := time.Now()
	if found, ok := c.owned.Get(name); ok && now.Before(found.expires) {
		return found.id, nil
	}
	if expires, ok := c.unknown.Get(name); ok && now.Before(expires) {
		return "", tenancy.ErrNotFound
	}
	return c.share(ctx, name)
}

// share waits for a read, its own or one that is under way.
func (c *DomainCache) share(ctx context.Context, name string) (tenancy.ID, error) {
	landed := c.flights.DoChan(name, func() (any, error) { return c.read(ctx, name) })
	select {
	case result := <-landed:
		id, _ := result.Val.(tenancy.ID) // which is what the function returns
		return id, result.Err
	case <-ctx.Done():
		return "", failed(ctx, findingDomain, ctx.Err())
	}
}

// read asks on behalf of all who wait, so its context is none of theirs.
func (c *DomainCache) read(ctx context.Context, name string) (tenancy.ID, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.cfg.ReadTimeout)
	defer cancel()
	c.mu.Lock()
	from := c.changes
	c.mu.Unlock()
	began := time.Now()
	id, err := c.ask(ctx, name)
	if err != nil && ctx.Err() != nil { // which is none of the callers' deadlines
		return "", fmt.Errorf("%w: %s: no answer within %v", tenancy.ErrUnavailable, findingDomain, c.cfg.ReadTimeout)
	}
	c.keep(name, id, err, from, began)
	return id, err
}

// ask calls the domains below, which must not panic in a goroutine where nobody can recover.
func (c *DomainCache) ask(ctx context.Context, name string) (_ tenancy.ID, err error) {
	defer panicked.As(&err, "registry: "+findingDomain+": the store below the cache")
	return c.domains.IDByDomain(ctx, name)
}

// keep remembers what was read, unless something has changed since.
func (c *DomainCache) keep(name string, id tenancy.ID, err error, from uint64, began time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.changes != from {
		return
	}
	switch {
	case err == nil:
		c.owned.Add(name, ownership{id, began.Add(c.cfg.TTL)})
		c.unknown.Remove(name)
	case errors.Is(err, tenancy.ErrNotFound):
		c.unknown.Add(name, began.Add(c.cfg.NegativeTTL))
		c.owned.Remove(name)
	}
}
