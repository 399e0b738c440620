package driver

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/replica"
	"github.com/entenancy/tenancy/internal/sqlcomment"
)

// route is the way of one statement outside a transaction.
type route struct {
	driver  dialect.Driver
	replica *replicaDriver // the replica that driver is, nil if it is none
	probe   int64          // see tryAsk
	primary dialect.Driver // where a query goes that the replica did not get
	query   string
	place   place
	pool    *pool // held while the statement runs; nil in the home
	told    *told
}

// done gives back what the route holds. Rows and transactions that the
// statement has left open keep their connection, not the pool.
func (r *route) done() {
	if r.pool != nil {
		r.pool.release()
	}
}

// route sets r, which is zero, to the way of a statement under ctx, and returns
// the context that it goes with. It sends nothing. The observer is told of an
// operation, unless it is empty. It fills in what the caller has, because copies
// of a route would take most of its time.
func (d *Driver) route(ctx context.Context, r *route, operation tenancy.Operation, query string) (context.Context, error) {
	ctx, err := d.placeIn(ctx, &r.place)
	if err != nil {
		return ctx, err
	}
	r.place.asked, r.query = query, d.textFor(&r.place, query)
	if d.observes() && operation != "" {
		ctx, r.told = d.tell(ctx, &r.place, operation, r.query)
	}
	r.query = d.comment(ctx, &r.place, r.query)
	if err := d.direct(ctx, r, operation == tenancy.OperationQuery, query); err != nil {
		return ctx, r.told.end(ctx, err)
	}
	return ctx, nil
}

// direct picks the driver of a route.
func (d *Driver) direct(ctx context.Context, r *route, reads bool, query string) (err error) {
	about := unsaid
	if r.place.own { // in the home it makes no difference
		about = d.names.about(query)
	}
	mayUseReplica := reads && replica.Allowed(ctx) && isRead(d.dialect, query)
	switch {
	case about == both:
		return spans(r.place.tenant)
	case r.place.system:
		r.driver = d.system
	case !r.place.own || about == globals:
		r.driver = d.home
		if mayUseReplica {
			d.pick(r, d.replicas)
		}
	default:
		if r.pool, err = d.pools.lease(ctx, r.place.tenant); err != nil {
			return err
		}
		r.driver = r.pool.driver
		if mayUseReplica {
			d.pick(r, r.pool.replicas)
		}
	}
	return nil
}

// textFor returns the query as its place understands it. A home on MySQL puts
// the tenant's schema into the text itself, and has to find whose tables it
// names: what names none would reach the shared ones.
func (d *Driver) textFor(p *place, query string) string {
	if d.dialect == dialect.MySQL && p.tenant.Isolation == tenancy.IsolationSchema {
		return query
	}
	return d.names.rewrite(query)
}

// comment returns the query with the tenant's id at its end, where it is wanted.
func (d *Driver) comment(ctx context.Context, p *place, query string) string {
	if d.config.Comment == nil || p.system || query == "" || !d.config.Comment(ctx) {
		return query
	}
	return sqlcomment.Append(query, string(p.tenant.ID))
}
