package manager

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
	"github.com/entenancy/tenancy/registry"
)

// layers is the registry with what stands over it: Redis and encryption, and
// the cache of this process on top, where they are configured.
type layers struct {
	base      *registry.EntStore
	redis     *registry.RedisCache     // nil without; not read where Config.Cache is disabled
	encrypted *registry.EncryptedStore // nil without
	cache     *registry.Cache          // not read where Config.Cache is disabled
	top       registry.Store
	domains   registry.DomainStore
}

// newLayers has the registry read by one pool, and changes told and heard of by another
// one, in which no request waits for its turn.
func newLayers(c Config, app App, db, admin *sql.DB, client *redis.Client) (*layers, error) {
	base, err := registry.NewEntStore(entsql.OpenDB(dialectOf(c.Database.URL), db), registry.EntConfig{
		MaxTenants: c.Tenants.Max, Logger: app.Logger,
	})
	if err != nil {
		return nil, err
	}
	l := &layers{base: base, top: base, domains: base.Domains()}
	cipher, err := newCipher(c.Encryption)
	if err != nil {
		return nil, err
	}
	if client != nil {
		l.redis, err = registry.NewRedisCache(l.top, client, registry.RedisCacheConfig{
			Prefix: c.Redis.Prefix, TTL: c.Cache.RedisTTL, Cipher: cipher, Logger: app.Logger,
		})
		if err != nil {
			return nil, err
		}
		l.top = l.redis
	}
	if cipher != nil {
		l.encrypted, err = registry.NewEncryptedStore(l.top, cipher, registry.EncryptedConfig{
			RefusePlaintext: c.Encryption.RefusePlaintext, Logger: app.Logger,
		})
		if err != nil {
			return nil, err
		}
		l.top = l.encrypted
	}
	return l, l.remember(c, app, admin, client)
}

// remember puts the cache of this process on top, or what only tells other processes.
func (l *layers) remember(c Config, app App, admin *sql.DB, client *redis.Client) (err error) {
	told, err := invalidations(c, app, admin, client)
	if err != nil {
		return err
	}
	if c.Cache.Disabled && told != nil {
		told = deaf{told}
	}
	l.cache, err = registry.NewCache(l.top, registry.CacheConfig{
		Size: c.Cache.Size, TTL: c.Cache.TTL, Invalidations: told, Logger: app.Logger,
	})
	if err != nil {
		return err
	}
	if c.Cache.Disabled {
		l.top = unread{l.cache, registry.Uncached(l.cache)}
		return nil
	}
	l.top = l.cache
	l.domains, err = registry.NewDomainCache(l.base.Domains(), l.top, registry.DomainCacheConfig{Size: c.Cache.Size, TTL: c.Cache.TTL})
	return err
}

// unread is a store over caches that are not read: they only hear, and tell other
// processes, of changes. Lists and searches ask no cache anyway.
type unread struct {
	registry.Store

	uncached registry.Store
}

func (u unread) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	return u.uncached.ByIdentifier(ctx, identifier)
}

func (u unread) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	return u.uncached.ByID(ctx, id)
}

func (u unread) ByIDs(ctx context.Context, ids []tenancy.ID) (registry.Page, error) {
	return u.uncached.ByIDs(ctx, ids)
}

// deaf are Invalidations for who has nothing to drop: no connection is held for them.
type deaf struct{ registry.Invalidations }

func (deaf) Listen(ctx context.Context, _ func(registry.Invalidation)) { <-ctx.Done() }

// invalidations is how processes tell each other of changes: by Redis, or else
// by PostgreSQL; not at all on other databases.
func invalidations(c Config, app App, admin *sql.DB, client *redis.Client) (registry.Invalidations, error) {
	switch {
	case client != nil:
		return registry.NewRedisInvalidations(client, registry.RedisInvalidationsConfig{
			Channel: c.Redis.Prefix + ":registry", Logger: app.Logger,
		})
	case dialectOf(c.Database.URL) == dialect.Postgres:
		return registry.NewPostgresInvalidations(admin, registry.PostgresInvalidationsConfig{Logger: app.Logger})
	default:
		return nil, nil //nolint:nilnil // none is what a cache takes
	}
}

func newCipher(e EncryptionConfig) (*crypt.Cipher, error) {
	if e.Key.IsZero() {
		return nil, nil //nolint:nilnil // no key is no encryption
	}
	cipher, err := crypt.Passphrase(e.Key.Reveal(), reveal(e.OldKeys)...)
	if err != nil {
		return nil, fmt.Errorf("manager: Config.Encryption: %w", err)
	}
	return cipher, nil
}

func reveal(secrets []tenancy.Secret) []string {
	texts := make([]string, 0, len(secrets))
	for _, s := range secrets {
		texts = append(texts, s.Reveal())
	}
	return texts
}

// close ends the caches, the topmost first.
func (l *layers) close() {
	if l.cache != nil {
		l.cache.Close()
	}
	if l.redis != nil {
		l.redis.Close()
	}
}
