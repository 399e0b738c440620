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
	root   *sql.Selector // whose context says for whom
}

// Own makes step start at the entity's row only if that is the tenant's.
func Own(step *sqlgraph.Step, schema string, c Column) *Owned {
	o := &Owned{from: sql.Table(step.From.Table).Schema(schema), column: step.From.Column, id: step.From.V, tenant: c}
	step.From.V = o
	return o
}

// ownedKey marks the context of a selector that starts at an Owned.
type ownedKey struct{}

// Bind tells the Owned which selector it is part of.
func (o *Owned) Bind(root *sql.Selector) {
	o.root = root
	root.WithContext(context.WithValue(root.Context(), ownedKey{}, o))
}

// Enter gives s the context of the query that it has become part of. If it
// starts at an entity's row, the context needs a tenant.
func Enter(ctx context.Context, s *sql.Selector) {
	if s.Context().Value(ownedKey{}) != nil {
		if _, err := tenancy.ScopeFromContext(ctx); err != nil {
			s.AddError(denied(err))
		}
	}
	s.WithContext(ctx)
}

// Query implements sql.Querier.
func (o *Owned) Query() (string, []any) {
	d := sql.Dialect(o.Dialect())
	s := d.Select(o.from.C(o.column)).From(o.from).Where(sql.EQ(o.from.C(o.column), o.id))
	ctx := context.Background()
	if o.root != nil {
		ctx = o.root.Context()
	}
	restrict(ctx, s, o.tenant)
	s.SetTotal(o.Total())
	query, args := s.Query()
	return "(" + query + ")", args
}
