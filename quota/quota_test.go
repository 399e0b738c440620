package quota_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/quota"
)

func newQuotas(t *testing.T) *quota.Quotas {
	t.Helper()
	quotas, err := quota.New(quota.NewMemory(), map[string]quota.Quota{
		"seats": {Limit: 5, Plans: map[string]int64{"gold": 50, "none": 0}, MetadataKey: "seats"},
		"none":  {},
	})
	if err != nil {
		t.Fatal(err)
	}
	return quotas
}

func as(t *testing.T, tenant tenancy.Tenant) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenant)
}

func TestWhoseLimit(t *testing.T) {
	t.Parallel()
	quotas := newQuotas(t)
	with := func(plan string, value any) tenancy.Tenant {
		return tenancy.Tenant{ID: "acme", Plan: plan}.WithMetadata(map[string]any{"seats": value})
	}
	for want, all := range map[int64][]tenancy.Tenant{
		5:  {{ID: "acme"}, {ID: "acme", Plan: "unknown"}},
		50: {{ID: "acme", Plan: "gold"}},
		0:  {{ID: "acme", Plan: "none"}, with("gold", 0)},
		7:  {with("gold", 7), with("", 7.0), with("", int64(7)), with("", json.Number("7"))},
	} {
		for _, tenant := range all {
			if usage, err := quotas.Usage(as(t, tenant), "seats"); err != nil || usage != (quota.Usage{Limit: want}) {
				t.Errorf("%q %v: got %+v and %v, want a limit of %d", tenant.Plan, tenant.Metadata(), usage, err, want)
			}
		}
	}
	for _, value := range []any{-1, 1.5, "7", nil, true, 1e300, json.Number("x")} {
		if err := quotas.Consume(as(t, with("", value)), "seats", 1); !errors.Is(err, tenancy.ErrInvalidTenant) {
			t.Errorf("metadata %v: got %v", value, err)
		}
	}
}

func TestConsumeFailsClosed(t *testing.T) {
	t.Parallel()
	quotas, acme := newQuotas(t), as(t, tenancy.Tenant{ID: "acme"})
	for name, test := range map[string]struct {
		ctx    context.Context
		quota  string
		period string
		n      int64
		want   error
	}{
		"no tenant":        {t.Context(), "seats", "", 1, tenancy.ErrNoTenant},
		"a System scope":   {tenancy.System(t.Context(), "test"), "seats", "", 1, tenancy.ErrNoTenant},
		"a suspended one":  {as(t, tenancy.Tenant{ID: "acme", Status: tenancy.StatusSuspended}), "seats", "", 1, tenancy.ErrInactive},
		"unknown":          {acme, "rooms", "", 1, tenancy.ErrInvalidLimit},
		"nothing":          {acme, "seats", "", 0, tenancy.ErrInvalidLimit},
		"less":             {acme, "seats", "", -1, tenancy.ErrInvalidLimit},
		"too much to add":  {acme, "seats", "", quota.Max + 1, tenancy.ErrInvalidLimit},
		"a bad period":     {acme, "seats", "a:b", 1, tenancy.ErrInvalidLimit},
		"more than it has": {acme, "seats", "", 6, tenancy.ErrQuotaExceeded},
		"one of none":      {acme, "none", "", 1, tenancy.ErrQuotaExceeded},
	} {
		if err := quotas.ConsumeIn(test.ctx, test.quota, test.period, test.n); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
		if err := quotas.ReleaseIn(test.ctx, test.quota, test.period, test.n); !errors.Is(test.want, tenancy.ErrQuotaExceeded) && !errors.Is(err, test.want) {
			t.Errorf("%s, releasing: got %v, want %v", name, err, test.want)
		}
	}
	if usage, err := quotas.Usage(acme, "seats"); err != nil || usage.Used != 0 {
		t.Errorf("afterwards: got %+v and %v", usage, err)
	}
}

func TestExceeded(t *testing.T) {
	t.Parallel()
	quotas, acme := newQuotas(t), as(t, tenancy.Tenant{ID: "acme"})
	if err := quotas.Consume(acme, "seats", 4); err != nil {
		t.Fatal(err)
	}
	err := quotas.Consume(acme, "seats", 2)
	var exceeded *quota.ExceededError
	if !errors.As(err, &exceeded) || *exceeded != (quota.ExceededError{Quota: "seats", Limit: 5, Used: 4, Asked: 2}) {
		t.Fatalf("got %#v", err)
	}
	if err.Error() != `tenancy: quota exceeded: "seats": 4 of 5 are used, and 2 more were asked for` {
		t.Errorf("it says %q", err)
	}
	if err := quotas.Consume(as(t, tenancy.Tenant{ID: "globex"}), "seats", 5); err != nil {
		t.Errorf("another tenant: %v", err)
	}
	if err := quotas.ConsumeIn(acme, "seats", "2026-11", 5); err != nil {
		t.Errorf("another period: %v", err)
	}
	if err := quotas.Release(acme, "seats", 1); err != nil {
		t.Fatal(err)
	}
	if err := quotas.Consume(acme, "seats", 2); err != nil {
		t.Errorf("after one was released: %v", err)
	}
}

// What is given back is less, whatever the limit: a record that says nonsense of it must
// not leave used up for ever what is not used.
func TestReleaseNeedsNoLimit(t *testing.T) {
	t.Parallel()
	quotas, acme := newQuotas(t), as(t, tenancy.Tenant{ID: "acme"})
	if err := quotas.ConsumeIn(acme, "seats", "2026-11", 5); err != nil {
		t.Fatal(err)
	}
	nonsense := as(t, tenancy.Tenant{ID: "acme"}.WithMetadata(map[string]any{"seats": "many"}))
	if err := quotas.ReleaseIn(nonsense, "seats", "2026-11", 3); err != nil {
		t.Errorf("releasing: %v", err)
	}
	if usage, err := quotas.UsageIn(acme, "seats", "2026-11"); err != nil || usage.Used != 2 {
		t.Errorf("afterwards: got %+v and %v", usage, err)
	}
	if err := quotas.ForgetBefore(nonsense, "seats", "2026-12"); err != nil {
		t.Errorf("forgetting: %v", err)
	}
	if usage, err := quotas.UsageIn(acme, "seats", "2026-11"); err != nil || usage.Used != 0 {
		t.Errorf("after it was forgotten: got %+v and %v", usage, err)
	}
}

func TestForgetBeforeFailsClosed(t *testing.T) {
	t.Parallel()
	quotas, acme := newQuotas(t), as(t, tenancy.Tenant{ID: "acme"})
	for name, test := range map[string]struct {
		ctx           context.Context
		quota, period string
		want          error
	}{
		"no tenant":      {t.Context(), "seats", "2026-11", tenancy.ErrNoTenant},
		"a System scope": {tenancy.System(t.Context(), "test"), "seats", "2026-11", tenancy.ErrNoTenant},
		"unknown":        {acme, "rooms", "2026-11", tenancy.ErrInvalidLimit},
		"no period":      {acme, "seats", "", tenancy.ErrInvalidLimit},
		"a bad period":   {acme, "seats", "a:b", tenancy.ErrInvalidLimit},
	} {
		if err := quotas.ForgetBefore(test.ctx, test.quota, test.period); !errors.Is(err, test.want) {
			t.Errorf("%s: got %v, want %v", name, err, test.want)
		}
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "a b", "a:b", "é", "a\x00", strings.Repeat("x", quota.MaxName+1)} {
		if _, err := quota.New(quota.NewMemory(), map[string]quota.Quota{name: {}}); !errors.Is(err, tenancy.ErrInvalidLimit) {
			t.Errorf("name %q: got %v", name, err)
		}
	}
	_, err := quota.New(quota.NewMemory(), map[string]quota.Quota{
		"a": {Limit: -1}, "b": {Plans: map[string]int64{"gold": quota.Max + 1}},
	})
	if !errors.Is(err, tenancy.ErrInvalidLimit) || !strings.Contains(err.Error(), `"a": Limit`) || !strings.Contains(err.Error(), `"b": Plans["gold"]`) {
		t.Errorf("got %v, want all that is wrong", err)
	}
	if _, err := quota.New(nil, nil); err == nil {
		t.Error("a nil store was accepted")
	}
}
