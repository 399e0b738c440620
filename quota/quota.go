package quota

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"

	"github.com/entenancy/tenancy"
)

// Max is the largest limit and the largest amount: what a floating point
// number, which is all that Redis' scripts have, counts exactly.
const Max = 1 << 53

// Quota says how much of something tenants may have. The first of these that
// says something counts: MetadataKey, Plans, Limit.
type Quota struct {
	// Limit is for tenants of which nothing else says more. Zero means that
	// they may have none.
	Limit int64
	// Plans are the limits of tenants by their plan. Defaults to none.
	Plans map[string]int64
	// MetadataKey names the metadata in which a tenant's record has a limit of
	// its own, a whole number. Defaults to "", which means that records have none.
	MetadataKey string
}

// Usage is how much a tenant has of something.
type Usage struct {
	// Used is how much it has.
	Used int64
	// Limit is how much it may have. It can be less than Used, if it was
	// lowered: then nothing is taken away, and nothing added.
	Limit int64
}

// ExceededError says which quota refuses. It is a [tenancy.ErrQuotaExceeded].
type ExceededError struct {
	// Quota is the quota's name.
	Quota string
	// Limit is how much the tenant may have.
	Limit int64
	// Used is how much it had when it asked for more.
	Used int64
	// Asked is how much more it asked for.
	Asked int64
}

// Error implements error.
func (e *ExceededError) Error() string {
	return fmt.Sprintf("%v: %q: %d of %d are used, and %d more were asked for", tenancy.ErrQuotaExceeded, e.Quota, e.Used, e.Limit, e.Asked)
}

// Unwrap returns [tenancy.ErrQuotaExceeded].
func (*ExceededError) Unwrap() error { return tenancy.ErrQuotaExceeded }

// Quotas holds tenants to quotas. It is safe for concurrent use.
type Quotas struct {
	store Store
	all   map[string]Quota
}

// MaxName is the longest name of a quota, and the longest of its periods, in bytes.
const MaxName = 100

// New returns Quotas with the given names, counted in store. It fails with
// [tenancy.ErrInvalidLimit] for a name that is empty, longer than MaxName or not
// printable ASCII without spaces and colons, and for a limit below zero or above [Max].
func New(store Store, quotas map[string]Quota) (*Quotas, error) {
	if store == nil {
		return nil, errors.New("quota: New: store is nil")
	}
	all := make(map[string]Quota, len(quotas))
	var bad []error
	for name, q := range quotas {
		q.Plans = maps.Clone(q.Plans)
		all[name] = q
		bad = append(bad, q.validate(name))
	}
	if err := errors.Join(bad...); err != nil {
		return nil, err
	}
	return &Quotas{store, all}, nil
}

func (q Quota) validate(name string) error {
	if err := checkName(name); err != nil {
		return fmt.Errorf("quota: New: quota %q: %w", name, err)
	}
	if err := checkLimit(q.Limit); err != nil {
		return fmt.Errorf("quota: New: quota %q: Limit: %w", name, err)
	}
	for plan, limit := range q.Plans {
		if err := checkLimit(limit); err != nil {
			return fmt.Errorf("quota: New: quota %q: Plans[%q]: %w", name, plan, err)
		}
	}
	return nil
}

func checkName(name string) error {
	if name == "" || len(name) > MaxName {
		return fmt.Errorf("%w: a name must have 1 to %d characters", tenancy.ErrInvalidLimit, MaxName)
	}
	if strings.ContainsFunc(name, func(r rune) bool { return r <= ' ' || r > '~' || r == ':' }) {
		return fmt.Errorf("%w: a name must be printable ASCII without spaces and colons", tenancy.ErrInvalidLimit)
	}
	return nil
}

func checkLimit(limit int64) error {
	if limit < 0 || limit > Max {
		return fmt.Errorf("%w: it is %d; it must be from 0 to %d", tenancy.ErrInvalidLimit, limit, int64(Max))
	}
	return nil
}

// Consume takes n of the quota for the tenant of ctx, all or nothing. It fails
// with an [*ExceededError] if there is not so much left; with
// [tenancy.ErrInvalidLimit] for an n below 1 or above [Max] and a name that New
// was not told; with [tenancy.ErrNoTenant] where ctx has no tenant, also in a
// System scope; with [tenancy.ErrInvalidTenant] if the limit in the tenant's
// record is no whole number from 0 to Max; and with the store's error, after
// which nobody knows whether it was taken.
func (qs *Quotas) Consume(ctx context.Context, name string, n int64) error {
	return qs.ConsumeIn(ctx, name, "", n)
}

// ConsumeIn is Consume with a count for the period alone, such as "2026-11".
func (qs *Quotas) ConsumeIn(ctx context.Context, name, period string, n int64) error {
	counter, limit, err := qs.limited(ctx, name, period)
	if err != nil {
		return err
	}
	if err := checkAmount(n); err != nil {
		return err
	}
	used, ok, err := qs.store.Consume(ctx, counter, n, limit)
	if err == nil && !ok {
		err = &ExceededError{Quota: name, Limit: limit, Used: used, Asked: n}
	}
	return err
}

// Release gives n of the quota back. More than is used is as much as is used.
// It fails as Consume does, but not for the limit, which it does not look at.
func (qs *Quotas) Release(ctx context.Context, name string, n int64) error {
	return qs.ReleaseIn(ctx, name, "", n)
}

// ReleaseIn is Release with a count for the period alone.
func (qs *Quotas) ReleaseIn(ctx context.Context, name, period string, n int64) error {
	_, counter, err := qs.counter(ctx, name, period)
	if err != nil {
		return err
	}
	if err := checkAmount(n); err != nil {
		return err
	}
	return qs.store.Release(ctx, counter, n)
}

// Usage returns how much the tenant of ctx has of the quota and may have. It
// fails as Consume does, but for the ExceededError.
func (qs *Quotas) Usage(ctx context.Context, name string) (Usage, error) {
	return qs.UsageIn(ctx, name, "")
}

// UsageIn is Usage with a count for the period alone.
func (qs *Quotas) UsageIn(ctx context.Context, name, period string) (Usage, error) {
	counter, limit, err := qs.limited(ctx, name, period)
	if err != nil {
		return Usage{}, err
	}
	used, err := qs.store.Used(ctx, counter)
	return Usage{Used: used, Limit: limit}, err
}

// ForgetBefore forgets how much the tenant of ctx had of the quota in periods before
// the given one, which are over: otherwise they are kept until the tenant is erased.
// Periods are compared byte by byte, so write numbers in them with as many digits:
// "2026-9" comes after "2026-10". What is counted without a period is kept. It fails
// with [tenancy.ErrInvalidLimit] without a period, and otherwise as Release does.
func (qs *Quotas) ForgetBefore(ctx context.Context, name, period string) error {
	if period == "" {
		return fmt.Errorf("%w: name the first period that is to be kept", tenancy.ErrInvalidLimit)
	}
	_, counter, err := qs.counter(ctx, name, period)
	if err != nil {
		return err
	}
	return qs.store.ForgetBefore(ctx, counter)
}

// counter returns the tenant of ctx, and what counts for it.
func (qs *Quotas) counter(ctx context.Context, name, period string) (tenancy.Tenant, Counter, error) {
	tenant, err := tenancy.FromContext(ctx)
	if err != nil {
		return tenant, Counter{}, err
	}
	if _, ok := qs.all[name]; !ok {
		return tenant, Counter{}, fmt.Errorf("%w: no quota has that name; give quota.New one", tenancy.ErrInvalidLimit)
	}
	if period != "" {
		if err := checkName(period); err != nil {
			return tenant, Counter{}, err
		}
	}
	return tenant, Counter{tenant.ID, name, period}, nil
}

// limited returns what counts for the tenant of ctx, and its limit.
func (qs *Quotas) limited(ctx context.Context, name, period string) (Counter, int64, error) {
	tenant, counter, err := qs.counter(ctx, name, period)
	if err != nil {
		return Counter{}, 0, err
	}
	limit, err := qs.all[name].limitOf(tenant)
	return counter, limit, err
}

func (q Quota) limitOf(t tenancy.Tenant) (int64, error) {
	if q.MetadataKey != "" {
		if value, ok := t.MetadataValue(q.MetadataKey); ok {
			limit, ok := wholeNumber(value)
			if !ok || checkLimit(limit) != nil {
				return 0, fmt.Errorf("%w: its metadata %q must be a whole number from 0 to %d",
					tenancy.ErrInvalidTenant, q.MetadataKey, int64(Max))
			}
			return limit, nil
		}
	}
	if limit, ok := q.Plans[t.Plan]; ok {
		return limit, nil
	}
	return q.Limit, nil
}

// wholeNumber reads a value of a tenant's metadata.
func wholeNumber(value any) (int64, bool) {
	switch value := value.(type) {
	case int:
		return int64(value), true
	case int64:
		return value, true
	case float64:
		return int64(value), value == math.Trunc(value) && math.Abs(value) <= Max
	case json.Number:
		n, err := value.Int64()
		return n, err == nil
	default:
		return 0, false
	}
}

func checkAmount(n int64) error {
	if n < 1 || n > Max {
		return fmt.Errorf("%w: the amount is %d; it must be from 1 to %d", tenancy.ErrInvalidLimit, n, int64(Max))
	}
	return nil
}
