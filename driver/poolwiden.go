package driver

import (
	"context"
	"database/sql"
	"errors"
	"maps"
	"slices"
	"time"
)

// widenLater has widen look after a pool, whose share is smaller than it would be alone.
func (b *budget) widenLater(p *pool) {
	b.sharing.Lock()
	if !p.squeezed.Swap(true) {
		b.squeezed = append(b.squeezed, p)
	}
	start := !b.widening
	b.widening = true
	b.sharing.Unlock()
	if start {
		b.parent.background(b.widen)
	}
}

// widen gives pools more connections when there are fewer active ones to share
// with. Who asks for a connection finds that out, but who waits for one asks no
// more. One runs for a server at a time, for as long as a squeezed pool has
// a statement.
func (b *budget) widen() {
	tick := time.NewTicker(time.Duration(recountEvery))
	defer tick.Stop()
	for {
		squeezed := b.stillSqueezed()
		if len(squeezed) == 0 {
			return
		}
		b.recount(b.parent.now())
		for _, p := range squeezed {
			p.widen()
		}
		select {
		case <-tick.C:
		case <-b.parent.done:
			return
		}
	}
}

// stillSqueezed returns the pools that widen has to go on with. A pool that is left out
// comes back with its next statement: that has its lease and its limit before it
// looks at squeezed, and here squeezed is reset before those are looked at.
func (b *budget) stillSqueezed() []*pool {
	b.sharing.Lock()
	defer b.sharing.Unlock()
	kept := b.squeezed[:0]
	for _, p := range b.squeezed {
		p.squeezed.Store(false)
		if p.leased() && p.wants() {
			p.squeezed.Store(true)
			kept = append(kept, p)
		}
	}
	clear(b.squeezed[len(kept):])
	b.squeezed = kept
	b.widening = len(kept) > 0
	return append([]*pool(nil), kept...)
}

// widen gives the pool what it may have more.
func (p *pool) widen() {
	p.limits.Lock()
	defer p.limits.Unlock()
	if share := p.fairShare(); share > p.limited.Load() {
		p.limit(share)
	}
	p.serve()
}

// hasRoom reports whether a connection can be had: there are fewer than there may be,
// or one is idle.
func (b *budget) hasRoom() bool {
	b.mu.Lock()
	full, holders := b.taken >= b.max, slices.Collect(maps.Keys(b.holders))
	b.mu.Unlock()
	return !full || slices.ContainsFunc(holders, (*pool).hasIdle)
}

func (p *pool) hasIdle() bool {
	return slices.ContainsFunc(p.dbs, func(db *sql.DB) bool { return db.Stats().Idle > 0 })
}

// serveTimeout is for how long serveWaiting may itself wait for a connection.
const serveTimeout = time.Second

// serving marks the context of serveWaiting, whose connection is not to be opened.
type serving struct{}

var errServing = errors.New("driver: no connection is to be opened, but those that others wait for")

// serveWaiting has database/sql open connections for the statements that wait for
// one of a database that may have more of them now: as many as wait, and may be. It
// does that when one could not be opened, and not when it is allowed more. If there
// is an idle one, nobody waits.
func serveWaiting(ctx context.Context, db *sql.DB) {
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, serving{}, true), serveTimeout)
	defer cancel()
	if conn, err := db.Conn(ctx); err == nil {
		_ = conn.Close() // which gives it to who waits, if somebody does now
	}
}
