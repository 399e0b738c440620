package privacy

import (
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
	"entgo.io/ent/entql"
)

// EvalP adds the entql predicate p on a node of g to s, as g.EvalP does.
// Neighbors that are of another tenant do not count in it; tenants holds the
// tenant columns of scoped types. Tables are qualified as schemas says.
func EvalP(g *sqlgraph.Schema, nodeType string, p entql.P, s *sql.Selector, tenants map[string]Column, schemas Schemas) error {
	g = qualified(g, s.Dialect(), schemas)
	for _, node := range g.Nodes {
		if node.Type == nodeType {
			if scoped, ok := scopeExpr(node, p, s, tenants).(entql.P); ok {
				p = scoped
			}
		}
	}
	return g.EvalP(nodeType, p, s)
}

// qualified returns g with tables that are named with their schemas, which
// entql has no other way to say: ent writes a name that is quoted already as it
// stands.
func qualified(g *sqlgraph.Schema, d string, schemas Schemas) *sqlgraph.Schema {
	isNamed := func(n *sqlgraph.Node) bool { return schemas.of(n.Table) != "" }
	if d == dialect.SQLite || !slices.ContainsFunc(g.Nodes, isNamed) { // ent names no schemas on SQLite
		return g
	}
	var b sql.Builder
	b.SetDialect(d)
	name := func(table string) string {
		if schema := schemas.of(table); schema != "" {
			return b.Quote(schema) + "." + b.Quote(table)
		}
		return table
	}
	named := &sqlgraph.Schema{Nodes: make([]*sqlgraph.Node, len(g.Nodes))}
	for i, n := range g.Nodes {
		node := *n
		node.Table, node.Edges = name(n.Table), nil
		named.Nodes[i] = &node
	}
	for i, n := range g.Nodes {
		for edge, e := range n.Edges {
			spec := *e.Spec
			spec.Table = name(spec.Table)
			named.MustAddE(edge, &spec, named.Nodes[i].Type, e.To.Type) // both are there
		}
	}
	return named
}

// scopeExpr returns a copy of the expression in which each edge to a scoped
// type has Nested as its last condition.
func scopeExpr(node *sqlgraph.Node, x entql.Expr, s *sql.Selector, tenants map[string]Column) entql.Expr {
	switch x := x.(type) {
	case *entql.UnaryExpr:
		return &entql.UnaryExpr{Op: x.Op, X: scopeExpr(node, x.X, s, tenants)}
	case *entql.BinaryExpr:
		return &entql.BinaryExpr{Op: x.Op, X: scopeExpr(node, x.X, s, tenants), Y: scopeExpr(node, x.Y, s, tenants)}
	case *entql.NaryExpr:
		return &entql.NaryExpr{Op: x.Op, Xs: scopeExprs(node, x.Xs, s, tenants)}
	case *entql.CallExpr:
		return scopeCall(node, x, s, tenants)
	default:
		return x
	}
}

func scopeExprs(node *sqlgraph.Node, xs []entql.Expr, s *sql.Selector, tenants map[string]Column) []entql.Expr {
	scoped := make([]entql.Expr, len(xs))
	for i, x := range xs {
		scoped[i] = scopeExpr(node, x, s, tenants)
	}
	return scoped
}

// scopeCall handles the two calls that lead to another type.
func scopeCall(node *sqlgraph.Node, call *entql.CallExpr, s *sql.Selector, tenants map[string]Column) entql.Expr {
	if call.Func != entql.FuncHasEdge || len(call.Args) == 0 {
		return call
	}
	named, ok := call.Args[0].(*entql.Edge)
	if !ok {
		return call
	}
	edge, ok := node.Edges[named.Name]
	if !ok {
		return call // g.EvalP says so
	}
	args := append([]entql.Expr{named}, scopeExprs(edge.To, call.Args[1:], s, tenants)...)
	if c, ok := tenants[edge.To.Type]; ok {
		args = append(args, sqlgraph.WrapFunc(Nested(s, c)))
	}
	return &entql.CallExpr{Func: call.Func, Args: args}
}
