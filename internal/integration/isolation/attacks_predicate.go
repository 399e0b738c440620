package isolation

import (
	"errors"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/predicate"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// hostile is a predicate of an order query that tries to reach beyond it. all
// says that it has to match all orders of A, else it may match any of them.
type hostile struct {
	name, row string
	all       bool
	predicate func(*World) predicate.Order
}

func raw(p func(*sql.Selector)) func(*World) predicate.Order {
	return func(*World) predicate.Order { return p }
}

// excuse forgives refusals of what makes little sense.
func (h hostile) excuse(a *Act) {
	if strings.HasSuffix(h.name, "or refused") {
		a.verdict.Failures = nil
	}
}

func hostiles() []hostile {
	return []hostile{
		{"none", "R01", true, func(*World) predicate.Order { return order.IDGT(0) }},
		{"typed Or", "R04", true, func(*World) predicate.Order { return order.Or(order.TotalGT(-1), order.TotalLT(0)) }},
		{"tenant of B", "", false, func(w *World) predicate.Order { return order.TenantID(string(w.B.ID)) }},
		{"tenant of A or B", "", true, func(w *World) predicate.Order { return order.TenantIDIn(string(w.A.ID), string(w.B.ID)) }},
		{"tenant folded", "", true, func(w *World) predicate.Order { return order.TenantIDEqualFold(string(w.B.ID)) }},
		{"not tenant A", "", false, func(w *World) predicate.Order { return order.Not(order.TenantID(string(w.A.ID))) }},
		{"ids of B", "", false, func(w *World) predicate.Order { return order.IDIn(w.B.Orders()...) }},
		{"note of B", "", false, func(w *World) predicate.Order { return order.NoteContains(w.B.Mark) }},
		{"dangling Or", "R05", true, raw(func(s *sql.Selector) { s.Where(sql.GT(s.C("total"), -1)).Or() })},
		{"lone dangling Or", "R05", true, raw(func(s *sql.Selector) { s.Or() })},
		{"dangling Not", "R06", true, raw(func(s *sql.Selector) { s.Not() })},
		{"dangling Or and Not", "R06", true, raw(func(s *sql.Selector) { s.Where(sql.GT(s.C("total"), -1)).Or().Not() })},
		{"raw a OR b", "R05b", true, raw(func(s *sql.Selector) { s.Where(sql.ExprP("total > 0 OR total > 0")) })},
		{"raw a OR b after another", "R05b", true, raw(func(s *sql.Selector) {
			s.Where(sql.GT(s.C("total"), 0)).Where(sql.ExprP("total > 0 OR total > 0"))
		})},
		{"raw a OR b with arguments", "R05b", true, raw(func(s *sql.Selector) {
			s.Where(sql.P(func(b *sql.Builder) { b.WriteString("total > ").Arg(0).WriteString(" OR total > ").Arg(1) }))
		})},
		{"collecting left open", "", true, raw(func(s *sql.Selector) { s.CollectPredicates() })},
		{"collecting left open with a predicate", "", true, raw(func(s *sql.Selector) { s.CollectPredicates().Where(sql.LT(s.C("total"), 0)) })},
		{"SetP nil", "", true, raw(func(s *sql.Selector) { s.SetP(nil) })},
		{"SetP true", "", true, raw(func(s *sql.Selector) { s.SetP(sql.Not(sql.False())) })},
		{"From the same table, or refused", "", false, raw(func(s *sql.Selector) { s.From(sql.Table(order.Table)) })},
		{"own predicate changed in place", "", true, func(*World) predicate.Order {
			return func(s *sql.Selector) {
				p := sql.EQ(s.C("total"), -1)
				s.Where(p)
				*p = *sql.Or(sql.GT(s.C("total"), 0), sql.NotNull(s.C("id")))
			}
		}},
		{"And, Or and Not nested", "", true, func(w *World) predicate.Order {
			open := predicate.Order(func(s *sql.Selector) { s.Where(sql.GT(s.C("total"), 0)).Or() })
			return order.Or(order.And(open, order.TotalGT(0)), order.Not(order.And(open, order.TenantID(string(w.B.ID)))), order.TotalGT(0))
		}},
	}
}

// terminal is a way to run an order query. With all, the query matches all
// orders of A.
type terminal struct {
	name string
	run  func(a *Act, q *ent.OrderQuery, all bool)
}

func terminals() []terminal {
	return []terminal{
		{"All", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := q.All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
		{"IDs", func(a *Act, q *ent.OrderQuery, all bool) {
			ids, err := q.IDs(a.A.Ctx)
			a.Got(ids, err)
			a.matches(len(ids), all)
		}},
		{"Count", func(a *Act, q *ent.OrderQuery, all bool) {
			n, err := q.Count(a.A.Ctx)
			a.Got(n, err)
			a.matches(n, all)
		}},
		{"Count of distinct", func(a *Act, q *ent.OrderQuery, all bool) {
			n, err := q.Unique(true).Count(a.A.Ctx)
			a.Got(n, err)
			a.matches(n, all)
		}},
		{"Exist", func(a *Act, q *ent.OrderQuery, all bool) {
			exists, err := q.Exist(a.A.Ctx)
			a.Fine(err)
			if all && !exists {
				a.failf("A has no orders")
			}
		}},
		{"First", func(a *Act, q *ent.OrderQuery, _ bool) { a.Saw(q.First(a.A.Ctx)) }},
		{"FirstID", func(a *Act, q *ent.OrderQuery, _ bool) { a.Saw(q.FirstID(a.A.Ctx)) }},
		{"Only", func(a *Act, q *ent.OrderQuery, _ bool) { a.Saw(q.Only(a.A.Ctx)) }},
		{"OnlyID", func(a *Act, q *ent.OrderQuery, _ bool) { a.Saw(q.OnlyID(a.A.Ctx)) }},
		{"page", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := q.Order(order.ByID(sql.OrderDesc())).Offset(1).Limit(9).All(a.A.Ctx)
			a.Got(orders, err)
			if all && len(orders) != len(a.A.Orders())-1 {
				a.failf("the page has %d orders", len(orders))
			}
		}},
		{"Unique", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := q.Unique(true).All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
		{"Select Strings", func(a *Act, q *ent.OrderQuery, all bool) {
			notes, err := q.Select(order.FieldNote).Strings(a.A.Ctx)
			a.Got(notes, err)
			a.matches(len(notes), all)
		}},
		{"Select Ints", func(a *Act, q *ent.OrderQuery, all bool) {
			totals, err := q.Select(order.FieldTotal).Ints(a.A.Ctx)
			a.Got(totals, err)
			a.matches(len(totals), all)
		}},
		{"Select Scan", func(a *Act, q *ent.OrderQuery, all bool) {
			var found []struct {
				TenantID string `sql:"tenant_id"`
				Note     string
				Total    int
			}
			err := q.Select(order.FieldTenantID, order.FieldNote, order.FieldTotal).Scan(a.A.Ctx, &found)
			a.Got(found, err)
			a.matches(len(found), all)
		}},
		{"Aggregate", func(a *Act, q *ent.OrderQuery, all bool) {
			n, err := q.Aggregate(ent.Count()).Int(a.A.Ctx)
			a.Got(n, err)
			a.matches(n, all)
		}},
		{"GroupBy", func(a *Act, q *ent.OrderQuery, all bool) {
			notes, err := q.GroupBy(order.FieldNote).Strings(a.A.Ctx)
			a.Got(notes, err)
			a.matches(len(notes), all)
		}},
		{"GroupBy Aggregate", func(a *Act, q *ent.OrderQuery, _ bool) {
			var found []struct {
				TenantID string `sql:"tenant_id"`
				Max, N   int
			}
			err := q.GroupBy(order.FieldTenantID).Aggregate(ent.As(ent.Max(order.FieldTotal), "max"), ent.As(ent.Count(), "n")).Scan(a.A.Ctx, &found)
			a.Got(found, err)
		}},
		{"Clone", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := q.Clone().Clone().All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
		{"eager loading", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := q.WithOwner().WithItems().WithNamedItems("x").WithLabels().WithCountry().All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
		{"walking to owners", func(a *Act, q *ent.OrderQuery, _ bool) { a.Got(q.QueryOwner().All(a.A.Ctx)) }},
		{"walking to items", func(a *Act, q *ent.OrderQuery, _ bool) { a.Got(q.QueryItems().All(a.A.Ctx)) }},
		{"walking there and back", func(a *Act, q *ent.OrderQuery, _ bool) { a.Got(q.QueryOwner().QueryOrders().All(a.A.Ctx)) }},
		{"ForShare", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := a.sharing(q).All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
		{"ForUpdate", func(a *Act, q *ent.OrderQuery, all bool) {
			orders, err := a.locking(q).All(a.A.Ctx)
			a.Got(orders, err)
			a.matches(len(orders), all)
		}},
	}
}

// locking adds FOR UPDATE where the database has it.
func (a *Act) locking(q *ent.OrderQuery) *ent.OrderQuery {
	if a.Dialect == dialect.SQLite {
		return q
	}
	return q.ForUpdate()
}

// sharing adds FOR SHARE where the database has it.
func (a *Act) sharing(q *ent.OrderQuery) *ent.OrderQuery {
	if a.Dialect != dialect.Postgres {
		return q
	}
	return q.ForShare()
}

func (a *Act) matches(n int, all bool) {
	switch want := len(a.A.Orders()); {
	case n > want:
		a.leakf("%d orders, A has %d", n, want)
	case all && n < want:
		a.failf("%d orders, A has %d", n, want)
	}
}

func predicateAttacks() []Attack {
	var attacks []Attack
	for _, h := range hostiles() {
		attacks = append(attacks, Attack{Name: "read where " + h.name, Row: h.row, Run: func(a *Act) {
			for _, t := range terminals() {
				a.Within(t.name, func() {
					a.Step(func() { t.run(a, a.Client.Order.Query().Where(h.predicate(a.World)), h.all) })
					h.excuse(a)
				})
			}
		}})
	}
	for _, h := range hostiles() {
		attacks = append(attacks, Attack{Name: "update where " + h.name, Row: updateRow(h.row), Run: func(a *Act) {
			n, err := a.Client.Order.Update().Where(h.predicate(a.World)).SetNote("taken").Save(a.A.Ctx)
			a.Got(nil, err)
			a.matches(n, h.all)
			h.excuse(a)
		}}, Attack{Name: "delete where " + h.name, Row: updateRow(h.row), Run: func(a *Act) {
			// Items hang on the other orders, and may not be orphaned.
			alone := order.Not(order.IDIn(a.A.OrderX, a.A.OrderC))
			n, err := a.Client.Order.Delete().Where(alone, h.predicate(a.World)).Exec(a.A.Ctx)
			a.Got(nil, err)
			a.matches(n, false)
			h.excuse(a)
		}}, Attack{Name: "update one of B where " + h.name, Row: updateRow(h.row), Run: func(a *Act) {
			of := func() *ent.OrderUpdateOne { return a.Client.Order.UpdateOneID(a.B.Order).Where(h.predicate(a.World)) }
			for name, u := range map[string]*ent.OrderUpdateOne{
				"field": of().SetNote("taken"), "nothing": of(), "items": of().ClearItems(), "labels": of().ClearLabels(),
				"new label": of().AddLabelIDs(a.LabelIdle), "new item": of().AddItemIDs(a.A.ItemIdle),
			} {
				a.Within(name, func() {
					o, err := u.Save(a.A.Ctx)
					a.Saw(o, err)
					a.NotFound(err)
				})
			}
			h.excuse(a)
		}}, Attack{Name: "delete one of B where " + h.name, Row: updateRow(h.row), Run: func(a *Act) {
			// ent itself lets such a predicate swallow the id: rows of A may go.
			a.Saw(nil, a.Client.Order.DeleteOneID(a.B.Order).Where(order.Not(order.IDIn(a.A.OrderX, a.A.OrderC)), h.predicate(a.World)).Exec(a.A.Ctx))
		}})
	}
	return attacks
}

func updateRow(row string) string {
	if strings.HasPrefix(row, "R05") || row == "R06" {
		return "W02b/c"
	}
	return ""
}

var errPredicate = errors.New("this predicate fails")

// failingPredicateAttacks are predicates that ent drops when they fail.
func failingPredicateAttacks() []Attack {
	fails := predicate.Order(func(s *sql.Selector) { s.AddError(errPredicate) })
	nested := order.Not(order.And(order.TotalGT(0), fails))
	open := predicate.Order(func(s *sql.Selector) { s.Where(sql.ExprP("1 = 1 OR 1 = 1")).AddError(errPredicate) })
	var attacks []Attack
	for _, p := range []predicate.Order{fails, nested, open} {
		name := []string{"a failing predicate", "a nested failing predicate", "a failing raw a OR b"}[len(attacks)/2]
		attacks = append(attacks, Attack{Name: "read where " + name, Row: "R05c", Run: func(a *Act) {
			for _, t := range terminals() {
				a.Within(t.name, func() {
					n := len(a.verdict.Failures)
					a.Step(func() { t.run(a, a.Client.Order.Query().Where(p), false) })
					a.verdict.Failures = a.verdict.Failures[:n] // refusing is what it should do
				})
			}
			notes, err := a.Client.Order.Query().Where(p).Select(order.FieldNote).Strings(a.A.Ctx)
			a.Told(err, errPredicate)
			a.Nothing(len(notes), nil)
			// Where nobody asks for the error, the predicate is false, and not forgotten.
			items, err := a.Client.Order.Query().Where(p).QueryItems().All(a.A.Ctx)
			a.Saw(items, err)
			a.Nothing(len(items), nil)
			users, err := a.Client.User.Query().Where(user.HasOrdersWith(p)).All(a.A.Ctx)
			a.Saw(users, err)
			a.Nothing(len(users), nil)
		}}, Attack{Name: "write where " + name, Row: "W02d", Run: func(a *Act) {
			_, err := a.Client.Order.Delete().Where(p).Exec(a.A.Ctx)
			a.Told(err, errPredicate)
			_, err = a.Client.Order.Update().Where(p).SetNote("x").Save(a.A.Ctx)
			a.Told(err, errPredicate)
			_, err = a.Client.User.Delete().Where(func(s *sql.Selector) { s.AddError(errPredicate) }).Exec(a.A.Ctx)
			a.Told(err, errPredicate)
			a.Told(a.Client.Order.UpdateOneID(a.A.Order).Where(p).SetNote("x").Exec(a.A.Ctx), errPredicate)
			a.Refused(a.Client.Order.UpdateOneID(a.B.Order).Where(p).SetNote("x").Exec(a.A.Ctx))
			a.Told(a.Client.Order.DeleteOneID(a.A.Order).Where(p).Exec(a.A.Ctx), errPredicate)
			n, err := a.Client.Order.Query().Count(a.A.Ctx)
			a.Counts(n, err, len(a.A.Orders()))
		}})
	}
	return attacks
}
