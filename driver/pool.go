package driver

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"math"
	"sync"
	"sync/atomic"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// pool is the connections of one tenant to one place.
type pool struct {
	driver   dialect.Driver
	replicas []*replicaDriver

	pools   *pools
	tenant  tenancy.Tenant // who and where, and nothing else
	version atomic.Int64   // the newest record that named this place
	opening
	ready  atomic.Bool // what follows is there, and does not change
	budget *budget
	dbs    []*sql.DB // the tenant's database, then its replicas

	connectors []sqldriver.Connector // of dbs

	leases atomic.Int64 // less retired, once it is
	once   sync.Once    // closes dbs
	shut   atomic.Bool  // dbs are closed
	last   sync.Once    // closes connectors
	used   atomic.Int64 // when it was last leased, by pools.now
	conns  atomic.Int64 // to the server; changed by the budget
	closed atomic.Int64 // connections that were closed so far
	active atomic.Bool  // counts for the fair share; changed by the budget
	// wanting is how many wait for a connection and are not late. The budget's.
	wanting int

	limits   sync.Mutex
	limited  atomic.Int64 // connections that each of dbs may have
	unserved atomic.Bool  // some may wait for a connection that limited allows and the server had not
	squeezed atomic.Bool  // is looked after by widen; changed by the budget
}

// retired is added to the leases of a pool that is to close with the last one.
const retired = math.MinInt64 / 2

func newPool(ps *pools, t tenancy.Tenant) *pool {
	p := &pool{
		pools:   ps,
		tenant:  tenancy.Tenant{ID: t.ID, Identifier: t.Identifier, Isolation: t.Isolation, Placement: t.Placement},
		opening: opening{opened: make(chan struct{})},
	}
	p.version.Store(t.Version)
	p.used.Store(ps.now())
	p.leases.Store(1) // of who opens it
	return p
}

// serves reports whether the pool is of the place that the tenant's record
// names. The tenant itself is known to be the same.
func (p *pool) serves(t *tenancy.Tenant) bool { return samePlace(&p.tenant, t) }

// outdates reports whether a record is known to be older than the pool's.
func (p *pool) outdates(t *tenancy.Tenant) bool {
	return t.Version != 0 && t.Version < p.version.Load()
}

// saw remembers the version of a record that names this place.
func (p *pool) saw(version int64) {
	for {
		newest := p.version.Load()
		if version <= newest || p.version.CompareAndSwap(newest, version) {
			return
		}
	}
}

// leased reports whether a statement has a lease, and so may wait for a connection.
func (p *pool) leased() bool {
	n := p.leases.Load()
	return n != 0 && n != retired
}

// acquire takes a lease, unless the pool is retired.
func (p *pool) acquire() bool {
	if p.leases.Add(1) > 0 {
		return true
	}
	p.release()
	return false
}

// release gives a lease back.
func (p *pool) release() {
	if p.leases.Add(-1) == retired {
		p.finish()
	}
}

// retire has the pool close when nobody has a lease on it any more. It has to
// be out of its shard, and is retired once.
func (p *pool) retire() {
	if p.leases.Add(retired) == retired {
		p.finish()
	}
}

// finish closes a retired pool without making anybody wait for it.
func (p *pool) finish() {
	if p.dbs != nil {
		p.pools.background(func() { _ = p.closeNow() })
	}
}

func (p *pool) closeNow() (err error) {
	p.once.Do(func() {
		for _, db := range p.dbs {
			err = errors.Join(err, db.Close())
		}
		p.pools.mu.Lock()
		p.budget.pools--
		p.pools.mu.Unlock()
		p.shut.Store(true)
		err = errors.Join(err, p.closeConnectors())
	})
	return err
}

// gaveBack closes the connectors of a closed pool with its last connection.
func (p *pool) gaveBack() {
	if p.shut.Load() {
		p.pools.background(func() { _ = p.closeConnectors() })
	}
}

// closeConnectors closes the connectors that can be, when the pool is closed and none
// of its connections is left.
func (p *pool) closeConnectors() (err error) {
	if !p.shut.Load() || p.conns.Load() > 0 {
		return nil
	}
	p.last.Do(func() {
		for _, connector := range p.connectors {
			if closer, ok := connector.(io.Closer); ok {
				err = errors.Join(err, closer.Close())
			}
		}
	})
	return err
}

// use notes that the pool is used, and keeps its connections to its fair share.
func (p *pool) use(now int64) {
	p.used.Store(now)
	p.budget.note(p, now)
	if share := p.fairShare(); share != p.limited.Load() && p.limits.TryLock() { // who has the lock sees to it, or the next lease does
		p.limit(share)
		p.limits.Unlock()
	}
	if p.wants() && !p.squeezed.Load() {
		p.budget.widenLater(p)
	}
}

// wants reports whether those who wait may be served by and by.
func (p *pool) wants() bool { return p.limited.Load() < p.wholeShare() || p.unserved.Load() }

// fairShare is how many connections each of the pool's databases may have now.
func (p *pool) fairShare() int64 { return max(1, min(p.wholeShare(), p.budget.share.Load())) }

// wholeShare is how many each may have while there are enough for all.
func (p *pool) wholeShare() int64 {
	return max(1, int64(min(p.pools.config.MaxConnsPerTenant, p.budget.max)/len(p.dbs)))
}

// limit holds each database to n connections. The caller holds limits.
func (p *pool) limit(n int64) {
	before := p.limited.Swap(n)
	for _, db := range p.dbs {
		if 0 < before && before < n && db.Stats().OpenConnections >= int(before) { // somebody may wait
			p.unserved.Store(true)
		}
		db.SetMaxOpenConns(int(n))
		db.SetMaxIdleConns(int(n))
	}
	p.serve()
}

// serve has connections opened for those who wait, if there can be some: otherwise the
// pool would close its own ones, which those who wait would get, to open others.
func (p *pool) serve() {
	if !p.unserved.Load() || !p.budget.hasRoom() {
		return
	}
	p.unserved.Store(false)
	for _, db := range p.dbs {
		p.pools.background(func() { serveWaiting(p.pools.life, db) })
	}
}

// closeIdle closes an idle connection of the pool and reports whether it did.
// It may close another one that was given back just then.
func (p *pool) closeIdle() bool {
	p.limits.Lock()
	defer p.limits.Unlock()
	before := p.closed.Load()
	for _, db := range p.dbs {
		idle := db.Stats().Idle
		if idle == 0 {
			continue
		}
		db.SetMaxIdleConns(idle - 1)
		db.SetMaxIdleConns(int(p.limited.Load()))
		if p.closed.Load() != before {
			return true
		}
	}
	return false
}

// inUse reports whether somebody uses a connection of the pool.
func (p *pool) inUse() bool {
	for _, db := range p.dbs {
		if db.Stats().InUse > 0 {
			return true
		}
	}
	return false
}
