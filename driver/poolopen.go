package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
)

// opening is the part of a pool that those who wait for it share.
type opening struct {
	opened  chan struct{} // closed when the pool is ready or err is set
	err     error
	cancel  context.CancelFunc
	waiting int // guarded by shard.mu; of no meaning once opened
}

// open returns the tenant's pool when it is open. Whoever comes first has it
// opened, in a goroutine of its own, so that each of those who wait can go when
// its context ends and the others have their pool all the same.
func (ps *pools) open(ctx context.Context, s *shard, t tenancy.Tenant) (*pool, error) {
	p, err := ps.join(ctx, s, t)
	if err != nil {
		return nil, err
	}
	select {
	case <-p.opened:
		return p, p.err
	case <-ctx.Done():
		ps.leave(s, p)
		return nil, fmt.Errorf("driver: waiting for the database of %s to be opened: %w", t, ctx.Err())
	}
}

// join returns the pool to wait for, which is a new one if none serves the tenant.
func (ps *pools) join(ctx context.Context, s *shard, t tenancy.Tenant) (*pool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return nil, errClosed
	}
	current := s.pools[t.ID]
	switch {
	case current == nil:
		ps.count.Add(1)
	case current.serves(&t):
		current.waiting++
		current.saw(t.Version)
		return current, nil
	case current.outdates(&t):
		return nil, fmt.Errorf("driver: %w: %s: its record is out of date, and its place has changed since: read the tenant again",
			tenancy.ErrInvalidPlacement, t)
	default:
		ps.events.replaced.Add(1)
		current.retire()
	}
	p := newPool(ps, t)
	ctx, p.cancel = context.WithCancel(context.WithoutCancel(ctx))
	p.waiting = 1
	s.pools[t.ID] = p
	ps.keeper.Do(func() { ps.background(ps.keep) })
	go ps.fill(ctx, p, t)
	return p, nil
}

// leave gives up waiting. Nobody is there for a pool that all have left, and
// whoever comes next begins anew.
func (ps *pools) leave(s *shard, p *pool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	p.waiting--
	if p.waiting > 0 || p.ready.Load() {
		return
	}
	p.cancel()
	if s.pools[p.tenant.ID] == p { // and not replaced or forgotten
		ps.removeLocked(s, p)
		p.retire()
	}
}

// fill opens a new pool. It holds a lease while it does, so that one that was
// retired in the meantime closes when it is done.
func (ps *pools) fill(ctx context.Context, p *pool, t tenancy.Tenant) {
	defer p.release()
	defer p.cancel()
	defer close(p.opened)
	database, err := ps.ask(ctx, t)
	if err != nil {
		p.err = fmt.Errorf("driver: opening the database of %s: %w", t, err)
		ps.remove(p, func() bool { return true })
		return
	}
	p.connect(database)
	ps.makeRoom()
	ps.events.opened.Add(1)
	p.ready.Store(true)
}

// ask calls Open. A panic there must not take the application down from a
// goroutine that none of its handlers can recover in.
func (ps *pools) ask(ctx context.Context, t tenancy.Tenant) (database Database, err error) {
	defer panicked.As(&err, "Databases.Open")
	if database, err = ps.config.Open(ctx, t); err != nil {
		return Database{}, err
	}
	return database, database.validate()
}

// connect gives a pool its databases. None of them connects yet.
func (p *pool) connect(d Database) {
	p.budget = p.pools.serverOf(d.Server)
	add := func(c sqldriver.Connector) dialect.Driver {
		db := sql.OpenDB(&connector{Connector: c, pool: p})
		db.SetConnMaxIdleTime(p.pools.config.MaxIdleTime)
		p.dbs, p.connectors = append(p.dbs, db), append(p.connectors, c)
		return entsql.OpenDB(p.pools.dialect, db)
	}
	p.driver = add(d.Connector)
	for _, replica := range d.Replicas {
		p.replicas = append(p.replicas, &replicaDriver{Driver: add(replica)})
	}
	p.limit(p.fairShare())
}
