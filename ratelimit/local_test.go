package ratelimit_test

import (
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

func newLocal(tb testing.TB, cfg ratelimit.LocalConfig) *ratelimit.Local {
	tb.Helper()
	l, err := ratelimit.NewLocal(cfg)
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

// Time stands still in these tests but where they sleep.

func TestLocalRefusesNumberLimitPlusOne(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l, limit := newLocal(t, ratelimit.LocalConfig{}), ratelimit.PerMinute(5)
		for i := range 5 {
			want := ratelimit.Result{Allowed: true, Limit: 5, Remaining: 4 - i, ResetAfter: time.Duration(i+1) * 12 * time.Second}
			if got := allow(t, l, "acme", limit); got != want {
				t.Errorf("number %d: got %+v, want %+v", i+1, got, want)
			}
		}
		refused := ratelimit.Result{Limit: 5, ResetAfter: time.Minute, RetryAfter: 12 * time.Second}
		for range 1000 { // what is refused is not counted
			if got := allow(t, l, "acme", limit); got != refused {
				t.Fatalf("number 6: got %+v, want %+v", got, refused)
			}
		}
		if !allow(t, l, "globex", limit).Allowed {
			t.Error("another key was refused")
		}
	})
}

func TestLocalRetryAfterIsExact(t *testing.T) {
	t.Parallel()
	for _, limit := range []ratelimit.Limit{
		ratelimit.PerMinute(5), ratelimit.PerSecond(3), ratelimit.PerHour(7), ratelimit.PerSecond(100_000),
		{Rate: 10, Period: time.Second, Burst: 1},
		{Rate: 1, Period: 7 * time.Minute, Burst: 3},
	} {
		t.Run(limit.String(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				l := newLocal(t, ratelimit.LocalConfig{})
				for range 3 {
					var result ratelimit.Result
					for range limit.Burst + 1 {
						result = allow(t, l, "acme", limit)
					}
					if result.Allowed {
						t.Fatalf("number %d of %v was allowed", limit.Burst+1, limit)
					}
					time.Sleep(result.RetryAfter - 2*time.Nanosecond)
					if allow(t, l, "acme", limit).Allowed {
						t.Errorf("allowed 2 ns before the %v of RetryAfter were over", result.RetryAfter)
					}
					time.Sleep(2 * time.Nanosecond)
					if !allow(t, l, "acme", limit).Allowed {
						t.Errorf("refused after the %v of RetryAfter", result.RetryAfter)
					}
				}
				time.Sleep(allow(t, l, "acme", limit).ResetAfter)
				if got, burst := allow(t, l, "acme", limit), limit.Burst; got.Remaining != burst-1 {
					t.Errorf("%d remain of %d after ResetAfter and one request", got.Remaining, burst)
				}
			})
		})
	}
}

func TestLocalLimitsThatChangeHoldAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, ratelimit.LocalConfig{})
		for range 3 {
			allow(t, l, "acme", ratelimit.PerHour(2))
		}
		if got := allow(t, l, "acme", ratelimit.PerHour(20)); !got.Allowed || got.Limit != 20 || got.Remaining != 19 {
			t.Errorf("raised: got %+v", got)
		}
		if got := allow(t, l, "acme", ratelimit.PerHour(1)); !got.Allowed || got.Remaining != 0 {
			t.Errorf("lowered: got %+v", got)
		}
		if allow(t, l, "acme", ratelimit.PerHour(1)).Allowed {
			t.Error("lowered: number 2 of 1 was allowed")
		}
	})
}

func TestLocalBurstDefaultsToRate(t *testing.T) {
	t.Parallel()
	l := newLocal(t, ratelimit.LocalConfig{})
	allow(t, l, "acme", ratelimit.Limit{Rate: 3, Period: time.Hour})
	if got := allow(t, l, "acme", ratelimit.PerHour(3)); got.Remaining != 1 {
		t.Errorf("a Burst of 0 and one of 3 are counted apart: %+v", got)
	}
}

func TestLocalMemoryIsBounded(t *testing.T) {
	t.Parallel()
	l := newLocal(t, ratelimit.LocalConfig{MaxKeys: 160})
	for i := range 10_000 {
		allow(t, l, "busy", ratelimit.PerHour(1)) // asked about all the time, so never forgotten
		allow(t, l, fmt.Sprint(i), ratelimit.PerHour(1))
	}
	if n := l.Len(); n > 160 || n < 100 {
		t.Errorf("%d keys, want up to 160", n)
	}
	if allow(t, l, "busy", ratelimit.PerHour(1)).Allowed {
		t.Error("a key in use was forgotten")
	}
}

func TestLocalForgetsIdleKeys(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		l := newLocal(t, ratelimit.LocalConfig{})
		for i := range 1000 {
			allow(t, l, fmt.Sprint(i), ratelimit.PerSecond(1))
		}
		allow(t, l, "slow", ratelimit.PerHour(1))
		time.Sleep(2 * time.Minute)
		for i := range 1000 { // some of each shard's
			allow(t, l, fmt.Sprint("new", i), ratelimit.PerSecond(1))
		}
		if n := l.Len(); n != 1001 {
			t.Errorf("%d keys, want the 1000 new ones and the one that is not idle", n)
		}
		if allow(t, l, "slow", ratelimit.PerHour(1)).Allowed {
			t.Error("a key with something used up was forgotten")
		}
	})
}

func TestLocalConcurrent(t *testing.T) {
	t.Parallel()
	const limit = 100
	l := newLocal(t, ratelimit.LocalConfig{})
	var allowed atomic.Int64
	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			for range 5 {
				if allow(t, l, "acme", ratelimit.PerHour(limit)).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if allowed.Load() != limit {
		t.Errorf("%d were allowed, want %d", allowed.Load(), limit)
	}
}

// Who asks for a long time is let pass no more often than the limit says, however
// the askers overtake each other.
func TestLocalConcurrentOverTime(t *testing.T) {
	t.Parallel()
	const askers, each = 8, 50_000
	limit := ratelimit.Limit{Rate: 20_000, Period: time.Second, Burst: askers * each / 2}
	l := newLocal(t, ratelimit.LocalConfig{})
	var allowed atomic.Int64
	var all sync.WaitGroup
	began := time.Now()
	for range askers {
		all.Go(func() {
			for range each {
				if allow(t, l, "acme", limit).Allowed {
					allowed.Add(1)
				}
			}
		})
	}
	all.Wait()
	if most := float64(limit.Burst) + time.Since(began).Seconds()*float64(limit.Rate); float64(allowed.Load()) > most {
		t.Errorf("%d were allowed, want %.0f at most", allowed.Load(), most)
	}
}

func TestLocalBadLimits(t *testing.T) {
	t.Parallel()
	if _, err := newLocal(t, ratelimit.LocalConfig{}).Allow(t.Context(), "acme", ratelimit.Limit{}); !errors.Is(err, tenancy.ErrInvalidLimit) {
		t.Errorf("got %v", err)
	}
	if _, err := ratelimit.NewLocal(ratelimit.LocalConfig{MaxKeys: -1}); !errors.Is(err, tenancy.ErrInvalidLimit) {
		t.Errorf("got %v", err)
	}
}
