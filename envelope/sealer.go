package envelope

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
)

// Sealer seals the tenant of a context. It is safe for concurrent use.
type Sealer struct {
	id       string
	key      []byte
	lifetime time.Duration
}

// SealerConfig is what a Sealer can be told. The zero SealerConfig works.
type SealerConfig struct {
	// Lifetime is how long an envelope can be opened: longer than a job waits,
	// with all its tries. Defaults to 24 hours.
	Lifetime time.Duration
}

// NewSealer returns a Sealer that signs with key. It fails for a key whose ID or
// Secret is not as documented, and for a negative Lifetime.
func NewSealer(key Key, cfg SealerConfig) (*Sealer, error) {
	derived, err := key.derive()
	if err != nil {
		return nil, fmt.Errorf("envelope: NewSealer: key: %w", err)
	}
	if cfg.Lifetime < 0 {
		return nil, errors.New("envelope: NewSealer: Lifetime must not be negative")
	}
	if cfg.Lifetime == 0 {
		cfg.Lifetime = 24 * time.Hour
	}
	return &Sealer{key.ID, derived, cfg.Lifetime}, nil
}

// Seal returns an envelope with the tenant of ctx, or its System scope. It can
// be opened for the same purpose only: up to 255 bytes of UTF-8, which may be empty.
// It fails with [tenancy.ErrNoTenant], and as [tenancy.ScopeFromContext] does,
// and with [tenancy.ErrInvalidEnvelope] for a purpose that cannot be one.
func (s *Sealer) Seal(ctx context.Context, purpose string) (string, error) {
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		return "", err
	}
	if err := checkPurpose(purpose); err != nil {
		return "", err
	}
	now := time.Now()
	token := jwt.NewWithClaims(method(), &claims{
		Purpose: purpose,
		Reason:  shorten(scope.Reason()),
		RegisteredClaims: jwt.RegisteredClaims{
			Subject:   string(scope.TenantID()),
			Audience:  jwt.ClaimStrings{audience},
			IssuedAt:  jwt.NewNumericDate(now),
			ExpiresAt: jwt.NewNumericDate(now.Add(s.lifetime)),
		},
	})
	token.Header["typ"] = tokenType
	token.Header["kid"] = s.id
	text, err := token.SignedString(s.key)
	if err != nil {
		return "", fmt.Errorf("envelope: %w", err)
	}
	return text, nil
}

// shorten returns a reason of up to maxReason bytes of valid UTF-8.
func shorten(reason string) string {
	if len(reason) > maxReason {
		reason = reason[:maxReason]
	}
	return strings.ToValidUTF8(reason, "\uFFFD")
}
