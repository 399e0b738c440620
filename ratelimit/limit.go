package ratelimit

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/entenancy/tenancy"
)

// Limiter counts requests against limits. Implementations are safe for
// concurrent use.
type Limiter interface {
	// Allow counts one request of key, unless it is one too many. A key has a
	// count of its own for each limit that it is asked about with.
	//
	// It fails with [tenancy.ErrInvalidLimit] for a limit that Validate refuses,
	// and with [tenancy.ErrLimiterUnavailable] if nobody can say. The request is
	// not to be served then: which way to fail is decided by a [Fallback].
	Allow(ctx context.Context, key string, limit Limit) (Result, error)
}

// Result says what became of a request.
type Result struct {
	// Allowed says whether it is within the limit. One that is not is not counted.
	Allowed bool
	// Limit is how many requests can be made at once: the limit's burst.
	Limit int
	// Remaining is how many more could be made right now.
	Remaining int
	// ResetAfter is the time until Remaining is Limit again, if nothing comes.
	ResetAfter time.Duration
	// RetryAfter is the time until the next request is allowed. It is zero for
	// a request that was allowed.
	RetryAfter time.Duration
}

// Limit is how many requests are allowed in which time. It is written as text
// like "100/1m" or "100/1m+20", see [ParseLimit].
type Limit struct {
	// Rate is how many requests there may be in each Period.
	Rate int
	// Period is the time that Rate is for.
	Period time.Duration
	// Burst is how many of them may come at once. Defaults to Rate.
	Burst int
}

// PerSecond returns a limit of n requests in a second, which may come at once.
func PerSecond(n int) Limit { return Limit{Rate: n, Period: time.Second, Burst: n} }

// PerMinute returns a limit of n requests in a minute, which may come at once.
func PerMinute(n int) Limit { return Limit{Rate: n, Period: time.Minute, Burst: n} }

// PerHour returns a limit of n requests in an hour, which may come at once.
func PerHour(n int) Limit { return Limit{Rate: n, Period: time.Hour, Burst: n} }

// Bounds of a limit. Redis' clock counts microseconds, and within a year it
// does so exactly in a floating point number.
const (
	minInterval = time.Microsecond
	maxPeriod   = 366 * 24 * time.Hour
	maxBurst    = 1_000_000_000
)

// Validate reports whether the limit can be held: Rate at least 1 and at most
// one for each microsecond, Period up to 366 days, and Burst, if there is one,
// from 1 to a thousand million and no more than comes back in 366 days. The
// error is [tenancy.ErrInvalidLimit].
func (l Limit) Validate() error {
	switch {
	case l.Rate < 1:
		return fmt.Errorf("%w: Rate is %d; it must be at least 1", tenancy.ErrInvalidLimit, l.Rate)
	case l.Period <= 0 || l.Period > maxPeriod:
		return fmt.Errorf("%w: Period is %s; it must be above zero and at most %s", tenancy.ErrInvalidLimit, l.Period, maxPeriod)
	case l.Period/minInterval < time.Duration(l.Rate):
		return fmt.Errorf("%w: Rate is %d in %s; it must be at most one for each %s", tenancy.ErrInvalidLimit, l.Rate, l.Period, minInterval)
	case l.Burst < 0 || l.Burst > maxBurst:
		return fmt.Errorf("%w: Burst is %d; it must be from 0, which means Rate, to %d", tenancy.ErrInvalidLimit, l.Burst, maxBurst)
	case l.full() > maxPeriod.Seconds():
		return fmt.Errorf("%w: Burst is %d; so many come back in more than %s", tenancy.ErrInvalidLimit, l.Burst, maxPeriod)
	}
	return nil
}

// burst is Burst with its default.
func (l Limit) burst() int {
	if l.Burst == 0 {
		return l.Rate
	}
	return l.Burst
}

// interval is the time in which room for one request comes back, in seconds.
func (l Limit) interval() float64 { return l.Period.Seconds() / float64(l.Rate) }

// full is the time in which room for the whole burst comes back, in seconds.
func (l Limit) full() float64 { return float64(l.burst()) * l.interval() }

// String returns the limit as ParseLimit reads it.
func (l Limit) String() string {
	s := strconv.Itoa(l.Rate) + "/" + l.Period.String()
	if l.burst() != l.Rate {
		s += "+" + strconv.Itoa(l.Burst)
	}
	return s
}

// ParseLimit reads a limit: the rate, a slash, a period in the form of
// [time.ParseDuration] whose number may be left out, and, after a plus, the burst
// if it is not the rate. So "10/s" is 10 in a second, "600/1m" 600 in a minute,
// and "600/m+20" the same, but with no more than 20 at once. The error is
// [tenancy.ErrInvalidLimit] and does not repeat the text.
func ParseLimit(s string) (Limit, error) {
	rate, rest, ok := strings.Cut(s, "/")
	period, burst, hasBurst := strings.Cut(rest, "+")
	if !ok {
		return Limit{}, malformed("it has no slash")
	}
	var l Limit
	var err error
	if l.Rate, err = strconv.Atoi(rate); err != nil {
		return Limit{}, malformed("its rate is no number")
	}
	if l.Period, err = parsePeriod(period); err != nil {
		return Limit{}, malformed("its period is no duration")
	}
	l.Burst = l.Rate
	if hasBurst {
		if l.Burst, err = strconv.Atoi(burst); err != nil || l.Burst < 1 {
			return Limit{}, malformed("its burst is no number from 1 up")
		}
	}
	return l, l.Validate()
}

func parsePeriod(s string) (time.Duration, error) {
	if s != "" && (s[0] < '0' || s[0] > '9') && s[0] != '-' && s[0] != '.' {
		s = "1" + s
	}
	return time.ParseDuration(s)
}

func malformed(why string) error {
	return fmt.Errorf(`%w: %s; write it like "100/1m" or "100/1m+20"`, tenancy.ErrInvalidLimit, why)
}

// MarshalText implements [encoding.TextMarshaler].
func (l Limit) MarshalText() ([]byte, error) { return []byte(l.String()), l.Validate() }

// UnmarshalText implements [encoding.TextUnmarshaler], as [ParseLimit] reads.
func (l *Limit) UnmarshalText(text []byte) (err error) {
	*l, err = ParseLimit(string(text))
	return err
}
