package driver

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// recently is for how long a pool that was used counts as active.
	recently = int64(2 * time.Second)
	// recountEvery is how often it is looked who still is.
	recountEvery = int64(100 * time.Millisecond)
)

// fairness says how much of a budget each tenant may have. Without it, tenants
// that together want more than there is take connections from each other, and
// the server does nothing but log in.
type fairness struct {
	share   atomic.Int64 // connections for each database of an active pool
	counted atomic.Int64 // when it was last computed

	sharing  sync.Mutex
	active   []*pool
	squeezed []*pool // that may have fewer connections than they would have alone
	widening bool    // widen runs
}

// note takes account of a pool that is used now.
func (b *budget) note(p *pool, now int64) {
	late := now-b.counted.Load() > recountEvery
	if p.active.Load() && !late {
		return
	}
	if !p.active.Load() {
		b.sharing.Lock()
	} else if !b.sharing.TryLock() {
		return // somebody is at it
	}
	defer b.sharing.Unlock()
	if !p.active.Load() {
		p.active.Store(true)
		b.active = append(b.active, p)
	}
	if late {
		b.forgetLocked(now)
	}
	b.shareLocked()
}

// shareLocked computes the share of each database.
func (b *budget) shareLocked() {
	var wanting int64
	for _, p := range b.active {
		wanting += int64(len(p.dbs))
	}
	b.share.Store(int64(b.max) / max(wanting, 1))
}

// recount finds out who is active now, and returns how many are.
func (b *budget) recount(now int64) int {
	b.sharing.Lock()
	defer b.sharing.Unlock()
	b.forgetLocked(now)
	b.shareLocked()
	return len(b.active)
}

// forgetLocked leaves out who has not been active of late.
func (b *budget) forgetLocked(now int64) {
	b.counted.Store(now)
	kept := b.active[:0]
	for _, p := range b.active {
		if now-p.used.Load() < recently {
			kept = append(kept, p)
		} else {
			p.active.Store(false)
		}
	}
	clear(b.active[len(kept):])
	b.active = kept
}
