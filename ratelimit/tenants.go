package ratelimit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"time"

	"github.com/entenancy/tenancy"
)

// Tenants holds tenants to limits. It is safe for concurrent use.
type Tenants struct {
	limiter   Limiter
	byDefault Limit
	cfg       TenantsConfig
}

// TenantsConfig says which tenants have which limits. The first of these that
// says something counts: Limit, MetadataKey, Plans, the default.
type TenantsConfig struct {
	// Plans are the limits of tenants by their plan. Defaults to none.
	Plans map[string]Limit
	// MetadataKey names the metadata in which a tenant's record has a limit of
	// its own: a text as [ParseLimit] reads it, or a whole number, which is the
	// rate and burst for the period of the limit that it would have otherwise.
	// Defaults to "", which means that records have none.
	MetadataKey string
	// Limit returns the limit of a tenant, or false if it has none of its own.
	// It is called for each request. Defaults to nil.
	Limit func(tenancy.Tenant) (Limit, bool)
}

// NewTenants returns a Tenants that counts with limiter and holds tenants to
// byDefault if cfg says nothing else. It fails with [tenancy.ErrInvalidLimit]
// for a limit that Validate refuses.
func NewTenants(limiter Limiter, byDefault Limit, cfg TenantsConfig) (*Tenants, error) {
	if limiter == nil {
		return nil, errors.New("ratelimit: NewTenants: limiter is nil")
	}
	var bad []error
	if err := byDefault.Validate(); err != nil {
		bad = append(bad, fmt.Errorf("ratelimit: NewTenants: byDefault: %w", err))
	}
	for plan, limit := range cfg.Plans {
		if err := limit.Validate(); err != nil {
			bad = append(bad, fmt.Errorf("ratelimit: NewTenants: Plans[%q]: %w", plan, err))
		}
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	cfg.Plans = maps.Clone(cfg.Plans)
	return &Tenants{limiter, byDefault, cfg}, nil
}

// Allow counts one request of tenant t, unless it is one too many for it. It
// fails with [tenancy.ErrNoTenant] for the zero Tenant, as Limit does, and as
// the [Limiter] does.
func (ts *Tenants) Allow(ctx context.Context, t tenancy.Tenant) (Result, error) {
	limit, err := ts.Limit(t)
	if err != nil {
		return Result{}, err
	}
	return ts.limiter.Allow(ctx, "tenant:"+string(t.ID), limit)
}

// Limit returns what tenant t is held to. A limit in its record that cannot be
// read is [tenancy.ErrInvalidTenant], and one that the function returns and
// cannot be held [tenancy.ErrInvalidLimit]: neither is passed over in silence.
func (ts *Tenants) Limit(t tenancy.Tenant) (Limit, error) {
	if t.ID == "" {
		return Limit{}, fmt.Errorf("%w: there is no limit for none", tenancy.ErrNoTenant)
	}
	if ts.cfg.Limit != nil {
		if limit, ok := ts.cfg.Limit(t); ok {
			return limit, limit.Validate()
		}
	}
	limit, ok := ts.cfg.Plans[t.Plan]
	if !ok {
		limit = ts.byDefault
	}
	if ts.cfg.MetadataKey == "" {
		return limit, nil
	}
	value, ok := t.MetadataValue(ts.cfg.MetadataKey)
	if !ok {
		return limit, nil
	}
	limit, err := limitOf(value, limit.Period)
	if err != nil {
		return Limit{}, fmt.Errorf("%w: its metadata %q: %w", tenancy.ErrInvalidTenant, ts.cfg.MetadataKey, err)
	}
	return limit, nil
}

// limitOf reads a limit from a value of a tenant's metadata, which is JSON that
// has been read or values that an application has set.
func limitOf(value any, period time.Duration) (Limit, error) {
	var rate int
	switch value := value.(type) {
	case string:
		return ParseLimit(value)
	case int:
		rate = value
	case int64:
		rate = int(value)
	case float64:
		if value != math.Trunc(value) || math.Abs(value) > maxBurst {
			return Limit{}, malformed("it is no whole number")
		}
		rate = int(value)
	case json.Number:
		n, err := value.Int64()
		if err != nil {
			return Limit{}, malformed("it is no whole number")
		}
		rate = int(n)
	default:
		return Limit{}, malformed("it is neither a text nor a number")
	}
	limit := Limit{Rate: rate, Period: period, Burst: rate}
	return limit, limit.Validate()
}
