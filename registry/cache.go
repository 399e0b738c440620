package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/singleflight"

	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/internal/pause"
)

// Cache is a Store that keeps the tenants of another in memory, for lookups by
// identifier and by id. A lookup that finds its tenant there takes a fraction
// of a microsecond, allocates nothing and waits for no one.
//
// What is changed through the Cache is never served as it was before: not from
// the moment that the call returns, not by a lookup that was under way, and
// whatever came of the call. What is changed through other processes is not
// served any more as soon as their invalidation arrives, see [Invalidations],
// and at the latest when the TTL is over, over a [RedisCache] once that has heard
// of the change. What is changed behind the registry's back is the caller's to
// Invalidate.
//
// A tenant that does not exist is remembered too, for a shorter time. Broken
// tenants and errors are not. Lookups that miss at once share one read of the
// store, which goes on if the one who began it gives up.
//
// A Cache holds plaintext, so it stands above an [EncryptedStore]. It is safe
// for concurrent use. Make one with NewCache, and Close it.
type Cache struct {
	store Store
	cfg   CacheConfig

	entries *entries
	made    time.Time
	flights singleflight.Group
	outbox  *outbox
	origin  string

	hits, negativeHits, misses, reads, flushes counter

	listening chan struct{} // closed once the invalidations of others arrive
	listens   sync.Once

	life    context.Context // of the goroutines that Close ends
	end     context.CancelFunc
	endLate func()     // ends the calls of hearLate
	mu      sync.Mutex // so that none starts while Close waits
	busy    sync.WaitGroup
}

var _ Store = (*Cache)(nil)

// CacheConfig is what a Cache can be told. The zero CacheConfig works for one
// process.
type CacheConfig struct {
	// Size is how many tenants the cache holds. The least recently used leave
	// first. Defaults to 10,000.
	Size int
	// TTL is how long a tenant is served after it was read. Defaults to a minute.
	TTL time.Duration
	// NegativeSize is how many ids and identifiers the cache remembers that no
	// tenant has. They take no room from tenants. Defaults to 10,000.
	NegativeSize int
	// NegativeTTL is how long they are remembered. Defaults to 5 seconds.
	NegativeTTL time.Duration
	// ReadTimeout is how long a read of the store may take that lookups share.
	// They fail with [tenancy.ErrUnavailable] then. Defaults to 10 seconds.
	ReadTimeout time.Duration
	// Invalidations tell of changes between processes. Defaults to none: what
	// another process changes is served until the TTL is over.
	Invalidations Invalidations
	// Logger hears when other processes cannot be told of a change. Defaults to none.
	Logger *slog.Logger
}

// NewCache returns a cache over a store. It starts goroutines, which Close
// ends. The caller keeps the store and the Invalidations.
func NewCache(store Store, cfg CacheConfig) (*Cache, error) {
	if store == nil {
		return nil, errors.New("registry: NewCache: store is nil")
	}
	cfg, err := cfg.withDefaults()
	if err != nil {
		return nil, fmt.Errorf("registry: NewCache: %w", err)
	}
	entries, err := newEntries(cfg.Size, cfg.NegativeSize)
	if err != nil {
		return nil, fmt.Errorf("registry: NewCache: %w", err)
	}
	c := &Cache{
		store: store, cfg: cfg, entries: entries, made: time.Now(), origin: uuid.NewString(), listening: make(chan struct{}),
	}
	c.life, c.end = context.WithCancel(context.Background())
	c.outbox = &outbox{cache: c, pending: Invalidation{Origin: c.origin}}
	c.start(c.purgeNowAndThen)
	if cfg.Invalidations != nil {
		c.start(c.listen)
	}
	c.endLate = onLate(store, c.hearLate)
	return c, nil
}

func (cfg CacheConfig) withDefaults() (CacheConfig, error) {
	for _, n := range []struct {
		field string
		value int64
	}{
		{"Size", int64(cfg.Size)},
		{"TTL", int64(cfg.TTL)},
		{"NegativeSize", int64(cfg.NegativeSize)},
		{"NegativeTTL", int64(cfg.NegativeTTL)},
		{"ReadTimeout", int64(cfg.ReadTimeout)},
	} {
		if n.value < 0 {
			return cfg, fmt.Errorf("CacheConfig.%s is negative", n.field)
		}
	}
	cfg.Size, cfg.TTL = cmp.Or(cfg.Size, 10_000), cmp.Or(cfg.TTL, time.Minute)
	cfg.NegativeSize, cfg.NegativeTTL = cmp.Or(cfg.NegativeSize, 10_000), cmp.Or(cfg.NegativeTTL, 5*time.Second)
	cfg.ReadTimeout = cmp.Or(cfg.ReadTimeout, 10*time.Second)
	cfg.Logger = panicked.Logger(cfg.Logger)
	return cfg, nil
}

// Close ends the cache's goroutines, and waits for them. Afterwards all lookups
// go to the store. What the other processes could not be told of by then they
// see when the TTL is over.
func (c *Cache) Close() {
	c.mu.Lock()
	c.end()
	c.mu.Unlock()
	c.endLate()
	c.entries.close()
	c.busy.Wait()
}

// start runs do in a goroutine that Close waits for.
func (c *Cache) start(do func()) {
	if !c.begin() {
		return
	}
	go func() {
		defer c.busy.Done()
		do()
	}()
}

// begin makes Close wait until busy.Done is called. It reports false if the
// cache is closed.
func (c *Cache) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.life.Err() != nil {
		return false
	}
	c.busy.Add(1)
	return true
}

func (c *Cache) purgeNowAndThen() {
	for pause.For(c.life, max(c.cfg.TTL/2, time.Second)) == nil {
		c.Purge()
	}
}

// Purge drops what has expired, and returns how many tenants and names that
// was. The cache does so by itself from time to time.
func (c *Cache) Purge() int { return c.entries.purge(c.now()) }

func (c *Cache) now() time.Duration { return time.Since(c.made) }

// listen hears the others until the cache is closed, and listens anew after a panic.
func (c *Cache) listen() {
	keepListening(c.life, c.cfg.Logger, func(connected func()) (err error) {
		defer panicked.As(&err, "Invalidations.Listen")
		c.cfg.Invalidations.Listen(c.life, func(inv Invalidation) {
			connected()
			c.hear(inv)
		})
		return errors.New("Invalidations.Listen has returned")
	})
}

// hear is called with each invalidation of the other processes.
func (c *Cache) hear(inv Invalidation) {
	if inv.Origin == c.origin {
		return
	}
	c.entries.invalidate(inv)
	if inv.All {
		c.flushes.add(1)
		c.listens.Do(func() { close(c.listening) })
	}
}

// warmWait is how long Warm waits for invalidations to arrive.
const warmWait = 5 * time.Second

// Warm reads the tenants that were created last, n of them or as many as the
// cache holds, and returns how many it has kept. Where there are Invalidations
// it waits until they arrive, up to 5 seconds: all is dropped when they begin to.
func (c *Cache) Warm(ctx context.Context, n int) (int, error) {
	c.awaitInvalidations(ctx)
	warmed := 0
	q := Query{Order: OrderNewest}
	for n = min(n, c.cfg.Size); n > 0; {
		q.Limit = min(n, MaxLimit)
		from, now := c.entries.changes.latest.Load(), c.now()
		page, err := c.store.List(ctx, q)
		if err != nil {
			return warmed, err
		}
		for _, t := range page.Tenants {
			if c.entries.put(t, from, now+c.cfg.TTL) {
				warmed++
			}
		}
		n -= len(page.Tenants) + len(page.Invalid)
		if q.After = page.Next; q.After == "" {
			break
		}
	}
	return warmed, nil
}

func (c *Cache) awaitInvalidations(ctx context.Context) {
	if c.cfg.Invalidations == nil {
		return
	}
	select {
	case <-c.listening:
	case <-ctx.Done():
	case <-c.life.Done():
	case <-time.After(warmWait):
	}
}
