package privacy

import (
	"context"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// Owned is the id of an entity from which an edge to a global type is walked.
// Anyone can make an entity up, or get one from a place where another tenant
// was at work; the rows of the global type are everybody's, so that it is the
// walk that has to be the tenant's. In SQL an Owned is a sub-select of the id
// that finds it only if the row is.
type Owned struct {
	sql.Builder
	from   *sql.SelectTable
	column string
	id     any
	tenant Column
	ctx    context.Context // of the query that it has become part of, which says for whom
}

// Own makes step start at the entity's row only if that is the tenant's.
func Own(step *sqlgraph.Step, schema string, c Column) *Owned {
	o := &Owned{from: sql.Table(step.From.Table).Schema(schema), column: step.From.Column, id: step.From.V, tenant: c}
	step.From.V = o
	return o
}

// ownedKey marks the context of a selector that starts at an Owned.
type ownedKey struct{}

// Bind marks the selector that the Owned is part of, for Enter.
func (o *Owned) Bind(root *sql.Selector) {
	root.WithContext(context.WithValue(root.Context(), ownedKey{}, o))
}

// Enter gives s the context of the query that it has become part of, and the
// Owned at which it starts, if it does. That needs a tenant.
func Enter(ctx context.Context, s *sql.Selector) {
	if o, ok := s.Context().Value(ownedKey{}).(*Owned); ok {
		if _, err := tenancy.ScopeFromContext(ctx); err != nil {
			s.AddError(denied(err))
		}
		o.ctx = ctx // which s may lose: sqlgraph.LimitNeighbors puts a new selector in its place
	}
	s.WithContext(ctx)
}

// Query implements sql.Querier.
func (o *Owned) Query() (string, []any) {
	d := sql.Dialect(o.Dialect())
	s := d.Select(o.from.C(o.column)).From(o.from).Where(sql.EQ(o.from.C(o.column), o.id))
	ctx := o.ctx
	if ctx == nil {
		ctx = context.Background() // it is nobody's
	}
	restrict(ctx, s, o.tenant)
	s.SetTotal(o.Total())
	query, args := s.Query()
	return "(" + query + ")", args
}
