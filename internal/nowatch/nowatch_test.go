package nowatch_test

import (
	"context"
	"testing"

	"github.com/entenancy/tenancy/internal/nowatch"
)

func TestContext(t *testing.T) {
	t.Parallel()
	type key struct{}
	inner, cancel := context.WithCancel(context.WithValue(t.Context(), key{}, "value"))
	ctx := nowatch.New(inner)
	if ctx.Done() != inner.Done() || ctx.Value(key{}) != "value" {
		t.Error("it is another context before anybody has taken it")
	}
	watched, taken := nowatch.Take(ctx)
	if watched != inner || taken == nil || ctx.Done() != nil {
		t.Error("it still seems to be able to end, and the taker does not get the one that can")
	}
	cancel()
	if ctx.Err() != context.Canceled {
		t.Error("it does not say that it is over")
	}
	taken.GiveBack()
	if ctx.Done() != inner.Done() {
		t.Error("it cannot end when it was given back")
	}
}

func TestContextThatIsNone(t *testing.T) {
	t.Parallel()
	if ctx := context.WithoutCancel(t.Context()); nowatch.New(ctx) != ctx {
		t.Error("a context that cannot end anyway was wrapped")
	}
	ctx, taken := nowatch.Take(t.Context())
	if ctx != t.Context() || taken != nil {
		t.Error("another context was taken")
	}
	taken.GiveBack()
}
