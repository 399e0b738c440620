package isolation

import (
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// change is what a function that is handed a restricted selector of orders may
// do to it.
type change struct {
	name, row string
	do        func(*World, *sql.Selector)
}

// p returns the predicate of a selector that has none before its modifiers run
// if it is of Select or GroupBy.
func p(s *sql.Selector) *sql.Predicate {
	if s.P() == nil {
		s.Where(sql.GT(s.C(order.FieldTotal), 0))
	}
	return s.P()
}

func changes() []change {
	always := func() *sql.Predicate { return sql.Not(sql.False()) }
	return []change{
		{"SetP nil", "R18", func(_ *World, s *sql.Selector) { s.SetP(nil) }},
		{"SetP true", "R18", func(_ *World, s *sql.Selector) { s.SetP(always()) }},
		{"SetP tenant B", "R18", func(w *World, s *sql.Selector) { s.SetP(sql.EQ(s.C("tenant_id"), string(w.B.ID))) }},
		{"Or where true", "R17", func(_ *World, s *sql.Selector) { s.Or().Where(always()) }},
		{"Or where raw", "R17", func(_ *World, s *sql.Selector) { s.Or().Where(sql.ExprP("1 = 1")) }},
		{"Or of P", "R17", func(_ *World, s *sql.Selector) { s.SetP(sql.Or(p(s), always())) }},
		{"Not P", "R17", func(_ *World, s *sql.Selector) { s.SetP(sql.Not(p(s))) }},
		{"dangling Or and Not", "R17", func(_ *World, s *sql.Selector) { s.Or().Not() }},
		{"raw a OR b", "R17", func(_ *World, s *sql.Selector) { s.Where(sql.ExprP("total > 0 OR total > 0")) }},
		{"P changed in place", "R18", func(_ *World, s *sql.Selector) { *p(s) = *always() }},
		{"P changed in place to tenant B", "R18", func(w *World, s *sql.Selector) { *p(s) = *sql.EQ(s.C("tenant_id"), string(w.B.ID)) }},
		{"P wrapped in place", "R18", func(_ *World, s *sql.Selector) { old := *p(s); *p(s) = *sql.Or(&old, always()) }},
		{"P honest when it is looked at", "R18", func(_ *World, s *sql.Selector) {
			old, looks := *p(s), 0
			*p(s) = *sql.P(func(b *sql.Builder) {
				if looks++; looks == 1 {
					b.Join(&old)
					return
				}
				b.WriteString("1 = 1")
			})
		}},
		{"From the table", "", func(_ *World, s *sql.Selector) { s.From(sql.Table(order.Table)) }},
		{"From the table, SetP nil", "", func(_ *World, s *sql.Selector) { s.From(sql.Table(order.Table)).SetP(nil) }},
		{"From the table, Or of P", "", func(_ *World, s *sql.Selector) { s.SetP(sql.Or(p(s), always())).From(sql.Table(order.Table)) }},
		{"From the table, Not P", "", func(_ *World, s *sql.Selector) { s.SetP(sql.Not(p(s))).From(sql.Table(order.Table)) }},
		{"From the table, P in the selection", "", func(_ *World, s *sql.Selector) {
			p := p(s)
			s.From(sql.Table(order.Table)).SetP(nil).OrderExpr(sql.ExprFunc(func(b *sql.Builder) { b.WriteByte('(').Join(p).WriteByte(')') }))
		}},
		{"collecting left open", "", func(_ *World, s *sql.Selector) { s.CollectPredicates().Or() }},
		{"Unselect and select", "", func(_ *World, s *sql.Selector) { s.SetP(nil).Limit(100).Offset(0).OrderBy("id") }},
	}
}

// modifyAttacks use the functions that ent runs after all predicates.
func modifyAttacks() []Attack {
	var attacks []Attack
	for _, c := range changes() {
		attacks = append(attacks, Attack{Name: "Modify: " + c.name, Row: c.row, Run: func(a *Act) {
			modified := func() *ent.OrderQuery {
				q := a.Client.Order.Query()
				q.Modify(func(s *sql.Selector) { c.do(a.World, s) })
				return q
			}
			for _, t := range terminals() {
				a.Within(t.name, func() {
					n := len(a.verdict.Failures)
					a.Step(func() { t.run(a, modified(), false) })
					a.verdict.Failures = a.verdict.Failures[:n] // changes that make no sense may fail
				})
			}
			a.Within("owner's orders", func() {
				a.Step(func() {
					a.Saw(a.Client.User.Query().WithOrders(func(q *ent.OrderQuery) { q.Modify(func(s *sql.Selector) { c.do(a.World, s) }) }).All(a.A.Ctx))
				})
			})
		}}, Attack{Name: "aggregate: " + c.name, Row: c.row, Run: func(a *Act) { a.aggregate(c) }})
	}
	return append(attacks, Attack{Name: "Modify that adds what it may", Run: func(a *Act) {
		var found []struct {
			Note   string
			Double int
		}
		err := a.Client.Order.Query().Modify(func(s *sql.Selector) {
			s.Select(order.FieldNote).AppendSelectExprAs(sql.Raw("total * 2"), "double").Where(sql.GT("total", 11)).OrderBy("total")
		}).Scan(a.A.Ctx, &found)
		a.Got(found, err)
		if len(found) != 3 {
			a.failf("got %v", found)
		}
	}})
}

// aggregate hands the selector to aggregation functions.
func (a *Act) aggregate(c change) {
	hostile := func(s *sql.Selector) string {
		c.do(a.World, s)
		return sql.As(sql.Max(s.C(order.FieldNote)), "note")
	}
	for name, run := range map[string]func() (any, error){
		"Aggregate": func() (any, error) { return a.Client.Order.Query().Aggregate(hostile).Strings(a.A.Ctx) },
		"Aggregate twice": func() (any, error) {
			var v []struct {
				Note string
				N    int
			}
			err := a.Client.Order.Query().Aggregate(hostile, ent.As(ent.Count(), "n")).Scan(a.A.Ctx, &v)
			if len(v) == 1 && v[0].N > len(a.A.Orders()) {
				a.leakf("%d orders are counted", v[0].N)
			}
			return v, err
		},
		"Select and Aggregate": func() (any, error) {
			var v []struct{ Number, Note string }
			err := a.Client.Order.Query().Select(order.FieldNumber).Aggregate(hostile).Scan(a.A.Ctx, &v)
			return v, err
		},
		"GroupBy": func() (any, error) {
			var v []struct{ Number, Note string }
			err := a.Client.Order.Query().GroupBy(order.FieldNumber).Aggregate(hostile).Scan(a.A.Ctx, &v)
			return v, err
		},
		"over a traversal": func() (any, error) {
			return a.Client.User.Query().QueryOrders().Aggregate(hostile).Strings(a.A.Ctx)
		},
	} {
		a.Within(name, func() { a.Step(func() { a.Saw(run()) }) })
	}
}

// aggregateAttacks use ent's own aggregations.
func aggregateAttacks() []Attack {
	return []Attack{{Name: "aggregate", Row: "R08", Run: func(a *Act) {
		ctx := a.A.Ctx
		sum, err := a.Client.Order.Query().Aggregate(ent.Sum(order.FieldTotal)).Int(ctx)
		a.Got(sum, err)
		if want := 10 + 11 + 12 + 13 + 14; sum != want {
			a.failf("sum is %d, want %d", sum, want)
		}
		a.Got(a.Client.Order.Query().Aggregate(ent.Max(order.FieldTotal)).Int(ctx))
		a.Got(a.Client.Order.Query().Aggregate(ent.Mean(order.FieldTotal)).Float64(ctx))
		a.Got(a.Client.Order.Query().Aggregate(ent.Min(order.FieldNote)).Strings(ctx))
		var owners []struct {
			OwnerID int `sql:"owner_id"`
			N       int
		}
		a.Got(owners, a.Client.User.Query().QueryOrders().GroupBy(order.FieldOwnerID).Aggregate(ent.As(ent.Count(), "n")).Scan(ctx, &owners))
		a.Counts(len(owners), nil, 2)
		a.Got(a.Client.User.Query().GroupBy(user.FieldTenantID).Strings(ctx))
		a.Got(a.Client.User.Query().Unique(true).Select(user.FieldTenantID).Strings(ctx))
	}}, {Name: "aggregate over global rows' edges", Row: "R29", Run: func(a *Act) {
		n, err := a.Client.Country.Query().QueryOrders().Aggregate(ent.Count()).Int(a.A.Ctx)
		a.Counts(n, err, 1)
		n, err = a.Client.Account.Query().QueryUsers().Count(a.A.Ctx)
		a.Counts(n, err, 1)
		n, err = a.Client.Account.Query().QueryFavorite().Count(a.A.Ctx)
		a.Counts(n, err, 1)
	}}}
}
