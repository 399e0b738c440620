package registry

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/internal/pause"
)

// publishTimeout is how long a change waits for the other processes to be told.
const publishTimeout = time.Second

// outbox publishes what a cache has invalidated, and keeps what could not be
// published until it can: a change that was made does not fail because others
// cannot be told.
type outbox struct {
	cache    *Cache
	failures counter

	mu      sync.Mutex
	failing bool         // since the last attempt, and a goroutine tries again
	pending Invalidation // what it has not tried yet
}

// publish tells the other processes now, or leaves it to the goroutine that
// tries again if there is one.
func (o *outbox) publish(ctx context.Context, inv Invalidation) {
	if o.leave(inv) {
		return
	}
	ctx = context.WithoutCancel(ctx) // the change was made, even if its caller has gone
	err := o.attempt(ctx, inv)
	if err == nil {
		return
	}
	o.failures.add(1)
	o.mu.Lock()
	first := !o.failing
	o.failing, o.pending = true, o.pending.and(inv)
	o.mu.Unlock()
	if first {
		o.cache.cfg.Logger.WarnContext(ctx, "tenancy: registry: other processes cannot be told of changes", slog.Any("error", err))
		o.cache.start(o.retry)
	}
}

// leave adds inv to what is pending, and reports false if no one is at it.
func (o *outbox) leave(inv Invalidation) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.failing {
		o.pending = o.pending.and(inv)
	}
	return o.failing
}

// retry publishes what is pending, until nothing is or the cache is closed.
func (o *outbox) retry() {
	wait := firstWait
	for pause.For(o.cache.life, wait) == nil {
		inv, more := o.take()
		if !more {
			o.cache.cfg.Logger.InfoContext(o.cache.life, "tenancy: registry: other processes have been told of all changes")
			return
		}
		if o.attempt(o.cache.life, inv) == nil {
			wait = firstWait
			continue
		}
		o.leave(inv)
		wait = min(2*wait, maxWait)
	}
}

func (o *outbox) take() (inv Invalidation, more bool) {
	o.mu.Lock()
	defer o.mu.Unlock()
	inv, o.pending = o.pending, Invalidation{Origin: o.cache.origin}
	o.failing = inv.All || inv.named() > 0
	return inv, o.failing
}

func (o *outbox) attempt(ctx context.Context, inv Invalidation) (err error) {
	defer panicked.As(&err, "Invalidations.Publish")
	ctx, cancel := context.WithTimeout(ctx, publishTimeout)
	defer cancel()
	return o.cache.cfg.Invalidations.Publish(ctx, inv)
}
