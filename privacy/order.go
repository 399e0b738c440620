package privacy

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// OrderByNeighborsCount is sqlgraph.OrderByNeighborsCount for an edge to a
// tenant-scoped table: neighbors of other tenants are not counted.
func OrderByNeighborsCount(s *sql.Selector, step *sqlgraph.Step, c Column, opts ...sql.OrderTermOption) {
	as := sql.OrderAs("count_" + step.To.Table)
	OrderByNeighborTerms(s, step, c, sql.OrderByCount("*", append([]sql.OrderTermOption{as}, opts...)...))
}

// OrderByNeighborTerms is sqlgraph.OrderByNeighborTerms for an edge to a
// tenant-scoped table: rows of other tenants have no part in the order.
//
// sqlgraph offers no predicate for the sub-query that it joins, but hands it to
// each expression term while building it. The last one therefore restricts it.
func OrderByNeighborTerms(s *sql.Selector, step *sqlgraph.Step, c Column, terms ...sql.OrderTerm) {
	ctx := s.Context()
	if _, err := tenancy.ScopeFromContext(ctx); err != nil {
		s.AddError(err)
	}
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
	restrictBy(ctx, last, c)
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

// restrictBy lets the term restrict the sub-query that it is first evaluated on.
func restrictBy(ctx context.Context, term *sql.OrderExprTerm, c Column) {
	expr, done := term.Expr, false
	term.Expr = func(sub *sql.Selector) sql.Querier {
		q := expr(sub)
		if !done {
			done = true
			restrict(ctx, sub, c)
		}
		return q
	}
}
