package privacy

import (
	"context"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// Owned is the id of an entity from which an edge to a global type, or one over links
// of tenants, is walked.
// Anyone can make an entity up, or get one from a place where another tenant
// was at work; the rows of the global type are everybody's, so that it is the
// walk that has to be the tenant's. In SQL an Owned is a sub-select of the id
// that finds it only if the row is, followed by the condition on the link from it.
type Owned struct {
	sql.Builder
	step        sqlgraph.Step // as it was
	schema      string        // of the entity's table
	from, links Column
	ctx         context.Context // of the query that it has become part of, which says for whom
}

// Own makes step start at the entity's row only if that is the tenant's, and go only
// over links that are. from and links are the tenant columns of the two, of which one
// can have none; schema is that of the entity's table.
func Own(step *sqlgraph.Step, schema string, from, links Column) *Owned {
	o := &Owned{step: *step, schema: schema, from: from, links: links}
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

// Query implements sql.Querier. What sqlgraph compares with the id is a column of the
// join table, if there is one, and is the whole of a WHERE clause.
func (o *Owned) Query() (string, []any) {
	var b sql.Builder
	b.SetDialect(o.Dialect())
	b.SetTotal(o.Total())
	b.Arg(o.id())
	if own := o.linked(); own != nil {
		b.WriteString(" AND ").Join(own)
	}
	return b.Query()
}

// id is the entity's id, or the sub-select of it.
func (o *Owned) id() any {
	if o.from.Name == "" {
		return o.step.From.V
	}
	d := sql.Dialect(o.Dialect())
	table := d.Table(o.step.From.Table).Schema(o.schema)
	id := table.C(o.step.From.Column)
	s := d.Select(id).From(table).Where(sql.EQ(id, o.step.From.V))
	restrict(o.context(), s, o.from)
	return sql.ExprFunc(func(b *sql.Builder) { b.Wrap(func(b *sql.Builder) { b.Join(s) }) })
}

// linked is the condition on a link of the entity, nil if there is none.
func (o *Owned) linked() *sql.Predicate {
	if o.links.Name == "" {
		return nil
	}
	d := sql.Dialect(o.Dialect())
	s := d.Select().From(d.Table(o.step.Edge.Table).Schema(o.step.Edge.Schema))
	restrict(o.context(), s, o.links)
	return s.P()
}

func (o *Owned) context() context.Context {
	if o.ctx == nil {
		return context.Background() // it is nobody's
	}
	return o.ctx
}
