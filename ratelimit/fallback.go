package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
)

// Away says what becomes of requests while the limiter that should count them
// cannot. It is written as text: "local", "open" or "closed".
type Away string

// The choices.
const (
	// AwayLocal counts them in each process: with n processes, a tenant may
	// have up to n times its limit, and never more.
	AwayLocal Away = "local"
	// AwayOpen allows all of them. Nobody is turned away because Redis is gone,
	// and nobody is held to a limit.
	AwayOpen Away = "open"
	// AwayClosed refuses all of them, with tenancy.ErrLimiterUnavailable.
	AwayClosed Away = "closed"
)

// Fallback is a limiter for when another one is away. A call that fails is decided
// as the operator has chosen. When for a second calls have failed, five at least,
// and none has succeeded, an outage begins. During it all calls are decided so,
// without waiting, but for one call in a while, which tries whether the other
// limiter is back: the first that succeeds ends the outage. A limiter that fails
// some calls only, such as those of the keys that a cluster lacks, is asked on for
// all of them. It is safe for concurrent use.
type Fallback struct {
	limiter Limiter
	cfg     FallbackConfig
	outage  outage
	count   struct{ outages, local, open, closed atomic.Uint64 }
}

// FallbackConfig is what a Fallback can be told. The zero FallbackConfig works.
type FallbackConfig struct {
	// Away is what becomes of requests meanwhile. Defaults to AwayLocal.
	Away Away
	// Local counts if Away is AwayLocal. Defaults to NewLocal(LocalConfig{}).
	Local Limiter
	// Timeout is how long a call may take before it has failed. It is the end of the
	// call's context, and nobody waits for one that goes on. Defaults to 250
	// milliseconds.
	Timeout time.Duration
	// RetryAfter is the time between two tries in an outage. Defaults to a second.
	RetryAfter time.Duration
	// Logger hears that calls fail, that an outage begins or goes on, at error level
	// if Away is AwayOpen or AwayClosed, and as a warning if limits are held locally,
	// and that it is over. It hears each of these three once in ten seconds at most.
	// Defaults to [slog.Default].
	Logger *slog.Logger
}

// FallbackStats is how often a Fallback had to decide.
type FallbackStats struct {
	// Away says whether there is an outage now.
	Away bool `json:"away"`
	// Outages is how many there were. Calls that fail alone are none.
	Outages uint64 `json:"outages"`
	// Local, Open and Closed are how many requests were counted locally, allowed
	// uncounted, and refused uncounted.
	Local  uint64 `json:"local"`
	Open   uint64 `json:"open"`
	Closed uint64 `json:"closed"`
}

// NewFallback returns a limiter that asks limiter while it can. It fails for a
// nil limiter, an unknown Away and a negative duration.
func NewFallback(limiter Limiter, cfg FallbackConfig) (*Fallback, error) {
	if limiter == nil {
		return nil, errors.New("ratelimit: NewFallback: limiter is nil")
	}
	switch cfg.Away {
	case AwayLocal, AwayOpen, AwayClosed:
	case "":
		cfg.Away = AwayLocal
	default:
		return nil, fmt.Errorf("ratelimit: NewFallback: Away is none of %q, %q and %q", AwayLocal, AwayOpen, AwayClosed)
	}
	if cfg.Timeout < 0 || cfg.RetryAfter < 0 {
		return nil, errors.New("ratelimit: NewFallback: Timeout and RetryAfter must not be negative")
	}
	if cfg.Timeout == 0 {
		cfg.Timeout = 250 * time.Millisecond
	}
	if cfg.RetryAfter == 0 {
		cfg.RetryAfter = time.Second
	}
	if cfg.Logger == nil {
		cfg.Logger = slog.Default()
	}
	if cfg.Local == nil && cfg.Away == AwayLocal {
		local, err := NewLocal(LocalConfig{})
		if err != nil {
			return nil, err
		}
		cfg.Local = local
	}
	return &Fallback{limiter: limiter, cfg: cfg}, nil
}

// Allow implements [Limiter]. A call whose context is over fails with the context's
// error. If that happens while the limiter is asked, the request is counted all the
// same, and says nothing about the limiter: clients choose deadlines too, and short
// ones must open no way past the limits.
func (f *Fallback) Allow(ctx context.Context, key string, limit Limit) (Result, error) {
	if ctx.Err() != nil {
		return Result{}, over(ctx)
	}
	if !f.outage.mayTry(time.Now(), f.cfg.RetryAfter) {
		return f.decide(ctx, key, limit)
	}
	select {
	case got := <-f.ask(ctx, key, limit):
		if got.err == nil || errors.Is(got.err, tenancy.ErrInvalidLimit) {
			return got.result, got.err
		}
		return f.decide(ctx, key, limit)
	case <-ctx.Done():
		return Result{}, over(ctx)
	}
}

func over(ctx context.Context) error {
	return fmt.Errorf("ratelimit: %w", context.Cause(ctx))
}

// decide says what becomes of a request that cannot be counted.
func (f *Fallback) decide(ctx context.Context, key string, limit Limit) (Result, error) {
	if err := limit.Validate(); err != nil {
		return Result{}, err
	}
	switch f.cfg.Away {
	case AwayOpen:
		f.count.open.Add(1)
		return Result{Allowed: true, Limit: limit.burst(), Remaining: limit.burst()}, nil
	case AwayLocal:
		f.count.local.Add(1)
		return f.cfg.Local.Allow(ctx, key, limit)
	default:
		f.count.closed.Add(1)
		return Result{}, fmt.Errorf("%w: requests are refused until it is back", tenancy.ErrLimiterUnavailable)
	}
}

// away notes that the limiter has failed.
func (f *Fallback) away(ctx context.Context, err error) {
	begins, tell := f.outage.fail(time.Now(), f.cfg.RetryAfter)
	if begins {
		f.count.outages.Add(1)
	}
	if tell == nothing {
		return
	}
	which := "all requests"
	if tell == someFail {
		which = "requests that it fails"
	}
	level, become := slog.LevelWarn, "are counted by each process for itself"
	switch f.cfg.Away {
	case AwayOpen:
		level, become = slog.LevelError, "pass uncounted"
	case AwayClosed:
		level, become = slog.LevelError, "are refused"
	case AwayLocal:
	}
	f.cfg.Logger.LogAttrs(ctx, level, "tenancy: the limiter fails: "+which+" "+become, slog.Any("error", err), f.counted())
}

// back notes that the limiter works.
func (f *Fallback) back(ctx context.Context) {
	if took, tell := f.outage.succeed(time.Now()); tell != nothing {
		f.cfg.Logger.LogAttrs(ctx, slog.LevelInfo, "tenancy: the limiter works again", slog.Duration("after", took), f.counted())
	}
}

// Stats returns how often the Fallback had to decide, since it was made.
func (f *Fallback) Stats() FallbackStats {
	return FallbackStats{
		Away:    f.outage.is(),
		Outages: f.count.outages.Load(),
		Local:   f.count.local.Load(),
		Open:    f.count.open.Load(),
		Closed:  f.count.closed.Load(),
	}
}

func (f *Fallback) counted() slog.Attr {
	s := f.Stats()
	return slog.Group("requests", slog.Uint64("local", s.Local), slog.Uint64("open", s.Open), slog.Uint64("closed", s.Closed))
}
