package privacy

import (
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
)

// HasNeighbors is sqlgraph.HasNeighbors for an edge to a table, or over one, that is
// tenant-scoped: only neighbors that own, which are Nested and Linked, leave count.
// full is the complete step of the edge; step, which ent leaves without target, may
// hold schema names.
func HasNeighbors(s *sql.Selector, step, full *sqlgraph.Step, own ...func(*sql.Selector)) {
	step.To.Table, step.To.Column = full.To.Table, full.To.Column
	sqlgraph.HasNeighborsWith(s, step, func(sub *sql.Selector) {
		for _, restrict := range own {
			restrict(sub)
		}
	})
}

// Nested returns the predicate that restricts a sub-query of s on an edge's
// tenant-scoped target. It has to be one of the last. Without a tenant s itself
// fails.
func Nested(s *sql.Selector, c Column) func(*sql.Selector) {
	requireScope(s)
	return func(sub *sql.Selector) { restrict(sub.Context(), sub, c) }
}

// NestedGlobal returns the predicate that holds a sub-query of s on an edge's
// global target to its table: s fails where it is made one on another. It has to
// be one of the last.
func NestedGlobal(s *sql.Selector, table string) func(*sql.Selector) {
	return func(sub *sql.Selector) {
		if tableName(sub) != table {
			err := errOtherTable("a predicate")
			deny(sub, err)
			s.AddError(err)
		}
	}
}

// requireScope makes s fail without a tenant, since ent drops the errors of its
// sub-queries.
func requireScope(s *sql.Selector) {
	if _, err := tenancy.ScopeFromContext(s.Context()); err != nil {
		s.AddError(err)
	}
}
