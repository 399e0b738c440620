package registry

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"time"

	"github.com/entenancy/tenancy"
)

// identified is a store that can tell its registry from others. An empty id is none.
type identified interface {
	RegistryID(ctx context.Context) (string, error)
}

var (
	_ identified = (*EntStore)(nil)
	_ identified = (*MemoryStore)(nil)
	_ identified = (*EncryptedStore)(nil)
)

// identifyTimeout is how long a store may take to say which registry it is.
const identifyTimeout = 5 * time.Second

// keys is what all keys of one registry begin with.
type keys string

func (k keys) id(id tenancy.ID) string { return string(k) + "id:" + string(id) }

func (k keys) identifier(identifier string) string { return string(k) + "identifier:" + identifier }

func (k keys) probe() string { return string(k) + "probe" }

// keys returns the names of what the cache keeps. Two registries may have tenants of
// one identifier, and two applications one Prefix, which has a default. So the store is
// asked which one it is, until it has said so once.
func (c *RedisCache) keys(ctx context.Context) (keys, error) {
	if known := c.known.Load(); known != nil {
		return *known, nil
	}
	k := keys(c.cfg.Prefix + ":v1:") // the number of the format, so that releases with different ones can run side by side
	if store, ok := c.store.(identified); ok {
		ctx, cancel := context.WithTimeout(ctx, identifyTimeout)
		defer cancel()
		id, err := store.RegistryID(ctx)
		if err != nil {
			return "", err
		}
		if id != "" {
			sum := sha256.Sum256([]byte(id))
			k += keys(hex.EncodeToString(sum[:8]) + ":")
		}
	}
	c.known.Store(&k)
	return k, nil
}
