package limits_test

import (
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// Redis goes away and comes back, under each of the operator's choices.
func TestFallbackWhenRedisIsAway(t *testing.T) {
	t.Parallel()
	for _, away := range []ratelimit.Away{ratelimit.AwayLocal, ratelimit.AwayOpen, ratelimit.AwayClosed} {
		t.Run(string(away), func(t *testing.T) {
			t.Parallel()
			c, line := severable(t)
			var said strings.Builder
			f, err := ratelimit.NewFallback(inRedis(t, c, ratelimit.RedisConfig{Prefix: prefix(t, client(t))}), ratelimit.FallbackConfig{
				Away: away, RetryAfter: 20 * time.Millisecond, Timeout: 10 * time.Second, Logger: slog.New(slog.NewTextHandler(&said, nil)),
			})
			if err != nil {
				t.Fatal(err)
			}
			limit := perHour(3)
			allow(t, f, "acme", limit)

			line.cut.Store(true)
			allowed, refused := 0, 0
			for range 10 { // for longer than the second in which it may be a call that fails alone
				time.Sleep(150 * time.Millisecond)
				got, err := f.Allow(t.Context(), "acme", limit)
				switch {
				case errors.Is(err, tenancy.ErrLimiterUnavailable):
					refused++
				case err != nil:
					t.Fatal(err)
				case got.Allowed:
					allowed++
				}
			}
			want := map[ratelimit.Away][2]int{ratelimit.AwayLocal: {3, 0}, ratelimit.AwayOpen: {10, 0}, ratelimit.AwayClosed: {0, 10}}[away]
			if allowed != want[0] || refused != want[1] || !f.Stats().Away {
				t.Errorf("without Redis %d were allowed and %d failed, want %v; stats are %+v", allowed, refused, want, f.Stats())
			}

			line.cut.Store(false)
			for i := 0; f.Stats().Away; i++ {
				if i == 5000 {
					t.Fatal("the end of the outage is not noticed")
				}
				time.Sleep(5 * time.Millisecond)
				_, _ = f.Allow(t.Context(), "other", limit)
			}
			left := 0
			for range 5 {
				if allow(t, f, "acme", limit).Allowed {
					left++
				}
			}
			if left != 2 {
				t.Errorf("after the outage %d are allowed, want the 2 that Redis knows of", left)
			}
			if text := said.String(); !strings.Contains(text, "fails") || !strings.Contains(text, "works again") ||
				(away != ratelimit.AwayLocal) != strings.Contains(text, "level=ERROR") {
				t.Errorf("the log has %s", text)
			}
		})
	}
}
