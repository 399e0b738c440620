package driver

import (
	"cmp"
	"slices"
	"sync/atomic"
)

// Stats is what the pools of tenants' own databases are at, and what has
// happened to them since the driver was made. It is for metrics: it names no
// tenant.
type Stats struct {
	// Pools is how many are open now.
	Pools int `json:"pools"`
	// Opened counts the pools that were opened, each time.
	Opened int64 `json:"opened"`
	// Expired counts those that were closed for not being used.
	Expired int64 `json:"expired"`
	// Evicted counts those that were closed to make room for others.
	Evicted int64 `json:"evicted"`
	// Replaced counts those that were closed because their tenant's place changed, or
	// because of [Driver.Forget].
	Replaced int64 `json:"replaced"`
	// Servers has the servers that have pools, by name.
	Servers []ServerStats `json:"servers"`
}

// ServerStats is what the connections to one server are at.
type ServerStats struct {
	// Server is its name, from [Database].
	Server string `json:"server"`
	// MaxConns is how many connections there may be.
	MaxConns int `json:"max_conns"`
	// Open is how many there are, with those that are being opened or closed now.
	Open int `json:"open"`
	// Idle is how many of them nobody uses.
	Idle int `json:"idle"`
	// Waiting is how many statements wait for one because there are no more.
	Waiting int `json:"waiting"`
	// Pools is how many pools there are, with those that are closing.
	Pools int `json:"pools"`
	// Active is how many of them were used in the last moments.
	Active int `json:"active"`
	// Opened counts the connections that were opened.
	Opened int64 `json:"opened"`
	// Waits counts the connections that had to be waited for.
	Waits int64 `json:"waits"`
	// Reclaimed counts the idle connections that were closed for somebody who
	// waited, and Yielded those that were closed for one when given back. If they
	// grow with every statement, MaxConns is too small for the active tenants.
	Reclaimed int64 `json:"reclaimed"`
	Yielded   int64 `json:"yielded"`
}

type events struct{ opened, expired, evicted, replaced atomic.Int64 }

type serverEvents struct{ opened, waits, reclaimed, yielded atomic.Int64 }

// Stats returns what the tenants' own databases are at. It is zero where there
// are none. Home, System and Replicas have statistics of their own.
func (d *Driver) Stats() Stats {
	if d.pools == nil {
		return Stats{}
	}
	return d.pools.stats()
}

func (ps *pools) stats() Stats {
	s := Stats{
		Pools:    int(ps.count.Load()),
		Opened:   ps.events.opened.Load(),
		Expired:  ps.events.expired.Load(),
		Evicted:  ps.events.evicted.Load(),
		Replaced: ps.events.replaced.Load(),
	}
	ps.mu.Lock()
	servers := make([]*budget, 0, len(ps.servers))
	for _, b := range ps.servers {
		servers = append(servers, b)
		s.Servers = append(s.Servers, ServerStats{Server: b.server, Pools: b.pools})
	}
	ps.mu.Unlock()
	for i, b := range servers {
		b.stats(&s.Servers[i])
	}
	slices.SortFunc(s.Servers, func(a, b ServerStats) int { return cmp.Compare(a.Server, b.Server) })
	return s
}

func (b *budget) stats(s *ServerStats) {
	for _, p := range b.holding() {
		for _, db := range p.dbs {
			s.Idle += db.Stats().Idle
		}
	}
	b.mu.Lock()
	s.MaxConns, s.Open, s.Waiting = b.max, b.taken, b.waiting.Len()
	b.mu.Unlock()
	s.Active = b.recount(b.parent.now())
	s.Opened, s.Waits = b.counts.opened.Load(), b.counts.waits.Load()
	s.Reclaimed, s.Yielded = b.counts.reclaimed.Load(), b.counts.yielded.Load()
}
