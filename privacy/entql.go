package privacy

import (
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
	"entgo.io/ent/entql"
)

// EvalP adds the entql predicate p on a node of g to s, as g.EvalP does.
// Neighbors and links that are of another tenant do not count in it; tenants holds
// the tenant columns of tables. Tables are qualified as schemas says.
func EvalP(g *sqlgraph.Schema, nodeType string, p entql.P, s *sql.Selector, tenants map[string]Column, schemas Schemas) error {
	if s.Dialect() == dialect.SQLite { // where ent names no schemas
		schemas = nil
	}
	f := filter{s, tenants, schemas}
	for _, node := range g.Nodes {
		if node.Type == nodeType {
			if scoped, ok := f.expr(node, p).(entql.P); ok {
				p = scoped
			}
		}
	}
	return qualified(g, s.Dialect(), schemas).EvalP(nodeType, p, s)
}

// qualified returns g with join tables that are named with their schemas, which
// entql has no other way to say: ent writes a name that is quoted already as it
// stands. The tables of nodes keep their names, by which ent tells that an edge
// leads back to a table and needs an alias for it; see [filter.named].
func qualified(g *sqlgraph.Schema, d string, schemas Schemas) *sqlgraph.Schema {
	isNamed := func(n *sqlgraph.Node) bool { return schemas.of(n.Table) != "" }
	if !slices.ContainsFunc(g.Nodes, isNamed) {
		return g
	}
	var b sql.Builder
	b.SetDialect(d)
	named := &sqlgraph.Schema{Nodes: make([]*sqlgraph.Node, len(g.Nodes))}
	for i, n := range g.Nodes {
		node := *n
		node.Edges = nil
		named.Nodes[i] = &node
	}
	for i, n := range g.Nodes {
		for edge, e := range n.Edges {
			spec := *e.Spec
			if schema := schemas.of(spec.Table); schema != "" && spec.Rel == sqlgraph.M2M {
				spec.Table = b.Quote(schema) + "." + b.Quote(spec.Table)
			}
			named.MustAddE(edge, &spec, named.Nodes[i].Type, e.To.Type) // both are there
		}
	}
	return named
}

// filter is an entql predicate that is being scoped, for the selector that it is for.
type filter struct {
	root    *sql.Selector
	tenants map[string]Column
	schemas Schemas
}

// expr returns a copy of the expression in which the table of each edge's type is
// named with its schema, and the last conditions of each edge are Nested where its type is
// scoped, and else NestedGlobal if it has conditions, and Linked where its links are.
func (f filter) expr(node *sqlgraph.Node, x entql.Expr) entql.Expr {
	switch x := x.(type) {
	case *entql.UnaryExpr:
		return &entql.UnaryExpr{Op: x.Op, X: f.expr(node, x.X)}
	case *entql.BinaryExpr:
		return &entql.BinaryExpr{Op: x.Op, X: f.expr(node, x.X), Y: f.expr(node, x.Y)}
	case *entql.NaryExpr:
		return &entql.NaryExpr{Op: x.Op, Xs: f.exprs(node, x.Xs)}
	case *entql.CallExpr:
		return f.call(node, x)
	default:
		return x
	}
}

func (f filter) exprs(node *sqlgraph.Node, xs []entql.Expr) []entql.Expr {
	scoped := make([]entql.Expr, len(xs))
	for i, x := range xs {
		scoped[i] = f.expr(node, x)
	}
	return scoped
}

// call handles the two calls that lead to another type.
func (f filter) call(node *sqlgraph.Node, call *entql.CallExpr) entql.Expr {
	if call.Func != entql.FuncHasEdge || len(call.Args) == 0 {
		return call
	}
	to, ok := call.Args[0].(*entql.Edge)
	if !ok {
		return call
	}
	edge, ok := node.Edges[to.Name]
	if !ok {
		return call // g.EvalP says so
	}
	conditions := f.exprs(edge.To, call.Args[1:])
	if c, ok := f.tenants[edge.To.Table]; ok {
		conditions = append(conditions, sqlgraph.WrapFunc(Nested(f.root, c)))
	} else if len(conditions) > 0 {
		conditions = append(conditions, sqlgraph.WrapFunc(NestedGlobal(f.root, edge.To.Table)))
	}
	if c, ok := f.tenants[edge.Spec.Table]; ok && edge.Spec.Rel == sqlgraph.M2M {
		step := sqlgraph.NewStep(sqlgraph.Edge(edge.Spec.Rel, edge.Spec.Inverse, edge.Spec.Table))
		step.Edge.Schema = f.schemas.of(edge.Spec.Table)
		conditions = append(conditions, sqlgraph.WrapFunc(Linked(step, c)))
	}
	args := append([]entql.Expr{to}, f.named(edge.To.Table, edge.Spec, len(conditions) == 0)...)
	return &entql.CallExpr{Func: call.Func, Args: append(args, conditions...)}
}

// named returns the condition that names the table of an edge's type with its schema
// in the sub-query that asks about it. It comes before those that mention the table. A
// bare edge has none of its own: where there is no sub-query on the table, none is made.
func (f filter) named(table string, edge *sqlgraph.EdgeSpec, bare bool) []entql.Expr {
	schema := f.schemas.of(table)
	asks := edge.Rel == sqlgraph.O2M || edge.Rel == sqlgraph.O2O && !edge.Inverse
	if schema == "" || bare && !asks {
		return nil
	}
	return []entql.Expr{sqlgraph.WrapFunc(func(s *sql.Selector) { s.Table().Schema(schema) })}
}
