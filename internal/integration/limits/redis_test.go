package limits_test

import (
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

func inRedis(tb testing.TB, c redis.UniversalClient, cfg ratelimit.RedisConfig) *ratelimit.Redis {
	tb.Helper()
	l, err := ratelimit.NewRedis(c, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return l
}

func allow(tb testing.TB, l ratelimit.Limiter, key string, limit ratelimit.Limit) ratelimit.Result {
	tb.Helper()
	result, err := l.Allow(tb.Context(), key, limit)
	if err != nil {
		tb.Fatal(err)
	}
	return result
}

// In an hour no room comes back while a test runs: what is refused is refused.
func perHour(n int) ratelimit.Limit { return ratelimit.PerHour(n) }

// A limit of 5 allows 5 of 1000 calls, and not one more.
func TestRedisRefusesNumberLimitPlusOne(t *testing.T) {
	t.Parallel()
	c := client(t)
	l := inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, c)})
	for i := range 5 {
		got := allow(t, l, "acme", perHour(5))
		if !got.Allowed || got.Limit != 5 || got.Remaining != 4-i || got.RetryAfter != 0 {
			t.Errorf("number %d: got %+v", i+1, got)
		}
		if want := time.Duration(i+1) * 12 * time.Minute; got.ResetAfter > want || got.ResetAfter < want-time.Minute {
			t.Errorf("number %d: ResetAfter is %v, not a little less than %v", i+1, got.ResetAfter, want)
		}
	}
	for i := range 995 {
		got := allow(t, l, "acme", perHour(5))
		if got.Allowed || got.Remaining != 0 || got.RetryAfter <= 0 || got.RetryAfter > 12*time.Minute || got.ResetAfter > time.Hour {
			t.Fatalf("number %d: got %+v", i+6, got)
		}
	}
	if !allow(t, l, "globex", perHour(5)).Allowed {
		t.Error("another key was refused")
	}
}

// 64 clients with a connection each, as of 64 processes.
func TestRedisWith64Clients(t *testing.T) {
	t.Parallel()
	const limit, each = 100, 5
	p := prefix(t, client(t))
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		l := inRedis(t, client(t), ratelimit.RedisConfig{Prefix: p})
		all.Go(func() {
			for range each {
				result, err := l.Allow(t.Context(), "acme", perHour(limit))
				if err != nil {
					t.Error(err)
				}
				if result.Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if allowed.Load() != limit {
		t.Errorf("of %d requests %d were allowed, want exactly %d", 64*each, allowed.Load(), limit)
	}
}

// Who waits for RetryAfter is allowed, by Redis' clock.
func TestRedisRetryAfter(t *testing.T) {
	t.Parallel()
	c := client(t)
	l := inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, c)})
	limit := ratelimit.Limit{Rate: 1, Period: 300 * time.Millisecond, Burst: 2}
	for range 2 {
		result := ratelimit.Result{Allowed: true}
		for i := 0; result.Allowed; i++ {
			if i == 1000 {
				t.Fatal("1000 requests were allowed")
			}
			result = allow(t, l, "acme", limit)
		}
		if result.RetryAfter > 300*time.Millisecond {
			t.Errorf("RetryAfter is %v, more than the interval", result.RetryAfter)
		}
		time.Sleep(result.RetryAfter)
		if !allow(t, l, "acme", limit).Allowed {
			t.Errorf("refused after the %v of RetryAfter", result.RetryAfter)
		}
	}
}

func TestRedisLimitsThatChangeHoldAtOnce(t *testing.T) {
	t.Parallel()
	c := client(t)
	l := inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, c)})
	for range 3 {
		allow(t, l, "acme", perHour(2))
	}
	if got := allow(t, l, "acme", perHour(20)); !got.Allowed || got.Remaining != 19 {
		t.Errorf("raised: got %+v", got)
	}
	if got := allow(t, l, "acme", perHour(1)); !got.Allowed || got.Remaining != 0 || allow(t, l, "acme", perHour(1)).Allowed {
		t.Errorf("lowered: got %+v", got)
	}
}

// Tenants of odd names, applications with prefixes of their own: none counts for another.
func TestRedisKeysKeepApart(t *testing.T) {
	t.Parallel()
	c := client(t)
	p := prefix(t, c)
	for _, app := range []string{p, p + "a:", p + "1/1h0m0s:"} {
		tenants, err := ratelimit.NewTenants(inRedis(t, c, ratelimit.RedisConfig{Prefix: app}), perHour(1), ratelimit.TenantsConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range []tenancy.ID{"acme", "Acme", "acmé", "tenant:acme", "a:1/1h0m0s:tenant:acme", "*", "{acme}", tenancy.ID(strings.Repeat("é", 255))} {
			first, err := tenants.Allow(t.Context(), tenancy.Tenant{ID: id})
			if err != nil || !first.Allowed {
				t.Errorf("%.20q in %q: got %+v (%v), as if another had used it", id, app, first, err)
			}
			if second, err := tenants.Allow(t.Context(), tenancy.Tenant{ID: id}); err != nil || second.Allowed {
				t.Errorf("%.20q in %q: number 2 of 1 was allowed (%v)", id, app, err)
			}
		}
	}
}

// A key lives as long as it says something, and no longer.
func TestRedisKeysExpire(t *testing.T) {
	t.Parallel()
	c := client(t)
	p := prefix(t, c)
	allow(t, inRedis(t, c, ratelimit.RedisConfig{Prefix: p}), "acme", perHour(5))
	keys, err := c.Keys(t.Context(), "*"+p+"*").Result()
	if err != nil || len(keys) != 1 {
		t.Fatalf("keys are %v (%v), want one", keys, err)
	}
	if ttl := c.TTL(t.Context(), keys[0]).Val(); ttl <= 11*time.Minute || ttl > 12*time.Minute+time.Second {
		t.Errorf("it expires in %v, want 12 minutes", ttl)
	}
}

// Counting in Redis and in the process give the same numbers.
func TestRedisAgreesWithLocal(t *testing.T) {
	t.Parallel()
	c := client(t)
	l := inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, c)})
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	for _, limit := range []ratelimit.Limit{perHour(3), perHour(7), {Rate: 1, Period: 100 * time.Hour, Burst: 30}, {Rate: 9, Period: 50 * time.Hour, Burst: 1}} {
		for i := range 40 {
			far, near := allow(t, l, "acme", limit), allow(t, local, "acme", limit)
			if far.Allowed != near.Allowed || far.Remaining != near.Remaining || far.Limit != near.Limit ||
				(far.ResetAfter-near.ResetAfter).Abs() > time.Minute || (far.RetryAfter-near.RetryAfter).Abs() > time.Minute {
				t.Errorf("%v: number %d is %+v in Redis and %+v locally", limit, i+1, far, near)
			}
		}
	}
}

func TestRedisErrors(t *testing.T) {
	t.Parallel()
	c, line := severable(t)
	l := inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, client(t))})
	if _, err := l.Allow(t.Context(), "acme", ratelimit.Limit{}); !errors.Is(err, tenancy.ErrInvalidLimit) {
		t.Errorf("a bad limit: got %v", err)
	}
	line.cut.Store(true)
	if got, err := l.Allow(t.Context(), "acme", perHour(1)); got.Allowed || !errors.Is(err, tenancy.ErrLimiterUnavailable) {
		t.Errorf("without Redis: got %+v and %v", got, err)
	}
	if _, err := ratelimit.NewRedis(nil, ratelimit.RedisConfig{}); err == nil {
		t.Error("a nil client was accepted")
	}
}
