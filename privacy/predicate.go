package privacy

import (
	"context"
	"fmt"
	"slices"
	"strconv"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// restrict puts all of the WHERE clause of s under the tenant's condition on the
// table that s reads from. In a System scope it adds nothing.
func restrict(ctx context.Context, s *sql.Selector, c Column) {
	restrictTable(ctx, s, s.Table(), c)
}

// restrictTable is restrict with the condition on one of the tables that s reads from.
//
// A predicate that failed would be left out of the statement by ent, and the
// statement be run without it (Selector.Err is not asked by Delete, Update and
// Select); such a statement, and one without tenant, matches no row.
func restrictTable(ctx context.Context, s *sql.Selector, table *sql.SelectTable, c Column) {
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
	if table == nil {
		deny(s, errOtherTable("a predicate, an order or a modifier"))
		return
	}
	id, err := c.arg(scope)
	if err != nil {
		deny(s, err)
		return
	}
	belongs(s, table, c, id)
}

// confined runs a user's predicates on s. Whatever they do, the condition that
// was there before stays in force beside theirs, and s goes on reading from its
// table. It returns what went wrong, of which s keeps the text only.
func confined(s *sql.Selector, e *Entity, user func(*sql.Selector)) error {
	before := s.P()
	s.SetP(nil)
	err := onTable(s, e, user)
	own := s.P()
	s.SetP(before)
	and(s, own)
	return err
}

// conditions runs a user's predicates beside s, and adds to s the conditions that
// they come to and nothing else. An UPDATE has no use for the rest, and there it is
// dangerous: ent takes whatever is selected for the ids of the rows whose edges it
// changes, and for a sign that the one row of an UpdateOne is there.
func conditions(s *sql.Selector, e *Entity, user func(*sql.Selector)) error {
	table := *s.Table()
	beside := s.New().From(&table)
	err := onTable(beside, e, user)
	if err != nil {
		s.AddError(err)
	}
	and(s, beside.P())
	return err
}

// conditionsOnly returns the user's predicates, which fail if they come to more than
// conditions, a selection and an order. [conditions] takes no limit, join or set
// operation, and without it an update would reach more rows than they find.
func conditionsOnly(e *Entity, user func(*sql.Selector)) func(*sql.Selector) {
	return func(s *sql.Selector) {
		plain := statement(s)
		user(s)
		own := s.P()
		s.SetP(nil).Select().SetDistinct(false).ClearOrder()
		if s.Err() == nil && statement(s) != plain {
			s.AddError(fmt.Errorf("tenancy: a predicate chooses rows by a limit, an offset, a join, a set operation or the like, which an update of many %s rows "+
				"with edges cannot keep to; query their ids first, and update those by IDIn", e.Name))
		}
		s.SetP(own)
	}
}

// statement is the text of s as it is now.
func statement(s *sql.Selector) string {
	text, _ := s.Query()
	return text
}

// onTable runs a user's function on s, which has to go on reading from its table.
func onTable(s *sql.Selector, e *Entity, user func(*sql.Selector)) error {
	table := s.Table()
	keepFailed(s, user)
	if reads(s, table, e) {
		return s.Err()
	}
	err := errOtherTable("a predicate or an order")
	s.AddError(err)
	return err
}

// keepFailed runs a user's function on s, which stays failed where it was. A function
// can put a new selector in its place, as sqlgraph.LimitNeighbors does.
func keepFailed(s *sql.Selector, user func(*sql.Selector)) {
	failed := s.Err()
	user(s)
	if failed != nil && s.Err() == nil {
		s.AddError(failed)
	}
}

// reads reports whether s still reads from the table, which is the entity's. Where
// there is no tenant's condition to tell, it looks at what the table is by now, since
// another one can be put into the same *sql.SelectTable.
func reads(s *sql.Selector, table *sql.SelectTable, e *Entity) bool {
	return s.Table() == table && (!e.global() || tableName(s) == e.Table)
}

// tableName is the name of the table that s reads from, whatever it is called
// there, and empty if there is none.
func tableName(s *sql.Selector) string {
	t := s.Table()
	if t == nil {
		return ""
	}
	return sql.Dialect(s.Dialect()).Select().From(t).TableName()
}

// and adds a user's condition to what is there.
func and(s *sql.Selector, own *sql.Predicate) {
	switch {
	case own == nil:
	case s.P() == nil:
		s.SetP(own)
	default:
		closeWith(s, parenthesized(own))
	}
}

func errOtherTable(who string) error {
	return denied(fmt.Errorf("%w: %s makes the statement one on another table", tenancy.ErrCrossTenant, who))
}

func parenthesized(p *sql.Predicate) *sql.Predicate {
	return sql.P(func(b *sql.Builder) { b.WriteByte('(').Join(p).WriteByte(')') })
}

// deny makes s match no row, and fail where ent asks it for its error.
func deny(s *sql.Selector, err error) {
	s.AddError(err)
	closeWith(s, sql.False())
}

// belongs adds "tenant column = id". It is closeWith for the one predicate that
// every statement gets, with fewer allocations, and from the front: MySQL and MariaDB
// evaluate conditions in the order of the text, and an UPDATE fails where a value
// cannot be converted, with an error that has the value in it. It must not be that
// of another tenant's row. The column is that of the table and not of s, of which a
// user's function can say that it is called like another one.
func belongs(s *sql.Selector, table *sql.SelectTable, c Column, id any) {
	before, column := s.P(), table.C(c.Name)
	s.SetP(sql.P(func(b *sql.Builder) {
		b.Ident(column).WriteString(" = ").Arg(id)
		if before != nil {
			b.WriteString(" AND (").Join(before)
			b.WriteByte(')')
		}
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

// untouchedByOthers adds the condition that no row of another tenant hangs on
// the row by d, so that the statement cannot change one through its foreign
// keys. Such links do not come from this library; older data and raw SQL leave
// them. Of read-only global rows none at all may hang on it. The statement is about
// no other rows than those whose keys are selected.
func untouchedByOthers(s, keys *sql.Selector, table string, schemas Schemas, d Dependent, id any) {
	row := s.Table().C(d.Path[0].Ref)
	own := func(h Hop) bool { return h.Table == table }
	if s.Dialect() == dialect.MySQL && slices.ContainsFunc(d.Path, own) {
		closeWith(s, sql.P(func(b *sql.Builder) { writeNotIn(b, row, keys, schemas, d, id) }))
		return
	}
	closeWith(s, sql.P(func(b *sql.Builder) { writeNotExists(b, row, schemas, d, id) }))
}

// writeNotExists writes: NOT EXISTS (SELECT 1 FROM path WHERE its first column = row AND its last tenant <> id).
func writeNotExists(b *sql.Builder, row string, schemas Schemas, d Dependent, id any) {
	b.WriteString("NOT EXISTS (SELECT 1 FROM ")
	writePath(b, schemas, d, "")
	b.WriteString(" WHERE ").Ident(hopColumn(b, 0, d.Path[0].Column)).WriteString(" = ").Ident(row).WriteString(" AND ")
	writeForeign(b, d, id)
	b.WriteByte(')')
}

// writeNotIn writes the same for MySQL, which refuses to change a table that a
// sub-query reads unless the sub-query is materialized first (error 1093). That locks
// what it reads, so it begins at the rows that are to change: all those that have a key
// are every tenant's.
func writeNotIn(b *sql.Builder, row string, keys *sql.Selector, schemas Schemas, d Dependent, id any) {
	column, ref := d.Path[0].Column, sql.Dialect(b.Dialect()).Table("changed").C(d.Path[0].Ref)
	b.Ident(row).WriteString(" NOT IN (SELECT ").Ident(column).WriteString(" FROM (SELECT DISTINCT ").Ident(hopColumn(b, 0, column))
	b.WriteString(" FROM ").Wrap(func(b *sql.Builder) { b.Join(keys) }).WriteString(" AS changed")
	writePath(b, schemas, d, ref)
	b.WriteString(" WHERE ")
	writeForeign(b, d, id)
	b.WriteString(") AS others)")
}

// writePath writes the joined tables of a path, joined to what is to the left by the
// column that the path begins at, if there is one. MySQL joins from left to right, since
// it may lock all that it reads.
func writePath(b *sql.Builder, schemas Schemas, d Dependent, from string) {
	join := " JOIN "
	if b.Dialect() == dialect.MySQL {
		join = " STRAIGHT_JOIN "
	}
	for i, h := range d.Path {
		if from != "" {
			b.WriteString(join)
		}
		writeTable(b, schemas.of(h.Table), h.Table).WriteString(" AS " + hopName(i))
		if from != "" {
			b.WriteString(" ON ").Ident(hopColumn(b, i, h.Column)).WriteString(" = ").Ident(from)
		}
		if i+1 < len(d.Path) {
			from = hopColumn(b, i, d.Path[i+1].Ref)
		}
	}
}

// HopPrefix begins the names that a condition has for the tables of a path. A table of the
// name would be taken for one of them.
const HopPrefix = "tenancy_hop"

func hopName(i int) string { return HopPrefix + strconv.Itoa(i) }

func hopColumn(b *sql.Builder, i int, column string) string {
	return sql.Dialect(b.Dialect()).Table(hopName(i)).C(column)
}

// writeForeign writes that the row at the end of the path is not the tenant's. MySQL would
// find out by the index on tenants, where that has fewer rows of others than it believes
// to hang on one key, and lock those.
func writeForeign(b *sql.Builder, d Dependent, id any) {
	if d.Tenant.Name == "" {
		b.WriteString("1 = 1") // it is everybody's
		return
	}
	tenant := hopColumn(b, len(d.Path)-1, d.Tenant.Name)
	if b.Dialect() == dialect.MySQL {
		b.WriteString("NOT ").Wrap(func(b *sql.Builder) { b.Ident(tenant).WriteString(" <=> ").Arg(id) })
		return
	}
	b.Ident(tenant).WriteString(" <> ").Arg(id)
}

func writeTable(b *sql.Builder, schema, table string) *sql.Builder {
	if schema != "" && b.Dialect() != dialect.SQLite { // ent names no schemas on SQLite
		b.Ident(schema).WriteByte('.')
	}
	return b.Ident(table)
}
