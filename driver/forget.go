package driver

import (
	"context"

	"github.com/entenancy/tenancy"
)

// Forget lets go of what the driver keeps of a tenant: the pool of its own
// database, and what Config.Ready has said of it. It is for a tenant that was
// erased, and fits the Forget of package manager's LifecycleConfig. Each process
// has a driver of its own.
//
// Statements, rows and transactions that are under way go on where they began,
// and the connections close when they are done. What is asked for the tenant
// after that opens a pool anew, whatever the version of its record: one that comes
// again under the same id does not get the connections of the one before, and one
// whose database is gone is tenancy.ErrNotProvisioned.
//
// It needs no scope in ctx, is safe for concurrent use, and never fails. Of a
// tenant that the driver does not know there is nothing to forget.
func (d *Driver) Forget(_ context.Context, id tenancy.ID) error {
	d.ready.forget(id)
	if d.pools != nil {
		d.pools.forget(id)
	}
	return nil
}

func (ps *pools) forget(id tenancy.ID) {
	s := ps.shardOf(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	p := s.pools[id]
	if p == nil {
		return
	}
	ps.removeLocked(s, p)
	if p.ready.Load() {
		ps.events.replaced.Add(1)
	}
	p.retire() // those who wait for it to be opened open another
}

func (r *readiness) forget(id tenancy.ID) {
	if r == nil {
		return
	}
	s := r.shard(id)
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.known, id)
}
