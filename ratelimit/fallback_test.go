package ratelimit_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

// breakable is a limiter that somebody can take away. It stands for Redis; the
// tests with a real one are in internal/integration.
type breakable struct {
	ratelimit.Limiter
	broken, hangs, slow atomic.Bool
	calls               atomic.Int64
}

func (b *breakable) Allow(ctx context.Context, key string, limit ratelimit.Limit) (ratelimit.Result, error) {
	b.calls.Add(1)
	if b.hangs.Load() {
		<-ctx.Done()
		return ratelimit.Result{}, ctx.Err()
	}
	if b.slow.Load() {
		select {
		case <-time.After(10 * time.Millisecond):
		case <-ctx.Done():
			return ratelimit.Result{}, ctx.Err()
		}
	}
	if b.broken.Load() {
		return ratelimit.Result{}, errors.New("connection refused")
	}
	return b.Limiter.Allow(ctx, key, limit)
}

// logged is a logger, and what was logged.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) count(s string) int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Count(l.text.String(), s)
}

func newFallback(t *testing.T, cfg ratelimit.FallbackConfig) (*ratelimit.Fallback, *breakable, *logged) {
	t.Helper()
	primary, log := &breakable{Limiter: newLocal(t, ratelimit.LocalConfig{})}, &logged{}
	cfg.Logger = slog.New(slog.NewTextHandler(log, nil))
	f, err := ratelimit.NewFallback(primary, cfg)
	if err != nil {
		t.Fatal(err)
	}
	return f, primary, log
}

// takeAway has the limiter fail for as long as it takes to be an outage, which are five
// calls in a second.
func takeAway(t *testing.T, f *ratelimit.Fallback, primary *breakable) {
	t.Helper()
	primary.broken.Store(true)
	for i := range 5 {
		if f.Stats().Away {
			t.Fatalf("%d failures are an outage", i)
		}
		if i > 0 {
			time.Sleep(250 * time.Millisecond)
		}
		_, _ = f.Allow(t.Context(), "acme", ratelimit.PerHour(2))
	}
	if !f.Stats().Away {
		t.Fatal("a second of failures is no outage")
	}
}

func TestFallbackOpen(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen})
		limit := ratelimit.PerHour(2)
		takeAway(t, f, primary)
		for range 100 {
			if got := allow(t, f, "acme", limit); !got.Allowed || got.Limit != 2 {
				t.Fatalf("got %+v", got)
			}
		}
		if n := primary.calls.Load(); n != 5 {
			t.Errorf("the limiter was asked %d times, want no more than the 5 that began the outage", n)
		}
		if s := f.Stats(); s != (ratelimit.FallbackStats{Away: true, Outages: 1, Open: 105}) {
			t.Errorf("stats are %+v", s)
		}
		if log.count("level=ERROR") != 2 || log.count("requests that it fails pass uncounted") != 1 || log.count("all requests pass uncounted") != 1 {
			t.Errorf("failing open was not logged once for some and once for all, at error level: %s", log.text.String())
		}
	})
}

func TestFallbackClosed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayClosed})
		takeAway(t, f, primary)
		for range 10 {
			got, err := f.Allow(t.Context(), "acme", ratelimit.PerHour(2))
			if got.Allowed || !errors.Is(err, tenancy.ErrLimiterUnavailable) {
				t.Fatalf("got %+v and %v", got, err)
			}
		}
		if s := f.Stats(); s.Closed != 15 || log.count("level=ERROR") != 2 {
			t.Errorf("stats are %+v, and the log %s", s, log.text.String())
		}
	})
}

func TestFallbackLocal(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{})
		primary.broken.Store(true)
		n := 0
		for range 100 {
			if allow(t, f, "acme", ratelimit.PerHour(5)).Allowed {
				n++
			}
		}
		if s := f.Stats(); n != 5 || s.Local != 100 || log.count("level=WARN") != 1 {
			t.Errorf("%d of 5 were allowed; stats are %+v, and the log %s", n, s, log.text.String())
		}
	})
}

func TestFallbackNoticesRecovery(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen, RetryAfter: 5 * time.Second})
		limit := ratelimit.PerHour(1)
		primary.broken.Store(true)
		for range 60 { // from the fifth second on it is tried every 5 seconds, and spoken of every 10
			allow(t, f, "acme", limit)
			time.Sleep(time.Second)
		}
		if calls, errs := primary.calls.Load(), log.count("level=ERROR"); calls != 16 || errs != 7 {
			t.Errorf("tried %d times and logged %d times", calls, errs)
		}
		primary.broken.Store(false)
		time.Sleep(5 * time.Second)
		if !allow(t, f, "acme", limit).Allowed || allow(t, f, "acme", limit).Allowed {
			t.Error("the limit does not hold after the outage")
		}
		if s := f.Stats(); s.Away || s.Outages != 1 || s.Open != 60 || log.count("level=INFO") != 1 {
			t.Errorf("stats are %+v, and the log %s", s, log.text.String())
		}
	})
}

func TestFallbackDoesNotWaitForOneThatHangs(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, _ := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen, Timeout: 100 * time.Millisecond})
		primary.hangs.Store(true)
		began := time.Now()
		for range 50 {
			allow(t, f, "acme", ratelimit.PerHour(1))
		}
		if took := time.Since(began); took != 1100*time.Millisecond {
			t.Errorf("50 requests took %v, want the second after the first timeout", took)
		}
	})
}

// Clients choose deadlines: theirs must not open the way past the limits. A limiter
// that is slower than they are in a hurry is not away, and counts them all the same.
func TestFallbackIgnoresTheCallersDeadline(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, _ := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen})
		primary.slow.Store(true)
		limit := ratelimit.PerHour(3)
		for range 300 {
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			if got, err := f.Allow(ctx, "acme", limit); got.Allowed || !errors.Is(err, context.DeadlineExceeded) {
				t.Fatalf("got %+v and %v", got, err)
			}
			cancel()
		}
		time.Sleep(time.Second)
		if allow(t, f, "acme", limit).Allowed || f.Stats().Outages != 0 {
			t.Errorf("requests in a hurry were not counted; stats are %+v", f.Stats())
		}
	})
}

// Callers without the time to wait for the Timeout learn nothing of one that hangs, and
// it is noticed all the same.
func TestFallbackNoticesOneThatHangsThoughNobodyWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, _ := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen})
		primary.hangs.Store(true)
		hurry := func() {
			t.Helper()
			ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
			defer cancel()
			began := time.Now()
			if got, err := f.Allow(ctx, "acme", ratelimit.PerHour(1)); got.Allowed || !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("got %+v and %v", got, err)
			}
			if took := time.Since(began); took != time.Millisecond {
				t.Errorf("a caller with a millisecond waited for %v", took)
			}
		}
		for range 5 {
			hurry()
			time.Sleep(250 * time.Millisecond)
		}
		if !f.Stats().Away {
			t.Error("the limiter has said nothing for a second, and is not away")
		}
		over, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := f.Allow(over, "acme", ratelimit.PerHour(1)); !errors.Is(err, context.Canceled) {
			t.Errorf("in an outage, a context that is over: got %v", err)
		}
	})
}

func TestFallbackOutlivesAPanic(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{})
		primary.Limiter = nil
		if !allow(t, f, "acme", ratelimit.PerHour(1)).Allowed || f.Stats().Local != 1 || log.count("the limiter panicked") != 1 {
			t.Errorf("stats are %+v, and the log %s", f.Stats(), log.text.String())
		}
	})
}

// The logger hears of outages in goroutines in which nobody else could recover.
func TestFallbackOutlivesALoggerThatPanics(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		primary := &breakable{Limiter: newLocal(t, ratelimit.LocalConfig{})}
		f, err := ratelimit.NewFallback(primary, ratelimit.FallbackConfig{Logger: slog.New(slog.NewTextHandler(nil, nil))})
		if err != nil {
			t.Fatal(err)
		}
		for _, fault := range []*atomic.Bool{&primary.broken, &primary.hangs} {
			fault.Store(true)
			for range 5 {
				if !allow(t, f, "acme", ratelimit.PerHour(20)).Allowed {
					t.Error("the limiter fails: a request was refused")
				}
				time.Sleep(250 * time.Millisecond)
			}
			if !f.Stats().Away {
				t.Errorf("the limiter fails: stats are %+v", f.Stats())
			}
			fault.Store(false)
			time.Sleep(10 * time.Second)
			if !allow(t, f, "acme", ratelimit.PerHour(20)).Allowed || f.Stats().Away {
				t.Errorf("the limiter works again: stats are %+v", f.Stats())
			}
		}
	})
}

func TestFallbackBadLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{Away: ratelimit.AwayOpen})
		refused := func() {
			t.Helper()
			if got, err := f.Allow(t.Context(), "acme", ratelimit.Limit{}); got.Allowed || !errors.Is(err, tenancy.ErrInvalidLimit) {
				t.Errorf("got %+v and %v", got, err)
			}
		}
		refused()
		if log.count("fails") != 0 {
			t.Error("a bad limit counts as a failure")
		}
		takeAway(t, f, primary)
		refused()
	})
}

// lacking is a cluster that lacks the shard with some of the keys.
type lacking struct{ ratelimit.Limiter }

func (l lacking) Allow(ctx context.Context, key string, limit ratelimit.Limit) (ratelimit.Result, error) {
	if strings.HasPrefix(key, "lost") {
		return ratelimit.Result{}, errors.New("CLUSTERDOWN Hash slot not served")
	}
	return l.Limiter.Allow(ctx, key, limit)
}

// What fails some is no outage of all: the others are counted as ever.
func TestFallbackWhereSomeFail(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		log := &logged{}
		f, err := ratelimit.NewFallback(lacking{newLocal(t, ratelimit.LocalConfig{})}, ratelimit.FallbackConfig{
			Away: ratelimit.AwayClosed, Logger: slog.New(slog.NewTextHandler(log, nil)),
		})
		if err != nil {
			t.Fatal(err)
		}
		const seconds = 60
		for i := range seconds * 10 {
			if got, err := f.Allow(t.Context(), "acme", ratelimit.PerSecond(100)); err != nil || !got.Allowed {
				t.Fatalf("a tenant whose shard is there: got %+v and %v", got, err)
			}
			for range i % 8 { // more often in a row than an outage needs
				if _, err := f.Allow(t.Context(), "lost", ratelimit.PerSecond(100)); !errors.Is(err, tenancy.ErrLimiterUnavailable) {
					t.Fatalf("a tenant whose shard is away: got %v", err)
				}
			}
			time.Sleep(time.Second / 10)
		}
		if s := f.Stats(); s.Outages != 0 || s.Closed != 2100 {
			t.Errorf("stats are %+v", s)
		}
		if n := log.count("\n"); n != seconds/10 || log.count("requests that it fails are refused") != n {
			t.Errorf("it was told %d times in %d seconds:\n%s", n, seconds, log.text.String())
		}
	})
}

// A limiter that comes and goes does not fill the log, and in the end the log says that
// it works.
func TestFallbackTellsOfEachOnceInTenSeconds(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		f, primary, log := newFallback(t, ratelimit.FallbackConfig{RetryAfter: time.Millisecond})
		const times = 40
		for range times {
			takeAway(t, f, primary)
			primary.broken.Store(false)
			time.Sleep(500 * time.Millisecond)
			allow(t, f, "acme", ratelimit.PerHour(1))
		}
		if s := f.Stats(); s.Outages != times || s.Away {
			t.Fatalf("stats are %+v", s)
		}
		time.Sleep(10 * time.Second)
		for range 5 {
			allow(t, f, "acme", ratelimit.PerHour(1))
		}
		for _, text := range []string{"requests that it fails", "all requests", "works again"} {
			if n := log.count(text); n < 5 || n > 7 {
				t.Errorf("%q was logged %d times in 70 seconds", text, n)
			}
		}
		if lines := strings.Split(strings.TrimSpace(log.text.String()), "\n"); !strings.Contains(lines[len(lines)-1], "works again") {
			t.Errorf("the log ends with %s", lines[len(lines)-1])
		}
	})
}

func TestNewFallbackRefuses(t *testing.T) {
	t.Parallel()
	local := newLocal(t, ratelimit.LocalConfig{})
	for name, cfg := range map[string]ratelimit.FallbackConfig{
		"Away":    {Away: "sometimes"},
		"Timeout": {Timeout: -1},
		"Retry":   {RetryAfter: -1},
	} {
		if _, err := ratelimit.NewFallback(local, cfg); err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%s: got %v", name, err)
		}
	}
	if _, err := ratelimit.NewFallback(nil, ratelimit.FallbackConfig{}); err == nil {
		t.Error("a nil limiter was accepted")
	}
}
