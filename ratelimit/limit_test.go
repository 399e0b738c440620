package ratelimit_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/ratelimit"
)

func TestParseLimit(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]ratelimit.Limit{
		"10/s":       {Rate: 10, Period: time.Second, Burst: 10},
		"600/1m":     {Rate: 600, Period: time.Minute, Burst: 600},
		"600/m+20":   {Rate: 600, Period: time.Minute, Burst: 20},
		"1/1h30m":    {Rate: 1, Period: 90 * time.Minute, Burst: 1},
		"5/0.5s+100": {Rate: 5, Period: 500 * time.Millisecond, Burst: 100},
	} {
		got, err := ratelimit.ParseLimit(text)
		if err != nil || got != want {
			t.Errorf("%q is %v (%v), not %v", text, got, err, want)
		}
		var again ratelimit.Limit
		written, err := got.MarshalText()
		if err == nil {
			err = again.UnmarshalText(written)
		}
		if err != nil || again != want {
			t.Errorf("%q, written as %q, is read as %v (%v)", text, written, again, err)
		}
	}
	for _, text := range []string{
		"", "/", "10", "10/", "/s", "0/s", "-1/s", "x/s", "10/x", "10/-1s", "10/0s", "10/s+", "10/s+0", "10/s+-1", "10/s+x", "1e3/s",
		"10/s/s", "1/9000h", "2000001/s", "1/366h+1000000000", " 10/s", "10 / s", "9999999999999999999999/s",
	} {
		if got, err := ratelimit.ParseLimit(text); !errors.Is(err, tenancy.ErrInvalidLimit) {
			t.Errorf("%q is %v (%v), not an error", text, got, err)
		} else if text != "" && len(text) > 3 && strings.Contains(err.Error(), text) {
			t.Errorf("the error repeats %q: %v", text, err)
		}
	}
}

func TestLimitValidate(t *testing.T) {
	t.Parallel()
	for field, limit := range map[string]ratelimit.Limit{
		"Rate":             {},
		"Rate is -1":       {Rate: -1, Period: time.Second},
		"Period is 0s":     {Rate: 1},
		"Period is -1s":    {Rate: 1, Period: -time.Second},
		"Period is 10000h": {Rate: 1, Period: 10000 * time.Hour},
		"Rate is 1000001":  {Rate: 1_000_001, Period: time.Second},
		"Burst is -1":      {Rate: 1, Period: time.Second, Burst: -1},
		"Burst is 100":     {Rate: 1, Period: 1000 * time.Hour, Burst: 100},
	} {
		if err := limit.Validate(); !errors.Is(err, tenancy.ErrInvalidLimit) || !strings.Contains(err.Error(), field) {
			t.Errorf("%+v: got %v, want an error with %q", limit, err, field)
		}
	}
	for _, limit := range []ratelimit.Limit{ratelimit.PerSecond(1), ratelimit.PerMinute(600), ratelimit.PerHour(1), {Rate: 1_000_000, Period: time.Second}} {
		if err := limit.Validate(); err != nil {
			t.Errorf("%v: %v", limit, err)
		}
	}
}

func FuzzParseLimit(f *testing.F) {
	for _, seed := range []string{"10/s", "600/1m+20", "1/1h30m", "0/s", "10/s+", "1/1ns", "٣/s"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		limit, err := ratelimit.ParseLimit(text)
		if err != nil {
			if !errors.Is(err, tenancy.ErrInvalidLimit) {
				t.Errorf("%q: %v", text, err)
			}
			return
		}
		if err := limit.Validate(); err != nil {
			t.Errorf("%q is read as %+v: %v", text, limit, err)
		}
		if again, err := ratelimit.ParseLimit(limit.String()); err != nil || again != limit {
			t.Errorf("%q is %v, and that is %v (%v)", text, limit, again, err)
		}
	})
}
