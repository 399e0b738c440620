package driver

import (
	"container/list"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
)

// budget rations the connections to one server. A pool takes one for each
// connection that it opens, and gives it back when that is closed.
//
// Its mu is the last lock of all: database/sql closes connections under its own.
type budget struct {
	server string
	max    int
	parent *pools
	pools  int // that are open; guarded by parent.mu

	mu      sync.Mutex
	taken   int
	holders map[*pool]struct{} // pools that have connections
	waiting list.List          // of *waiter, first come first
	// closing is how many connections have been told to close for those who wait,
	// and have not been closed yet.
	closing    int
	reclaiming bool
	wake       chan struct{} // tells reclaim that somebody waits
	// crowd is how many wait. It is a copy, to be read without the lock for every
	// connection that is given back.
	crowd atomic.Int64

	fairness
	counts serverEvents
}

// waiter is somebody who waits for a connection.
type waiter struct {
	pool    *pool
	granted chan struct{} // closed when there is one
	since   int64
	late    bool // has waited for longer than soon
}

func newBudget(server string, parent *pools) *budget {
	b := &budget{
		server:  server,
		max:     parent.config.MaxConns,
		parent:  parent,
		holders: map[*pool]struct{}{},
		wake:    make(chan struct{}, 1),
	}
	b.share.Store(int64(b.max))
	return b
}

// take returns when the pool may open a connection, or with an error when ctx
// ends before that.
func (b *budget) take(ctx context.Context, p *pool) error {
	b.mu.Lock()
	if b.taken < b.max { // and so nobody waits
		b.taken++
		b.grantLocked(p)
		b.mu.Unlock()
		return nil
	}
	w := &waiter{pool: p, granted: make(chan struct{}), since: b.parent.now()}
	place := b.enqueueLocked(w)
	start := !b.reclaiming
	b.reclaiming = true
	b.mu.Unlock()
	if start {
		b.parent.background(b.reclaim)
	} else {
		b.nudge()
	}
	select {
	case <-w.granted:
		return nil
	case <-ctx.Done():
		b.abandon(w, place)
		return fmt.Errorf("driver: waiting for one of the %d connections to the tenant's server: %w", b.max, ctx.Err())
	case <-b.parent.done:
		b.abandon(w, place)
		return errClosed
	}
}

// abandon gives up waiting. What was granted in the meantime is given on.
func (b *budget) abandon(w *waiter, place *list.Element) {
	b.mu.Lock()
	select {
	case <-w.granted:
		b.giveLocked(w.pool)
	default:
		b.dequeueLocked(place)
	}
	b.mu.Unlock()
	w.pool.gaveBack()
}

func (b *budget) enqueueLocked(w *waiter) *list.Element {
	w.pool.wanting++
	b.counts.waits.Add(1)
	b.crowd.Add(1)
	return b.waiting.PushBack(w)
}

func (b *budget) dequeueLocked(place *list.Element) *waiter {
	w := b.waiting.Remove(place).(*waiter)
	if !w.late {
		w.pool.wanting--
	}
	b.crowd.Add(-1)
	return w
}

// give gives back a connection of the pool that is closed, to whoever has
// waited longest. claimed says that it was closed for somebody, by claim.
func (b *budget) give(p *pool, claimed bool) {
	b.mu.Lock()
	if claimed {
		b.closing--
	}
	b.giveLocked(p)
	b.mu.Unlock()
	p.gaveBack()
}

func (b *budget) giveLocked(p *pool) {
	if p.conns.Add(-1) == 0 {
		delete(b.holders, p)
	}
	if first := b.waiting.Front(); first != nil {
		w := b.dequeueLocked(first)
		b.grantLocked(w.pool)
		close(w.granted)
	} else {
		b.taken--
	}
}

func (b *budget) grantLocked(p *pool) {
	p.conns.Add(1)
	b.holders[p] = struct{}{}
}

// claim reports whether a connection of the pool that could be kept has to be
// closed for somebody who waits. As many are as wait, and no more.
//
// Who waits for the same pool does not count at first. A busy tenant always has
// somebody waiting while it may have one more connection and there is none: it
// would close the one that it has and open another, time and again. But who is
// late counts, since the pool's connections may go to others for ever.
func (b *budget) claim(p *pool) bool {
	if b.crowd.Load() == 0 {
		return false
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claimLocked(p.wanting)
}

// claimLocked takes it on to close a connection, if more wait than are closing.
func (b *budget) claimLocked(except int) bool {
	if b.waiting.Len()-except <= b.closing {
		return false
	}
	b.closing++
	return true
}

// unused reports whether no connection is open and nobody waits for one.
func (b *budget) unused() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.taken == 0
}
