package privacy

import (
	"fmt"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
)

// OrderByNeighborsCount is sqlgraph.OrderByNeighborsCount for an edge to a table, or
// over one, that is tenant-scoped: neighbors and links of other tenants are not
// counted. to and links are the tenant columns of the two, of which one can have none.
func OrderByNeighborsCount(s *sql.Selector, step *sqlgraph.Step, to, links Column, opts ...sql.OrderTermOption) {
	as := sql.OrderAs("count_" + step.To.Table)
	count := sql.OrderByCount("*", append([]sql.OrderTermOption{as}, opts...)...)
	if step.ThroughEdgeTable() {
		orderByLinksCount(s, step, to, links, count)
		return
	}
	OrderByNeighborTerms(s, step, to, links, count)
}

// orderByLinksCount counts the rows of a join table that lead to rows of the tenant.
// Asked for terms over such an edge, sqlgraph names the join table's key without
// saying whose it is, and the target can have a column of that name. So it is asked
// for a term over the join table itself, to which the target is joined.
func orderByLinksCount(s *sql.Selector, step *sqlgraph.Step, to, links Column, count *sql.OrderExprTerm) {
	ctx := s.Context()
	requireScope(s)
	key, target := linkColumns(step)
	withSubQuery(count, func(sub *sql.Selector) {
		if links.Name != "" {
			restrict(ctx, sub, links)
		}
		if to.Name != "" {
			d := sql.Dialect(s.Dialect())
			table := d.Table(step.To.Table).Schema(step.To.Schema)
			own := d.Select(table.C(step.To.Column)).From(table)
			restrict(ctx, own, to)
			sub.Join(own).On(sub.C(target), own.C(step.To.Column))
		}
	})
	sqlgraph.OrderByNeighborTerms(s, toLinks(step, key), count)
}

// OrderByNeighborTerms is sqlgraph.OrderByNeighborTerms for an edge to a table, or over
// one, that is tenant-scoped: rows of other tenants have no part in the order.
//
// sqlgraph offers no predicate for the sub-query that it joins, but hands it to
// each expression term while building it. The last one therefore restricts it.
func OrderByNeighborTerms(s *sql.Selector, step *sqlgraph.Step, to, links Column, terms ...sql.OrderTerm) {
	ctx := s.Context()
	requireScope(s)
	exprs := make([]sql.OrderTerm, 0, len(terms))
	var last *sql.OrderExprTerm
	for _, term := range terms {
		if x := exprTerm(term); x != nil {
			last = x
			exprs = append(exprs, x)
		}
	}
	if last == nil {
		s.AddError(fmt.Errorf("tenancy: order by %s needs a term of package sql", step.To.Table))
		return
	}
	withSubQuery(last, func(sub *sql.Selector) {
		if to.Name != "" {
			restrict(ctx, sub, to)
		}
		if links.Name != "" {
			joined, _ := sub.JoinedTable(step.Edge.Table)
			restrictTable(ctx, sub, joined, links)
		}
	})
	sqlgraph.OrderByNeighborTerms(s, step, exprs...)
}

// exprTerm returns a copy of term as an expression, nil for a term that is neither
// of ent's kinds.
func exprTerm(term sql.OrderTerm) *sql.OrderExprTerm {
	switch t := term.(type) {
	case *sql.OrderExprTerm:
		x := *t
		return &x
	case *sql.OrderFieldTerm:
		x := &sql.OrderExprTerm{OrderTermOptions: t.OrderTermOptions}
		if x.As == "" {
			x.As = t.Field
		}
		x.Expr = func(sub *sql.Selector) sql.Querier { return sql.Raw(sub.C(t.Field)) }
		return x
	default:
		return nil
	}
}

// withSubQuery runs change on the sub-query that the term is first evaluated on.
func withSubQuery(term *sql.OrderExprTerm, change func(sub *sql.Selector)) {
	expr, done := term.Expr, false
	term.Expr = func(sub *sql.Selector) sql.Querier {
		q := expr(sub)
		if !done {
			done = true
			change(sub)
		}
		return q
	}
}
