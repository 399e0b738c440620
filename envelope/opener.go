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

// Lookup finds the tenant that an envelope names. The registry's stores
// implement it.
type Lookup interface {
	// ByID returns the tenant with the given id, whatever its status. It fails
	// with [tenancy.ErrNotFound] where there is none, and must be safe for
	// concurrent use.
	ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error)
}

// Opener opens envelopes. It is safe for concurrent use.
type Opener struct {
	keys   map[string][]byte
	lookup Lookup
	system bool
	parser *jwt.Parser
}

// OpenerConfig is what an Opener can be told. The zero OpenerConfig works.
type OpenerConfig struct {
	// System allows envelopes of System scopes, which are held back by no
	// filter. Defaults to false: they are refused.
	System bool
	// Leeway is how far the clocks of those who seal may be off. Defaults to 30
	// seconds; a negative one means none.
	Leeway time.Duration
}

// NewOpener returns an Opener of envelopes that were sealed with one of the
// keys, for tenants that lookup finds. It fails if there is no key, one is not
// as documented, two have the same ID, or lookup is nil.
func NewOpener(keys []Key, lookup Lookup, cfg OpenerConfig) (*Opener, error) {
	if len(keys) == 0 {
		return nil, errors.New("envelope: NewOpener: keys has none")
	}
	if lookup == nil {
		return nil, errors.New("envelope: NewOpener: lookup is nil")
	}
	o := &Opener{keys: make(map[string][]byte, len(keys)), lookup: lookup, system: cfg.System}
	for i, key := range keys {
		derived, err := key.derive()
		if err != nil {
			return nil, fmt.Errorf("envelope: NewOpener: keys[%d]: %w", i, err)
		}
		if _, ok := o.keys[key.ID]; ok {
			return nil, fmt.Errorf("envelope: NewOpener: keys[%d]: another one has the same ID", i)
		}
		o.keys[key.ID] = derived
	}
	if cfg.Leeway == 0 {
		cfg.Leeway = 30 * time.Second
	}
	o.parser = jwt.NewParser(
		jwt.WithValidMethods([]string{method().Alg()}),
		jwt.WithAudience(audience),
		jwt.WithExpirationRequired(),
		jwt.WithIssuedAt(),
		jwt.WithStrictDecoding(),
		jwt.WithLeeway(max(0, cfg.Leeway)),
	)
	return o, nil
}

// Open returns a context that acts for the tenant in the envelope, as it is in
// the registry now, or in the System scope that it carries. Whatever ctx acted
// for is replaced. The context is nil if the error is not.
//
// It fails with [tenancy.ErrInvalidEnvelope] for a text that is no envelope of
// these keys, was changed, or was sealed for another purpose, and more exactly with
// [tenancy.ErrUnknownEnvelopeKey] where it names another key: who has that may open
// it, so a job should be tried again; [tenancy.ErrEnvelopeExpired]; [tenancy.ErrNotFound] and [tenancy.ErrInactive]
// for a tenant that there is no more or that is not to be served; and with the
// lookup's own error, such as [tenancy.ErrUnavailable], after which the same
// envelope may open. No error shows the text.
func (o *Opener) Open(ctx context.Context, text, purpose string) (context.Context, error) {
	c, err := o.verify(text, purpose)
	if err != nil {
		return nil, err
	}
	if c.Reason != "" {
		return o.openSystem(ctx, c.Reason)
	}
	tenant, err := o.lookup.ByID(ctx, tenancy.ID(c.Subject))
	if err != nil {
		return nil, err
	}
	if string(tenant.ID) != c.Subject {
		return nil, fmt.Errorf("%w: the lookup returned another tenant than was asked for", tenancy.ErrCrossTenant)
	}
	if err := tenant.Active(); err != nil {
		return nil, err
	}
	ctx = tenancy.NewContext(ctx, tenant)
	if _, err := tenancy.FromContext(ctx); err != nil {
		return nil, err
	}
	return ctx, nil
}

func (o *Opener) openSystem(ctx context.Context, reason string) (context.Context, error) {
	if !o.system {
		return nil, fmt.Errorf("%w: it is of a System scope, which OpenerConfig.System does not allow", tenancy.ErrInvalidEnvelope)
	}
	ctx = tenancy.System(ctx, reason)
	if _, err := tenancy.ScopeFromContext(ctx); err != nil {
		return nil, err
	}
	return ctx, nil
}

// verify returns what an envelope says that is genuine, good now, and for this purpose.
func (o *Opener) verify(text, purpose string) (*claims, error) {
	if len(text) > maxText || strings.ContainsAny(text, "\r\n") { // line ends are what a base64 decoder passes over
		return nil, fmt.Errorf("%w: it is longer than any, or has more than one line", tenancy.ErrInvalidEnvelope)
	}
	c := &claims{}
	_, err := o.parser.ParseWithClaims(text, c, o.keyOf)
	switch {
	case errors.Is(err, jwt.ErrTokenExpired): // its signature has been verified before
		return nil, tenancy.ErrEnvelopeExpired
	case errors.Is(err, tenancy.ErrUnknownEnvelopeKey):
		return nil, fmt.Errorf("%w: give it to all who open envelopes before any is sealed with it, and until the last of these has expired", tenancy.ErrUnknownEnvelopeKey)
	case err != nil: // not the cause, whose text may repeat what is in the envelope
		return nil, fmt.Errorf("%w: it was not sealed with a key of this application, or was changed", tenancy.ErrInvalidEnvelope)
	case c.Purpose != purpose:
		return nil, fmt.Errorf("%w: it was sealed for another purpose", tenancy.ErrInvalidEnvelope)
	}
	return c, nil
}

var errForeign = errors.New("not an envelope")

func (o *Opener) keyOf(token *jwt.Token) (any, error) {
	id, _ := token.Header["kid"].(string)
	if id == "" || token.Header["typ"] != tokenType {
		return nil, errForeign
	}
	if key, ok := o.keys[id]; ok {
		return key, nil
	}
	return nil, tenancy.ErrUnknownEnvelopeKey
}
