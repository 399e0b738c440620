package privacy

import (
	"context"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// restrict makes the tenant's condition the last word of the WHERE clause of
// s. In a System scope it adds nothing.
//
// A predicate that failed would be left out of the statement by ent, and the
// statement be run without it (Selector.Err is not asked by Delete, Update and
// Select); such a statement, and one without tenant, matches no row.
func restrict(ctx context.Context, s *sql.Selector, c Column) {
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		deny(s, err)
		return
	}
	if s.Err() != nil {
		closeWith(s, sql.False())
		return
	}
	if scope.System() {
		return
	}
	id, err := c.arg(scope)
	if err != nil {
		deny(s, err)
		return
	}
	belongs(s, c, id)
}

// deny makes s match no row, and fail where ent asks it for its error.
func deny(s *sql.Selector, err error) {
	s.AddError(err)
	closeWith(s, sql.False())
}

// belongs adds "tenant column = id". It is closeWith for the one predicate that
// every statement gets, with fewer allocations.
func belongs(s *sql.Selector, c Column, id any) {
	before, column := s.P(), s.C(c.Name)
	s.SetP(sql.P(func(b *sql.Builder) {
		if before != nil {
			b.WriteByte('(').Join(before)
			b.WriteString(") AND ")
		}
		b.Ident(column).WriteString(" = ").Arg(id)
	}))
}

// closeWith adds p to the WHERE clause. What was there is put in parentheses,
// since raw predicates (sql.ExprP) come without any; SetP forgets an Or() or
// Not() that a predicate left open for the next one.
func closeWith(s *sql.Selector, p *sql.Predicate) {
	before := s.P()
	if before == nil {
		s.SetP(p)
		return
	}
	s.SetP(sql.P(func(b *sql.Builder) {
		b.WriteByte('(').Join(before)
		b.WriteString(") AND ").Join(p)
	}))
}

// untouchedByOthers adds the condition that no row of another tenant refers to
// the row by d, so that the statement cannot change one through its foreign key.
// Such links do not come from this library; older data and raw SQL leave them.
func untouchedByOthers(s *sql.Selector, table string, schemas Schemas, d Dependent, id any) {
	t := sql.Dialect(s.Dialect()).Table(d.Table).Schema(schemas.of(d.Table)).As("tenancy_dependent")
	foreign := sql.Dialect(s.Dialect()).Select(t.C(d.Column)).From(t).Where(sql.NEQ(t.C(d.Tenant.Name), id))
	if s.Dialect() == dialect.MySQL && d.Table == table {
		// MySQL refuses to change a table that a sub-query reads, unless the
		// sub-query is materialized first (error 1093).
		foreign = sql.Dialect(s.Dialect()).Select(d.Column).From(foreign.Where(sql.NotNull(t.C(d.Column))).Distinct().As("tenancy_foreign"))
		closeWith(s, sql.NotIn(s.C(d.Ref), foreign))
		return
	}
	closeWith(s, sql.NotExists(foreign.Where(sql.ColumnsEQ(t.C(d.Column), s.C(d.Ref)))))
}
