package ratelimit

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// answer is what a limiter says.
type answer struct {
	result Result
	err    error
}

// ask asks the limiter in a goroutine of its own, and sends one answer: the limiter's,
// or when the Timeout is over that there was none. Many clients of Redis go on reading
// when their context is over, so that a caller must not be the one who waits for them.
// The context is not the caller's: what is noted of the limiter is to be about it alone.
func (f *Fallback) ask(ctx context.Context, key string, limit Limit) <-chan answer {
	answered := make(chan answer, 1)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), f.cfg.Timeout)
	note := func(got answer) {
		f.note(ctx, got.err)
		answered <- got
	}
	inTime := context.AfterFunc(ctx, func() { note(answer{err: tooLate(f.cfg.Timeout)}) })
	go func() {
		defer cancel()
		got := f.call(ctx, key, limit)
		if inTime() {
			note(got)
		}
	}()
	return answered
}

func tooLate(after time.Duration) error {
	return fmt.Errorf("%w: no answer within %v", tenancy.ErrLimiterUnavailable, after)
}

func (f *Fallback) call(ctx context.Context, key string, limit Limit) (got answer) {
	defer panicked.As(&got.err, "the limiter")
	got.result, got.err = f.limiter.Allow(ctx, key, limit)
	return got
}

// note keeps what an answer says about the limiter. It is called in goroutines of the
// Fallback's own, where a logger that panics would end the program.
func (f *Fallback) note(ctx context.Context, err error) {
	var lost error // nobody is left who could be told
	defer panicked.As(&lost, "the logger")
	switch {
	case err == nil:
		f.back(ctx)
	case !errors.Is(err, tenancy.ErrInvalidLimit):
		f.away(ctx, err)
	}
}
