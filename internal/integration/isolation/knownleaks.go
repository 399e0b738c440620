package isolation

import (
	stdsql "database/sql"
	"slices"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// Leak is an attack that succeeds in shared mode, for the database alone to stop.
type Leak struct {
	Attack
	// Reason says in one line why nothing above the database can stop it.
	Reason string
}

// KnownLeaks is the whole list of what gets past package privacy, as
// docs/isolation.md has it. All of it is SQL that the application writes by
// hand, or code that reaches into a statement after it was restricted.
func KnownLeaks() []Leak { return slices.Concat(handwrittenLeaks(), combinedLeaks(), lateLeaks()) }

// others is a table of orders that no generated code has put there.
func others(s *sql.Selector) *sql.SelectTable {
	return sql.Dialect(s.Dialect()).Table(order.Table).As("others")
}

// notes selects the notes of a table written by hand.
func notes(s *sql.Selector) *sql.Selector {
	t := others(s)
	return sql.Dialect(s.Dialect()).Select(t.C(order.FieldNote)).From(t)
}

// handwrittenLeaks are text or tables that ent does not look into.
func handwrittenLeaks() []Leak {
	return []Leak{
		{Attack{Name: "raw sub-select in a predicate", Row: "R20", Run: func(a *Act) {
			// An oracle: the answer is one of A's own rows, and it is about B's.
			n, err := a.Client.Order.Query().Where(func(s *sql.Selector) {
				s.Where(sql.P(func(b *sql.Builder) {
					b.WriteString("EXISTS (SELECT 1 FROM orders AS others WHERE others.note = ").Arg(a.B.text("note0")).WriteString(")")
				}))
			}).Count(a.A.Ctx)
			a.oracle(n, err)
		}}, "the text of a predicate is not parsed"},
		{Attack{Name: "raw predicate that closes its parentheses", Row: "R05b", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Where(func(s *sql.Selector) { s.Where(sql.ExprP("1 = 1) OR (1 = 1")) }).All(a.A.Ctx))
		}}, "the text of a predicate is not parsed"},
		{Attack{Name: "raw sub-select in a selection", Row: "R20b", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Modify(func(s *sql.Selector) {
				s.Select().AppendSelectExprAs(sql.Raw("(SELECT MAX(note) FROM orders AS others WHERE note LIKE '%"+a.B.Mark+"')"), "note")
			}).Strings(a.A.Ctx))
		}}, "the text of a selection is not parsed"},
		{Attack{Name: "raw sub-select in an aggregation", Row: "R20b", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Aggregate(func(*sql.Selector) string {
				return "(SELECT MAX(note) FROM orders AS others WHERE note LIKE '%" + a.B.Mark + "') AS note"
			}).Strings(a.A.Ctx))
		}}, "an aggregation function returns text"},
		{Attack{Name: "raw sub-select in an order", Run: func(a *Act) {
			ids, err := a.Client.Order.Query().Where(order.IDIn(a.A.Order, a.A.Order2)).Order(func(s *sql.Selector) {
				s.OrderExpr(sql.Raw("CASE WHEN EXISTS (SELECT 1 FROM orders AS others WHERE note LIKE '%" + a.B.Mark + "') THEN -total ELSE total END"))
			}).All(a.A.Ctx)
			a.Got(ids, err)
			if len(ids) == 2 && ids[0].ID == a.A.Order2 {
				a.leakf("the order depends on B's notes")
			}
		}}, "the text of an order is not parsed"},
		{Attack{Name: "raw sub-select in an update", Run: func(a *Act) {
			a.Fine(a.Client.Order.UpdateOneID(a.A.Order).Modify(func(u *sql.UpdateBuilder) {
				u.Set("note", sql.Raw("(SELECT note FROM (SELECT MAX(note) AS note FROM orders WHERE note LIKE '%"+a.B.Mark+"') AS others)"))
			}).Exec(a.A.Ctx))
			a.Got(a.Client.Order.Get(a.A.Ctx, a.A.Order))
		}}, "the text of an assignment is not parsed"},
		{Attack{Name: "QueryContext", Row: "R23/W23", Run: func(a *Act) {
			rows, err := a.Client.QueryContext(a.A.Ctx, "SELECT note FROM orders")
			a.Fine(err)
			if err == nil {
				a.Got(column(rows))
			}
		}}, "it is SQL past ent"},
		{Attack{Name: "ExecContext", Row: "R23/W23", Run: func(a *Act) {
			_, err := a.Client.ExecContext(a.A.Ctx, "UPDATE orders SET note = 'taken'")
			a.Fine(err)
		}}, "it is SQL past ent"},
	}
}

// combinedLeaks bring another table into a statement by name.
func combinedLeaks() []Leak {
	return []Leak{
		{Attack{Name: "Modify with UNION ALL", Row: "R19", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Modify(func(s *sql.Selector) { s.Select(order.FieldNote).UnionAll(notes(s)) }).Strings(a.A.Ctx))
		}}, "the other half is a statement of its own"},
		{Attack{Name: "Modify with JOIN", Row: "R20", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Modify(func(s *sql.Selector) {
				t := others(s)
				s.Join(t).OnP(sql.NEQ(t.C("tenant_id"), string(a.A.ID)))
				s.Select(t.C(order.FieldNote))
			}).Strings(a.A.Ctx))
		}}, "only the query's own table is known to be a tenant's"},
		{Attack{Name: "Modify with a second FROM", Row: "R20", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Modify(func(s *sql.Selector) {
				t := others(s)
				s.AppendFrom(t).Select(t.C(order.FieldNote))
			}).Strings(a.A.Ctx))
		}}, "only the query's own table is known to be a tenant's"},
		{Attack{Name: "built sub-select in a predicate", Row: "R20b", Run: func(a *Act) {
			n, err := a.Client.Order.Query().Where(func(s *sql.Selector) {
				t := others(s)
				s.Where(sql.Exists(sql.Dialect(s.Dialect()).Select(t.C("id")).From(t).Where(sql.EQ(t.C("note"), a.B.text("note0")))))
			}).Count(a.A.Ctx)
			a.oracle(n, err)
		}}, "a sub-select is a statement of its own"},
		{Attack{Name: "sqlgraph.HasNeighborsWith by hand", Row: "R15/15c", Run: func(a *Act) {
			n, err := a.Client.User.Query().Where(func(s *sql.Selector) {
				step := sqlgraph.NewStep(sqlgraph.From(user.Table, user.FieldID), sqlgraph.To(order.Table, order.FieldID), sqlgraph.Edge(sqlgraph.O2M, false, order.Table, "owner_id"))
				sqlgraph.HasNeighborsWith(s, step, func(s *sql.Selector) { s.Where(sql.Contains(s.C(order.FieldNote), a.B.Mark)) })
			}).Count(a.A.Ctx)
			a.oracle(n, err)
		}}, "only the generated predicates restrict their sub-selects"},
		{Attack{Name: "FROM a sub-select that forges the tenant", Row: "R20", Run: func(a *Act) {
			q := a.Client.Order.Query()
			q.Modify(func(s *sql.Selector) {
				t := sql.Dialect(s.Dialect()).Table(order.Table)
				forged := sql.Dialect(s.Dialect()).Select(t.Columns("id", "number", "note", "total", "owner_id")...).
					AppendSelectExprAs(sql.ExprFunc(func(b *sql.Builder) { b.WriteString("'" + string(a.A.ID) + "'") }), "tenant_id").From(t)
				s.From(forged.As(order.Table))
			})
			a.Got(q.All(a.A.Ctx))
		}}, "a sub-select is a statement of its own"},
		{Attack{Name: "WITH that takes the table's name", Row: "R20", Run: func(a *Act) {
			q := a.Client.Order.Query()
			q.Modify(func(s *sql.Selector) {
				name := order.Table
				if s.Dialect() == dialect.SQLite { // where the name alone would be that of the WITH itself
					name = "`main`.`orders`"
				}
				forged := sql.Dialect(s.Dialect()).Select("id", "number", "note", "total", "owner_id").
					AppendSelectExprAs(sql.ExprFunc(func(b *sql.Builder) { b.WriteString("'" + string(a.A.ID) + "'") }), "tenant_id").From(sql.Table(name))
				s.Prefix(sql.With(order.Table).As(forged))
			})
			a.Got(q.All(a.A.Ctx))
		}}, "it puts another table in the place of the one that the query names"},
	}
}

// lateLeaks change a statement after package privacy has seen it.
func lateLeaks() []Leak {
	return []Leak{
		{Attack{Name: "selector changed while it is written", Row: "R18", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Modify(func(s *sql.Selector) {
				s.Select().AppendSelectExpr(sql.ExprFunc(func(b *sql.Builder) { s.SetP(nil); b.Ident(order.FieldNote) }))
			}).Strings(a.A.Ctx))
		}}, "code that writes an expression can change the statement around it"},
		{Attack{Name: "sub-query's selector kept and changed later", Row: "R15/15c", Run: func(a *Act) {
			var kept *sql.Selector
			users, err := a.Client.User.Query().Where(
				user.HasOrdersWith(func(s *sql.Selector) { kept = s }),
				func(s *sql.Selector) {
					kept.SetP(sql.And(sql.ColumnsEQ(s.C("id"), kept.C("owner_id")), sql.Contains(kept.C("note"), a.B.Mark)))
				},
			).All(a.A.Ctx)
			a.oracle(len(users), err)
		}}, "code that keeps a sub-query's selector can change it afterwards"},
	}
}

// oracle says what a number of rows tells about B.
func (a *Act) oracle(n int, err error) {
	a.Fine(err)
	if n > 0 {
		a.leakf("A learns that B has such a row")
	}
}

func column(rows *stdsql.Rows) ([]string, error) {
	var found []string
	err := sql.ScanSlice(rows, &found)
	_ = rows.Close() // the scan reports what went wrong
	return found, err
}
