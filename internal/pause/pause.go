// Package pause waits between two tries.
package pause

import (
	"context"
	"time"
)

// For waits, or returns what ended the context.
func For(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-timer.C:
		return nil
	}
}
