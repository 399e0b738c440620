package driver

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/replica"
)

// Replica returns a context whose queries may be answered by a replica of their
// tenant's place, and so may not see what was written a moment ago. Writes,
// locking reads and transactions go where they always do, and so do queries of
// a place that has no replica. A query by hand whose text is not plainly that of
// one SELECT counts as one that locks; what the functions in it do is not looked
// at. Whether rows that a write links to are the tenant's is asked of the primary.
// Replica does not name a tenant: ctx has to.
func Replica(ctx context.Context) context.Context { return replica.Allow(ctx) }

// pick returns one of the replicas in turn, or the primary where there are none.
func (d *Driver) pick(primary dialect.Driver, replicas []dialect.Driver) dialect.Driver {
	if len(replicas) == 0 {
		return primary
	}
	return replicas[d.turn.Add(1)%uint64(len(replicas))]
}
