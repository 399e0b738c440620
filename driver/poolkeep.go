package driver

import (
	"cmp"
	"slices"
	"time"
)

// keep closes pools that are no longer used, until the driver is closed.
// Connections that are no longer used are closed by database/sql.
func (ps *pools) keep() {
	tick := time.NewTicker(max(ps.config.MaxIdleTime/2, time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			ps.expire(ps.now())
		case <-ps.done:
			return
		}
	}
}

// expire closes pools that have been without use and without connections, and
// forgets servers that have no pools.
func (ps *pools) expire(now int64) {
	for _, p := range ps.all() {
		expired := func() bool {
			return now-p.used.Load() >= int64(ps.config.MaxIdleTime) && p.leases.Load() == 0 && p.conns.Load() == 0
		}
		if expired() && ps.remove(p, expired) {
			ps.events.expired.Add(1)
			p.retire()
		}
	}
	ps.mu.Lock()
	defer ps.mu.Unlock()
	for name, b := range ps.servers {
		if b.pools == 0 && b.unused() {
			delete(ps.servers, name)
		}
	}
}

// makeRoom closes the least recently used pools where there are too many, and a
// few more, since finding them takes a look at all of them.
func (ps *pools) makeRoom() {
	if ps.excess() <= 0 {
		return
	}
	ps.room.Lock()
	defer ps.room.Unlock()
	excess := ps.excess()
	if excess <= 0 {
		return
	}
	excess += ps.config.MaxPools / 100
	for _, p := range ps.byUse(ps.all()) {
		free := func() bool { return p.leases.Load() == 0 && !p.inUse() }
		if ps.remove(p, free) {
			ps.events.evicted.Add(1)
			p.retire()
			excess--
		}
		if excess == 0 {
			return
		}
	}
}

func (ps *pools) excess() int { return int(ps.count.Load()) - ps.config.MaxPools }

// byUse sorts pools so that the least recently used comes first.
func (ps *pools) byUse(all []*pool) []*pool {
	type use struct {
		p  *pool
		at int64 // it may change while they are sorted
	}
	uses := make([]use, len(all))
	for i, p := range all {
		uses[i] = use{p, p.used.Load()}
	}
	slices.SortFunc(uses, func(a, b use) int { return cmp.Compare(a.at, b.at) })
	for i := range uses {
		all[i] = uses[i].p
	}
	return all
}
