package driver

import "time"

// The time between two looks for connections that have become idle, while
// somebody waits for one. Each connection that is given back is asked, by its
// IsValid. But there are two ways into a pool past that question: a connection
// that was asked just before somebody began to wait, and one that database/sql
// has opened for a statement whose context has ended since.
const (
	reclaimFirst = time.Millisecond
	reclaimLast  = 20 * time.Millisecond
)

// soon is for how long a pool is not asked to close connections for those who
// wait for another one of its own.
const soon = int64(20 * time.Millisecond)

// reclaim closes idle connections while somebody waits, those of the least
// recently used pools first. One runs for a server at a time, for as long as
// somebody waits.
func (b *budget) reclaim() {
	pause := reclaimFirst
	timer := time.NewTimer(pause)
	defer timer.Stop()
	for b.somebodyWaits() {
		if b.mayReclaim() && b.reclaimed(b.closeIdle()) {
			pause = reclaimFirst
			continue
		}
		timer.Reset(pause)
		select {
		case <-timer.C:
			pause = min(2*pause, reclaimLast)
		case <-b.wake:
			pause = reclaimFirst
		case <-b.parent.done:
			return
		}
	}
}

// somebodyWaits reports whether reclaim has to go on. The next who waits starts
// it again.
func (b *budget) somebodyWaits() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.reclaiming = b.waiting.Len() > 0
	b.ageLocked(b.parent.now())
	return b.reclaiming
}

// ageLocked finds out who is late.
func (b *budget) ageLocked(now int64) {
	for place := b.waiting.Front(); place != nil; place = place.Next() {
		w := place.Value.(*waiter)
		if now-w.since < soon {
			return
		}
		if !w.late {
			w.late = true
			w.pool.wanting--
		}
	}
}

// mayReclaim takes it on to close a connection, if enough are not closing yet.
func (b *budget) mayReclaim() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.claimLocked(0)
}

// reclaimed ends what mayReclaim has taken on.
func (b *budget) reclaimed(closed bool) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if closed {
		b.counts.reclaimed.Add(1)
	}
	b.closing--
	return closed
}

// nudge tells reclaim to look again.
func (b *budget) nudge() {
	select {
	case b.wake <- struct{}{}:
	default: // it has been told
	}
}

// closeIdle closes an idle connection and reports whether there was one.
func (b *budget) closeIdle() bool {
	for _, p := range b.parent.byUse(b.holding()) {
		if p.closeIdle() {
			return true
		}
	}
	return false
}

// holding returns the pools that have connections.
func (b *budget) holding() []*pool {
	b.mu.Lock()
	defer b.mu.Unlock()
	pools := make([]*pool, 0, len(b.holders))
	for p := range b.holders {
		pools = append(pools, p)
	}
	return pools
}
