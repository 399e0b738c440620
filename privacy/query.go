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
	if spec.Order != nil && (spec.From != nil || e.global()) {
		order := spec.Order // runs before the predicate; ent gives traversals no context
		spec.Order = func(s *sql.Selector) {
			Enter(ctx, s)
			_ = onTable(s, e, order) // ent asks s for it
		}
	}
	user := spec.Predicate
	spec.Predicate = func(s *sql.Selector) {
		s.AddError(e.check())
		Enter(ctx, s)
		if user != nil {
			_ = confined(s, e, user)
		}
		if !e.global() {
			restrict(ctx, s, e.Tenant)
		}
	}
	if len(spec.Modifiers) == 0 {
		return
	}
	if !e.global() {
		spec.Node.AddColumnOnce(e.Tenant.Name) // to restrict a query that LimitNeighbors wraps
	}
	mods := make([]func(*sql.Selector), len(spec.Modifiers)) // the builder keeps its own
	for i, m := range spec.Modifiers {
		mods[i] = func(s *sql.Selector) { keepRestricted(ctx, s, e, m) }
	}
	spec.Modifiers = mods
}

// Select restricts the selector of Select, GroupBy, Aggregate and traversals.
// It runs when all predicates, modifiers and orders are in place; table is
// what s read from before them.
func Select(ctx context.Context, s *sql.Selector, e *Entity, table *sql.SelectTable) {
	if err := e.check(); err != nil {
		deny(s, err)
	}
	switch {
	case !e.global():
		restrict(ctx, s, e.Tenant)
	case !reads(s, table, e):
		deny(s, errOtherTable("a predicate or modifier"))
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
	run := func(s *sql.Selector) {
		for _, fn := range fns {
			columns = append(columns, fn(s))
		}
	}
	if len(fns) > 0 {
		keepRestricted(ctx, s, e, run)
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
// restricts s again where it did.
func keepRestricted(ctx context.Context, s *sql.Selector, e *Entity, change func(*sql.Selector)) {
	where, table := s.P(), s.Table()
	keep := predicate(where)
	keepFailed(s, change)
	keep() // a predicate can be changed in place, too
	moved := !reads(s, table, e)
	switch {
	case !e.global():
		if moved || s.P() != where {
			restrict(ctx, s, e.Tenant)
		}
	case moved && !limitsRows(s):
		deny(s, errOtherTable("a modifier"))
	}
}

// limitsRows reports whether s reads from what sqlgraph.LimitNeighbors puts in
// the place of the table, a common table expression over it.
func limitsRows(s *sql.Selector) bool {
	return tableName(s) == "limited_query"
}

// predicate returns a function that makes p what it is now.
func predicate(p *sql.Predicate) (restore func()) {
	if p == nil {
		return func() {}
	}
	was := *p
	return func() { *p = was }
}
