package privacy

import (
	"context"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"
)

// Query restricts what a query builder is about to read with All, Only, First,
// Count, Exist or as eagerly loaded edges.
func Query(ctx context.Context, spec *sqlgraph.QuerySpec, e *Entity) {
	if spec.From != nil && spec.Order != nil {
		order := spec.Order // runs before the predicate; ent gives traversals no context
		spec.Order = func(s *sql.Selector) {
			Enter(ctx, s)
			order(s)
		}
	}
	user := spec.Predicate
	spec.Predicate = func(s *sql.Selector) {
		Enter(ctx, s)
		if user != nil {
			user(s)
		}
		if !e.global() {
			restrict(ctx, s, e.Tenant)
		}
	}
	if mods := spec.Modifiers; len(mods) > 0 && !e.global() {
		spec.Modifiers = []func(*sql.Selector){func(s *sql.Selector) {
			keepRestricted(ctx, s, e.Tenant, func() {
				for _, m := range mods {
					m(s)
				}
			})
		}}
	}
}

// Select restricts the selector of Select, GroupBy, Aggregate and traversals.
// It runs when all predicates, modifiers and orders are in place.
func Select(ctx context.Context, s *sql.Selector, e *Entity) {
	if !e.global() {
		restrict(ctx, s, e.Tenant)
	}
}

// Scan runs a Select builder: it reads fields and aggregations of s into v.
func Scan[F ~func(*sql.Selector) string](ctx context.Context, drv dialect.Driver, s *sql.Selector, e *Entity, fields []string, fns []F, v any) error {
	aggregates := aggregate(ctx, s, e, fns)
	switch {
	case len(aggregates) == 0:
	case len(fields) == 0:
		s.Select(aggregates...)
	default:
		s.AppendSelect(aggregates...)
	}
	return scan(ctx, drv, s, v)
}

// GroupScan runs a GroupBy builder: it groups s by fields and reads them and
// the aggregations into v.
func GroupScan[F ~func(*sql.Selector) string](ctx context.Context, drv dialect.Driver, s *sql.Selector, e *Entity, fields []string, fns []F, v any) error {
	s.Select()
	aggregates := aggregate(ctx, s, e, fns)
	if len(s.SelectedColumns()) == 0 {
		s.Select(append(s.Columns(fields...), aggregates...)...)
	}
	s.GroupBy(s.Columns(fields...)...)
	return scan(ctx, drv, s, v)
}

// aggregate runs aggregation functions, which are handed a selector that is
// restricted already, and keeps it so.
func aggregate[F ~func(*sql.Selector) string](ctx context.Context, s *sql.Selector, e *Entity, fns []F) []string {
	columns := make([]string, 0, len(fns))
	run := func() {
		for _, fn := range fns {
			columns = append(columns, fn(s))
		}
	}
	if len(fns) == 0 || e.global() {
		run()
	} else {
		keepRestricted(ctx, s, e.Tenant, run)
	}
	return columns
}

func scan(ctx context.Context, drv dialect.Driver, s *sql.Selector, v any) error {
	if err := s.Err(); err != nil {
		return err
	}
	rows := &sql.Rows{}
	query, args := s.Query()
	if err := drv.Query(ctx, query, args, rows); err != nil {
		return err
	}
	defer func() { _ = rows.Close() }() // ScanSlice reports what went wrong
	return sql.ScanSlice(rows, v)
}

// keepRestricted runs a user's function that can change s at will, and
// restricts s again where it did. It leaves alone a selector that now reads
// from a common table expression with the restricted query inside, which is
// how sqlgraph.LimitNeighbors limits rows for each parent.
func keepRestricted(ctx context.Context, s *sql.Selector, c Column, change func()) {
	where, table := s.P(), s.Table()
	if where == nil { // a System scope
		change()
		return
	}
	rendered := 0
	probe := sql.P(func(b *sql.Builder) { rendered++; b.Join(where) })
	s.SetP(probe)
	text, _ := probe.Query()
	change()
	if s.P() == probe && s.Table() == table {
		if now, _ := probe.Query(); now == text {
			s.SetP(where)
			return
		}
	}
	if s.Table() != table {
		rendered = 0
		if s.Clone().Query(); rendered > 0 {
			return
		}
	}
	restrict(ctx, s, c)
}
