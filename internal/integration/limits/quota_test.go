package limits_test

import (
	"errors"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/quota"
	"github.com/entenancy/tenancy/quota/quotatest"
)

func TestQuotasInRedis(t *testing.T) {
	t.Parallel()
	c := client(t)
	quotatest.Run(t, func(t *testing.T) quota.Store {
		s, err := quota.NewRedis(c, quota.RedisConfig{Prefix: prefix(t, c)})
		if err != nil {
			t.Fatal(err)
		}
		return s
	})
}

func TestQuotasWithoutRedis(t *testing.T) {
	t.Parallel()
	c, line := severable(t)
	s, err := quota.NewRedis(c, quota.RedisConfig{Prefix: prefix(t, client(t))})
	if err != nil {
		t.Fatal(err)
	}
	quotas, err := quota.New(s, map[string]quota.Quota{"seats": {Limit: 5}})
	if err != nil {
		t.Fatal(err)
	}
	ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "acme"})
	if err := quotas.Consume(ctx, "seats", 5); err != nil {
		t.Fatal(err)
	}
	line.cut.Store(true)
	_, usage := quotas.Usage(ctx, "seats")
	for _, err := range []error{quotas.Consume(ctx, "seats", 1), quotas.Release(ctx, "seats", 1), usage, s.Forget(ctx, "acme"), quotas.ForgetBefore(ctx, "seats", "2026")} {
		if !errors.Is(err, tenancy.ErrLimiterUnavailable) {
			t.Errorf("got %v", err)
		}
	}
	line.cut.Store(false)
	if usage, err := quotas.Usage(ctx, "seats"); err != nil || usage != (quota.Usage{Used: 5, Limit: 5}) {
		t.Errorf("got %+v and %v", usage, err)
	}
	if _, err := quota.NewRedis(nil, quota.RedisConfig{}); err == nil {
		t.Error("a nil client was accepted")
	}
}
