package registry

import (
	"context"
	"log/slog"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/internal/pause"
)

// outage is the circuit breaker of a RedisCache. The first failure opens it,
// and a goroutine closes it once Redis works again and has heard of all that
// was changed meanwhile. So no lookup is spent on trying, and none finds an
// entry that this process knows to be old.
type outage struct {
	retryAfter time.Duration
	log        *slog.Logger
	raise      func(ctx context.Context, versions map[tenancy.ID]int64) error
	probe      func(ctx context.Context) error

	count atomic.Uint64
	down  atomic.Bool // changed with mu held

	mu      sync.Mutex
	pending map[tenancy.ID]int64
	late    map[*lateListener]bool // who hears of what was pending

	life context.Context // of the goroutine
	end  context.CancelFunc
	busy sync.WaitGroup
}

type lateListener struct{ hear func([]tenancy.ID) }

func (o *outage) onLate(hear func([]tenancy.ID)) (stop func()) {
	listener := &lateListener{hear}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.late[listener] = true
	return func() {
		o.mu.Lock()
		defer o.mu.Unlock()
		delete(o.late, listener)
	}
}

// close ends the goroutine. What fails from then on is not tried again.
func (o *outage) close() {
	o.mu.Lock()
	o.end()
	o.mu.Unlock()
	o.busy.Wait()
}

// try calls do, unless Redis fails. An error opens the breaker, unless it is
// the caller's context that is over.
func (o *outage) try(ctx context.Context, do func(ctx context.Context) error) {
	if o.down.Load() {
		return
	}
	if err := do(ctx); isFailure(err) && ctx.Err() == nil {
		o.begin(ctx, err)
	}
}

// deliver tells Redis of the versions of tenants that were changed: now, or as
// soon as it works again.
func (o *outage) deliver(ctx context.Context, versions map[tenancy.ID]int64) {
	for len(versions) > 0 && !o.postpone(versions) {
		err := o.raise(ctx, versions)
		if err == nil {
			return
		}
		o.begin(ctx, err)
	}
}

// postpone reports false if Redis works.
func (o *outage) postpone(versions map[tenancy.ID]int64) bool {
	o.mu.Lock()
	defer o.mu.Unlock()
	if !o.down.Load() {
		return false
	}
	if o.pending == nil {
		o.pending = map[tenancy.ID]int64{}
	}
	for id, version := range versions {
		o.pending[id] = max(o.pending[id], version)
	}
	return true
}

func (o *outage) begin(ctx context.Context, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.down.Load() {
		return
	}
	o.down.Store(true)
	o.count.Add(1)
	if o.life.Err() == nil {
		o.busy.Go(o.wait)
	}
	o.log.WarnContext(ctx, "tenancy: registry: Redis fails: tenants are read from the store", slog.Any("error", err))
}

// wait returns when Redis works again.
func (o *outage) wait() {
	for pause.For(o.life, o.retryAfter) == nil {
		if o.isOver() {
			return
		}
	}
}

// isOver reports whether Redis works again. The store is asked which registry it is, and
// caches above are told: what panics of an application's own is tried again like any
// failure, because nobody could recover in this goroutine.
func (o *outage) isOver() (over bool) {
	var failed error // over says it
	defer panicked.As(&failed, "the store")
	if o.probe(o.life) != nil || !o.caughtUp() {
		return false
	}
	o.log.InfoContext(o.life, "tenancy: registry: Redis works again")
	return true
}

// caughtUp delivers what is pending, and closes the breaker if that was all.
func (o *outage) caughtUp() bool {
	o.mu.Lock()
	versions := maps.Clone(o.pending)
	o.mu.Unlock()
	if o.raise(o.life, versions) != nil {
		return false
	}
	o.tellLate(slices.Collect(maps.Keys(versions)))
	o.mu.Lock()
	defer o.mu.Unlock()
	maps.DeleteFunc(o.pending, func(id tenancy.ID, version int64) bool { return versions[id] == version })
	if len(o.pending) > 0 {
		return false
	}
	o.down.Store(false)
	return true
}

func (o *outage) tellLate(ids []tenancy.ID) {
	if len(ids) == 0 {
		return
	}
	o.mu.Lock()
	listeners := slices.Collect(maps.Keys(o.late))
	o.mu.Unlock()
	for _, listener := range listeners {
		listener.hear(ids)
	}
}
