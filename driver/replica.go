package driver

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

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
//
// Where a replica cannot be connected to, nothing was sent, and the primary answers
// in its place. For the next five seconds the replica is not asked, and then by one
// query; one that is cancelled meanwhile says nothing about the replica. Any other error
// of a replica is the query's, also that of a connection that breaks, and who waits for
// one that takes connections and says nothing waits until its context ends.
func Replica(ctx context.Context) context.Context { return replica.Allow(ctx) }

// replicaRest is for how long a replica is not asked that could not be connected to.
const replicaRest = 5 * time.Second

// replicaDriver is a replica of a place.
type replicaDriver struct {
	dialect.Driver
	ready func() bool  // nil if it always is
	rests atomic.Int64 // until when it is not asked, in Unix nanoseconds, 0 for one that has answered
}

// replicasOf are the replicas of the home.
func replicasOf(config Config) []*replicaDriver {
	all := make([]*replicaDriver, 0, len(config.Replicas))
	for i, d := range config.Replicas {
		rep := &replicaDriver{Driver: d}
		if config.ReplicaReady != nil {
			rep.ready = func() bool { return config.ReplicaReady(i) }
		}
		all = append(all, rep)
	}
	return all
}

// pick directs a route to one of the replicas in turn, if any may be asked.
func (d *Driver) pick(r *route, replicas []*replicaDriver) {
	if len(replicas) == 0 {
		return
	}
	turn := d.turn.Add(1)
	for range replicas {
		rep := replicas[turn%uint64(len(replicas))]
		if probe, ok := rep.tryAsk(); ok {
			r.primary, r.replica, r.probe, r.driver = r.driver, rep, probe, rep.Driver
			return
		}
		turn++
	}
}

// tryAsk reports whether a query may go to the replica: any if it has answered the
// last one, and one at a time to find out whether it is back. For that one, probe is
// until when no other is sent.
func (rep *replicaDriver) tryAsk() (probe int64, ok bool) {
	if rep.ready != nil && !rep.ready() {
		return 0, false
	}
	until := rep.rests.Load()
	if until == 0 {
		return 0, true
	}
	now := time.Now()
	probe = now.Add(replicaRest).UnixNano()
	return probe, now.UnixNano() >= until && rep.rests.CompareAndSwap(until, probe)
}

// cancelProbe takes back a query that has found nothing out. If it was the probe, the next
// query is.
func (rep *replicaDriver) cancelProbe(probe int64) {
	if probe != 0 {
		rep.rests.CompareAndSwap(probe, 1) // a time that is over
	}
}

// redirectToPrimary directs the route of a query to the primary, and reports true, if
// err says that the replica was not reached. A caller who has left says nothing
// about the replica: many clients come and go, and it serves all tenants.
func (r *route) redirectToPrimary(ctx context.Context, err error) bool {
	switch {
	case r.replica == nil:
		return false
	case err == nil:
		if r.replica.rests.Load() != 0 {
			r.replica.rests.Store(0)
		}
		return false
	case errors.Is(ctx.Err(), context.Canceled):
		r.replica.cancelProbe(r.probe)
		return false
	case !replica.IsUnreached(err):
		return false
	}
	r.replica.rests.Store(time.Now().Add(replicaRest).UnixNano())
	r.driver, r.replica = r.primary, nil
	return ctx.Err() == nil
}
