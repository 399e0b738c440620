package pause_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/entenancy/tenancy/internal/pause"
)

func TestFor(t *testing.T) {
	t.Parallel()
	began := time.Now()
	if err := pause.For(t.Context(), 10*time.Millisecond); err != nil || time.Since(began) < 10*time.Millisecond {
		t.Errorf("got %v after %s", err, time.Since(began))
	}
	why := errors.New("enough")
	ctx, end := context.WithCancelCause(t.Context())
	end(why)
	if err := pause.For(ctx, time.Hour); !errors.Is(err, why) {
		t.Errorf("got %v from a context that is over", err)
	}
}
