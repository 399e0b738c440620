package privacy

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// Create returns the driver that inserts the one row of spec, and the one beneath
// it for the entity that is created. The row has to be the context's tenant's, and
// so have all rows that it links to.
func Create(drv dialect.Driver, spec *sqlgraph.CreateSpec, e *Entity, schemas Schemas) (guarded, plain dialect.Driver) {
	g := &guard{Driver: unwrap(drv)}
	spec.OnConflict = g.holdUpsert(e, spec.OnConflict)
	g.checks = []check{func(ctx context.Context, q querier) error { return g.checkRows(ctx, q, e, schemas, spec) }}
	if len(spec.OnConflict) > 0 {
		g.checks = append(g.checks, func(ctx context.Context, q querier) error { return checkInserted(ctx, q, e, schemas, spec) })
	}
	return g, g.Driver
}

// CreateBulk returns the driver that inserts the rows of spec, which have to be
// the context's tenant's, and so have all rows that they link to. These are
// looked up with one query for each table, whatever the number of rows.
func CreateBulk(drv dialect.Driver, spec *sqlgraph.BatchCreateSpec, e *Entity, schemas Schemas) dialect.Driver {
	g := &guard{Driver: unwrap(drv)}
	spec.OnConflict = g.holdUpsert(e, spec.OnConflict)
	g.checks = []check{func(ctx context.Context, q querier) error { return g.checkRows(ctx, q, e, schemas, spec.Nodes...) }}
	if len(spec.OnConflict) > 0 || g.Dialect() == dialect.MySQL { // which tells one id only, and ent counts on from there
		g.checks = append(g.checks, func(ctx context.Context, q querier) error { return checkInserted(ctx, q, e, schemas, spec.Nodes...) })
	}
	return g
}

// checkRows refuses rows that are not the operation's tenant's, or link to
// rows that are not, and writes the tenant into their join rows.
func (g *guard) checkRows(ctx context.Context, q querier, e *Entity, schemas Schemas, specs ...*sqlgraph.CreateSpec) error {
	o, err := begin(ctx, e, schemas)
	if err != nil {
		return err
	}
	q.schemas = schemas
	var linked owners
	for _, spec := range specs {
		l, err := o.links(spec.Edges, nil)
		if err != nil {
			return err
		}
		tenant, err := o.tenantOfRow(ctx, q, spec, l)
		if err != nil {
			return err
		}
		linked.add(tenant, l.refs)
		if err := l.carry(tenant); err != nil {
			return err
		}
		g.joins = append(g.joins, joinInserts(g.Dialect(), l.joins)...)
	}
	return linked.check(ctx, q)
}

// checkInserted refuses to link rows to new ones that are not the operation's
// tenant's. An upsert may have met others or none, and if the database does not say
// which, ent goes by ids that it was given, or that would come next.
func checkInserted(ctx context.Context, q querier, e *Entity, schemas Schemas, specs ...*sqlgraph.CreateSpec) error {
	if e.global() || e.ID == "" {
		return nil
	}
	o, err := begin(ctx, e, schemas)
	if err != nil {
		return err
	}
	q.schemas = schemas
	var inserted owners
	for _, spec := range specs {
		tenant, err := o.tenantColumn(spec)
		if err != nil {
			return err
		}
		if spec.ID.Value == nil {
			return denied(fmt.Errorf("%w: the database does not say which %s to link to; link to it in a statement of its own", tenancy.ErrCrossTenant, e.Name))
		}
		inserted.add(tenant, []ref{{Target{Table: e.Table, ID: e.ID, Tenant: e.Tenant}, []any{spec.ID.Value}}})
	}
	if err := inserted.check(ctx, q); err != nil {
		return fmt.Errorf("linking to a new %s, or one that an upsert has met: %w", e.Name, err)
	}
	return nil
}

// tenantOfRow returns the tenant that a new row belongs to, for a global
// entity the one that it is linked to.
func (o operation) tenantOfRow(ctx context.Context, q querier, spec *sqlgraph.CreateSpec, l links) (tenancy.ID, error) {
	switch {
	case !o.entity.global():
		return o.tenantColumn(spec)
	case o.system():
		return q.tenantOf(ctx, l.refs)
	case o.scope != nil:
		return o.scope.TenantID(), nil
	default:
		return "", nil
	}
}

// tenantColumn returns the value of a new row's tenant column.
func (o operation) tenantColumn(spec *sqlgraph.CreateSpec) (tenancy.ID, error) {
	for _, f := range spec.Fields {
		if f.Column != o.entity.Tenant.Name {
			continue
		}
		id, ok := idOf(f.Value)
		if ok && id != "" && (o.system() || id == o.scope.TenantID()) {
			return id, nil
		}
	}
	return "", denied(fmt.Errorf("%w: a new %s is not the context's tenant's: leave its tenant to mixin.Tenant, or act for that tenant by tenancy.NewContext",
		tenancy.ErrCrossTenant, o.entity.Name))
}
