package privacy

import (
	"context"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
)

// An edge over a join table is one to the rows of that table, the links, and one from
// them to the neighbors. Where links are tenants', one of another tenant does not
// count, even between rows that the tenant may see: older data and raw SQL leave them.
// One end of such an edge is tenants', too, and fails by itself where there is none.

// Linked returns the predicate that restricts a sub-query of s on an edge's target to
// the rows to which links of the tenant lead. It has to be one of the last.
func Linked(step *sqlgraph.Step, c Column) func(*sql.Selector) {
	return func(sub *sql.Selector) {
		links := sql.Dialect(sub.Dialect()).Table(step.Edge.Table).Schema(step.Edge.Schema)
		restrictTable(sub.Context(), sub, links, c) // sqlgraph takes it for a condition of what it joins the two in
	}
}

// FromLinks makes step, which starts at rows of a query, start at the links of the
// tenant that lead from them.
func FromLinks(ctx context.Context, dialect string, step *sqlgraph.Step, c Column) error {
	key, target := linkColumns(step)
	links := sqlgraph.SetNeighbors(dialect, toLinks(step, key))
	restrict(ctx, links, c)
	step.From.Table, step.From.Column, step.From.V = step.Edge.Table, key, links
	step.Edge.Rel, step.Edge.Inverse, step.Edge.Columns = sqlgraph.M2O, false, []string{target}
	return links.Err()
}

// toLinks returns the first half of a step over a join table.
func toLinks(step *sqlgraph.Step, key string) *sqlgraph.Step {
	links := *step
	links.To.Table, links.To.Schema = step.Edge.Table, step.Edge.Schema
	links.Edge.Rel, links.Edge.Inverse, links.Edge.Columns = sqlgraph.O2M, false, []string{key}
	return &links
}

// linkColumns returns the columns of a join table that refer to where the step starts,
// and to its neighbors.
func linkColumns(step *sqlgraph.Step) (key, target string) {
	if step.Edge.Inverse {
		return step.Edge.Columns[1], step.Edge.Columns[0]
	}
	return step.Edge.Columns[0], step.Edge.Columns[1]
}
