package registry

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"sync/atomic"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/internal/panicked"
)

// RedisCache is a Store that keeps the tenants of another in Redis, for the
// lookups of all processes. It answers lookups by id and by identifier, and
// asks the store for all else.
//
// It stands below a [Cache], and below an [EncryptedStore] if there is one.
// Without a Cipher it keeps no secret in plaintext: a tenant with one is read
// from the store each time. See RedisCacheConfig.Cipher.
//
// What is changed through a RedisCache is not served as it was before by any
// process that reaches the same Redis, from the moment that the call returns:
// an entry that a slow reader brings is refused if the tenant was changed
// since. If the process that changes a tenant cannot reach Redis, others serve
// the old one until Redis can be told. A Cache above tells them again then. If
// the process ends before, they serve it until the TTL is over, and after that
// until the TTL of the Cache is that has read it last.
//
// The same holds for what Redis forgets: one that is started again from a dump
// or a log of its own, or a replica that takes over and had not heard of the
// latest changes, brings back tenants from before those. Give the cache a Redis
// that keeps nothing on disk, and a TTL that you can live with.
//
// While Redis fails, the store is read: nothing fails, and nothing waits for
// Redis longer than the Timeout, once in RetryAfter. Lookups whose contexts leave
// less than that wait for half of what they leave, until they have waited for the
// Timeout together.
//
// It is safe for concurrent use. It uses one Redis, or one behind Sentinel,
// and no cluster. Make one with NewRedisCache, and Close it.
type RedisCache struct {
	store   Store
	client  *redis.Client
	cfg     RedisCacheConfig
	scripts scripts
	outage  *outage

	known                 atomic.Pointer[keys] // nil until the store has said which registry it is
	hits, misses, corrupt atomic.Uint64
	waited                atomic.Int64 // nanoseconds in vain, by lookups in a row whose time was up
}

var _ Store = (*RedisCache)(nil)

// RedisCacheConfig is what a RedisCache can be told. The zero RedisCacheConfig
// works.
type RedisCacheConfig struct {
	// Prefix is what all keys begin with, the same in all processes that share a
	// registry. The RegistryID of the store follows, if it has one as an EntStore
	// does, or an EncryptedStore over one, so that registries that share a Redis keep their tenants apart. Copies
	// that have the same RegistryID need another Prefix. So do stores without one: a
	// store around an EntStore embeds the *EntStore, or has the method. Defaults to
	// "tenancy".
	Prefix string
	// TTL is how long an entry lives at most. Each lives up to a tenth less,
	// so that those that were made together do not expire together. Defaults
	// to 10 minutes.
	TTL time.Duration
	// Cipher encrypts and authenticates the entries. All processes need one
	// that opens what the others write. Defaults to none: then whoever can
	// write to Redis decides which tenants there are and where their rows live.
	Cipher *crypt.Cipher
	// Timeout is how long a lookup waits for Redis before it asks the store,
	// and half of what its context leaves it, if that is less. Defaults to 250
	// milliseconds.
	Timeout time.Duration
	// RetryAfter is how long Redis is left alone after a failure. Defaults to
	// a second.
	RetryAfter time.Duration
	// Logger hears when Redis fails and when it is back, once for each outage,
	// and of entries that cannot be read. Defaults to none.
	Logger *slog.Logger
}

// NewRedisCache returns a cache over a store. It asks nothing of Redis, which
// may be down. The caller keeps the client, and closes it after the cache.
func NewRedisCache(store Store, client *redis.Client, cfg RedisCacheConfig) (*RedisCache, error) {
	switch {
	case store == nil:
		return nil, errors.New("registry: NewRedisCache: store is nil")
	case client == nil:
		return nil, errors.New("registry: NewRedisCache: client is nil")
	case cfg.TTL < 0, cfg.Timeout < 0, cfg.RetryAfter < 0:
		return nil, errors.New("registry: NewRedisCache: a duration of RedisCacheConfig is negative")
	}
	if _, ok := store.(*Cache); ok {
		return nil, errors.New("registry: NewRedisCache: store is a Cache: the one in memory goes on top")
	}
	cfg.Prefix = cmp.Or(cfg.Prefix, "tenancy")
	cfg.TTL = cmp.Or(cfg.TTL, 10*time.Minute)
	cfg.Timeout = cmp.Or(cfg.Timeout, 250*time.Millisecond)
	cfg.RetryAfter = cmp.Or(cfg.RetryAfter, time.Second)
	cfg.Logger = panicked.Logger(cfg.Logger)
	c := &RedisCache{store: store, cfg: cfg, scripts: newScripts(), client: client.WithTimeout(cfg.Timeout)}
	c.client.Options().ContextTimeoutEnabled = true // of this copy: what is read is to end with its context
	c.outage = &outage{
		retryAfter: cfg.RetryAfter, log: cfg.Logger, raise: c.raise, probe: c.probe, late: map[*lateListener]bool{},
	}
	c.outage.life, c.outage.end = context.WithCancel(context.Background())
	return c, nil
}

// Close ends the goroutine that waits for Redis to work again, if there is
// one. If Redis fails afterwards the cache does not come back to it, and if it
// has missed a change it hears no more of it.
func (c *RedisCache) Close() { c.outage.close() }

// RedisCacheStats are what a RedisCache has done since it was made.
type RedisCacheStats struct {
	// Hits are lookups that were answered from Redis, and Misses those that
	// went to the store, because Redis failed too.
	Hits   uint64 `json:"hits"`
	Misses uint64 `json:"misses"`
	// Corrupt are entries that could not be read: they were changed, or are
	// under a key that this process does not have.
	Corrupt uint64 `json:"corrupt"`
	// Outages is how often Redis began to fail.
	Outages uint64 `json:"outages"`
	// Down reports whether it fails now.
	Down bool `json:"down"`
}

// Stats returns what the cache has done so far.
func (c *RedisCache) Stats() RedisCacheStats {
	return RedisCacheStats{
		Hits: c.hits.Load(), Misses: c.misses.Load(), Corrupt: c.corrupt.Load(),
		Outages: c.outage.count.Load(), Down: c.outage.down.Load(),
	}
}

// Clear removes all entries, a thousand at a time, and returns how many that
// were: those of the tenants and those of their identifiers. Lookups that are
// under way may put theirs in again, unless a newer one was there: versions of
// tenants stay for a while. See Invalidate for single tenants.
func (c *RedisCache) Clear(ctx context.Context) (int, error) {
	k, err := c.keys(ctx)
	if err != nil {
		return 0, fmt.Errorf("registry: clearing the cache: %w", err)
	}
	cleared := 0
	pattern := strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(string(k)) + "*"
	for cursor := uint64(0); ; {
		names, next, err := c.client.Scan(ctx, cursor, pattern, 1000).Result()
		if err != nil {
			return cleared, fmt.Errorf("registry: clearing the cache: %w", err)
		}
		if len(names) > 0 {
			n, err := c.scripts.clear.Run(ctx, c.client, names, c.keptOut().Milliseconds()).Int()
			if err != nil {
				return cleared, fmt.Errorf("registry: clearing the cache: %w", err)
			}
			cleared += n
		}
		if cursor = next; cursor == 0 {
			return cleared, nil
		}
	}
}

// probe reports whether Redis can be written to.
func (c *RedisCache) probe(ctx context.Context) error {
	k, err := c.keys(ctx)
	if err != nil {
		return err
	}
	return c.within(ctx, func(ctx context.Context) error { return c.client.Set(ctx, k.probe(), "", time.Second).Err() })
}

// within calls do with a context that is over after the Timeout.
func (c *RedisCache) within(ctx context.Context, do func(ctx context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, c.cfg.Timeout)
	defer cancel()
	return do(ctx)
}

// try calls do, unless Redis fails, with a context that is over when the share of
// Redis is.
func (c *RedisCache) try(ctx context.Context, do func(ctx context.Context, k keys) error) {
	c.outage.try(ctx, func(ctx context.Context) error {
		k, err := c.keys(ctx)
		if err != nil {
			return err
		}
		share := c.share(ctx)
		if share <= 0 {
			return nil
		}
		ctx, cancel := context.WithTimeout(ctx, share)
		defer cancel()
		err = do(ctx, k)
		if isLate(err) && time.Duration(c.waited.Add(int64(share))) < c.cfg.Timeout {
			return nil // too short, so far, to tell that Redis fails
		}
		if c.waited.Load() != 0 { // which all would write otherwise
			c.waited.Store(0)
		}
		return err
	})
}

// isLate reports whether an error says that time was up.
func isLate(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, os.ErrDeadlineExceeded)
}

// share is how long Redis may take: half of what is left to the caller at
// most, because the store may have to be asked afterwards.
func (c *RedisCache) share(ctx context.Context) time.Duration {
	if deadline, ok := ctx.Deadline(); ok {
		return min(c.cfg.Timeout, time.Until(deadline)/2)
	}
	return c.cfg.Timeout
}
