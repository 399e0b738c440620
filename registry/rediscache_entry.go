package registry

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"strconv"
	"strings"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/crypt"
)

// cacheField is the field that an entry's ciphertext is tied to. It is part of
// the format.
const cacheField = "redis entry"

// record is a tenant as it is kept in Redis.
type record struct {
	ID          tenancy.ID        `json:"id"`
	Identifier  string            `json:"identifier"`
	Name        string            `json:"name"`
	Status      tenancy.Status    `json:"status"`
	Isolation   tenancy.Isolation `json:"isolation,omitempty"`
	Schema      string            `json:"schema,omitempty"`
	DatabaseURL string            `json:"database_url,omitempty"`
	Plan        string            `json:"plan,omitempty"`
	Version     int64             `json:"version"`
	CreatedAt   time.Time         `json:"created_at"`
	UpdatedAt   time.Time         `json:"updated_at"`
	DeletedAt   time.Time         `json:"deleted_at,omitzero"`
	Metadata    map[string]any    `json:"metadata,omitempty"`

	// Expires is inside, so that an entry cannot be put back later by someone
	// who has kept it.
	Expires time.Time `json:"expires"`
}

func recordOf(t tenancy.Tenant, expires time.Time) record {
	return record{
		ID: t.ID, Identifier: t.Identifier, Name: t.Name, Status: t.Status, Isolation: t.Isolation,
		Schema: t.Placement.Schema, DatabaseURL: t.Placement.DatabaseURL.Reveal(), Plan: t.Plan, Version: t.Version,
		CreatedAt: t.CreatedAt, UpdatedAt: t.UpdatedAt, DeletedAt: t.DeletedAt, Metadata: t.Metadata(), Expires: expires,
	}
}

func (r record) tenant() tenancy.Tenant {
	return tenancy.Tenant{
		ID: r.ID, Identifier: r.Identifier, Name: r.Name, Status: r.Status, Isolation: r.Isolation,
		Placement: tenancy.Placement{Schema: r.Schema, DatabaseURL: tenancy.NewSecret(r.DatabaseURL)}, Plan: r.Plan, Version: r.Version,
		CreatedAt: r.CreatedAt, UpdatedAt: r.UpdatedAt, DeletedAt: r.DeletedAt,
	}.WithMetadata(r.Metadata)
}

// encode returns a tenant's entry, and reports false if there can be none.
func (c *RedisCache) encode(ctx context.Context, t tenancy.Tenant, expires time.Time) (string, bool) {
	if c.cfg.Cipher == nil && hasPlainSecret(t) {
		return "", false
	}
	text, err := json.Marshal(recordOf(t, expires))
	if err != nil {
		return "", false
	}
	if c.cfg.Cipher == nil {
		return string(text), true
	}
	sealed, err := c.cfg.Cipher.Encrypt(ctx, t.ID, cacheField, string(text))
	return sealed, err == nil
}

// hasPlainSecret reports whether a tenant has a secret that is not encrypted.
func hasPlainSecret(t tenancy.Tenant) bool {
	url := t.Placement.DatabaseURL
	if !url.IsZero() && !crypt.Encrypted(url.Reveal()) {
		return true
	}
	found := false
	secrets := walk{replace: func(_ string, value any) (any, error) {
		text, ok := value.(string)
		found = found || !ok || !crypt.Encrypted(text)
		return value, nil
	}}
	secrets.object(t.Metadata(), metadataField)
	return found
}

var errCorrupt = errors.New("it was changed, or is under another key")

// decode returns the tenant in the value under an id. It reports false if
// there is none that is still to be served, and errCorrupt if the value is not
// what encode and fill made of a tenant with that id.
func (c *RedisCache) decode(ctx context.Context, id tenancy.ID, value string) (t tenancy.Tenant, ok bool, err error) {
	version, entry, spaced := strings.Cut(value, " ")
	if spaced && entry == "" {
		return t, false, nil // someone has changed the tenant
	}
	if c.cfg.Cipher != nil {
		if entry, err = c.cfg.Cipher.Decrypt(ctx, id, cacheField, entry); err != nil {
			return t, false, errCorrupt
		}
	}
	var r record
	if json.Unmarshal([]byte(entry), &r) != nil {
		return t, false, errCorrupt
	}
	t = r.tenant()
	if t.ID != id || t.Validate() != nil || strconv.FormatInt(t.Version, 10) != version {
		return tenancy.Tenant{}, false, errCorrupt
	}
	return t, time.Now().Before(r.Expires), nil
}

// life returns how long an entry lives.
func (c *RedisCache) life() time.Duration {
	return c.cfg.TTL - time.Duration(rand.Int64N(int64(c.cfg.TTL)/10+1)) //nolint:gosec // it spreads work, and keeps no secret
}
