package isolation

import (
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// become makes the table of s another one, in the place where it is.
func become(table, alias string) func(*sql.Selector) {
	return func(s *sql.Selector) { *s.Table() = *sql.Dialect(s.Dialect()).Table(table).As(alias) }
}

// from makes s read from another table, by the name of its own.
func from(table, alias string) func(*sql.Selector) {
	return func(s *sql.Selector) { s.From(sql.Table(table).As(alias)) }
}

// tableAttacks put the table of tenants' rows in the place of one with rows of
// everybody, which has no tenant's condition.
func tableAttacks() []Attack {
	orders := map[string]func(*sql.Selector){
		"in place": become("orders", "countries"), "from": from("orders", "countries"),
		"from a sub-select": func(s *sql.Selector) {
			s.From(sql.Dialect(s.Dialect()).Select("id", "note").From(sql.Table("orders")).As("countries"))
		},
		"from a sub-select on what its table has become": func(s *sql.Selector) {
			become("orders", "")(s)
			s.From(sql.Dialect(s.Dialect()).Select("id", "note").From(s.Table()).As("countries"))
		},
	}
	notes := func(s *sql.Selector) { s.Select("note") }
	return []Attack{
		{Name: "read globals whose table has become another", Row: "R29", Run: func(a *Act) {
			c := a.Client.Country
			for name, other := range orders {
				a.Within(name, func() {
					a.Step(func() { a.Saw(c.Query().Where(other).Modify(notes).Strings(a.A.Ctx)) })
					a.Step(func() { a.Saw(c.Query().Order(other).Modify(notes).Strings(a.A.Ctx)) })
					a.Step(func() { a.Saw(c.Query().Modify(other, notes).Strings(a.A.Ctx)) })
					a.Step(func() { a.Saw(c.Query().Where(other).IDs(a.A.Ctx)) })
					a.Step(func() { a.Saw(c.Query().Order(other).All(a.A.Ctx)) })
					a.Step(func() { a.nothingMore(c.Query().Where(other).Count(a.A.Ctx)) })
					a.Step(func() { a.nothingMore(c.Query().Order(other).Count(a.A.Ctx)) })
					a.Step(func() { q := c.Query(); q.Modify(other); a.nothingMore(q.Count(a.A.Ctx)) })
					a.Step(func() {
						a.Saw(c.Query().Aggregate(func(s *sql.Selector) string { other(s); return sql.Max("note") }).Strings(a.A.Ctx))
					})
				})
			}
		}},
		{Name: "read globals whose table has become another and make the failure forgotten", Row: "R29", Run: func(a *Act) {
			c := a.Client.Country
			some := func(s *sql.Selector) { s.Select("id", "note") }
			forget := func(s *sql.Selector) { sqlgraph.LimitNeighbors("id", 9)(s.SetP(nil)) }
			anew := func(s *sql.Selector) { *s = *s.Clone() }
			for name, other := range orders {
				a.Within(name, func() {
					for _, q := range []*ent.CountryQuery{c.Query().Where(other, some), c.Query().Order(other, some), c.Query().Where(anew).Order(other, some)} {
						q.Modify(forget)
						a.Step(func() { a.Saw(q.All(a.A.Ctx)) })
						a.Step(func() { a.nothingMore(q.Count(a.A.Ctx)) })
					}
				})
			}
		}},
		{Name: "read from an expression", Row: "R29", Run: func(a *Act) {
			q := a.Client.Order.Query()
			q.Modify(func(s *sql.Selector) { s.FromExpr(sql.Expr("orders")) })
			_, err := q.All(a.A.Ctx)
			a.Told(err, tenancy.ErrCrossTenant)
			_, err = a.Client.Order.Query().Where(func(s *sql.Selector) { s.FromExpr(sql.Expr("orders")) }).Count(a.A.Ctx)
			a.Told(err, tenancy.ErrCrossTenant)
		}},
		{Name: "ask for a global neighbor whose table has become another", Row: "R15/15c", Run: func(a *Act) {
			guess := func(s *sql.Selector) { s.SetP(sql.Contains(s.C("note"), a.B.Mark)) }
			for name, other := range orders {
				a.Within(name, func() {
					a.Step(func() {
						n, err := a.Client.Order.Query().Where(order.HasCountryWith(other, guess)).Count(a.A.Ctx)
						a.Nothing(n, err)
					})
					a.Step(func() {
						q := a.Client.Order.Query()
						q.Filter().WhereHasCountryWith(other, guess)
						n, err := q.Count(a.A.Ctx)
						a.Nothing(n, err)
						a.Told(err, tenancy.ErrCrossTenant)
					})
				})
			}
		}},
		{Name: "update globals whose table has become another", Row: "W31/33", Run: func(a *Act) {
			note := func(u *sql.UpdateBuilder) { u.Set("note", "x") }
			into := func(s *sql.Selector) { become("orders", "")(s); s.Where(sql.NotNull("id")) }
			a.Step(func() { a.Refused(a.Client.Account.Update().Where(into).Modify(note).Exec(a.A.Ctx)) })
			a.Step(func() { a.Refused(a.Client.Account.UpdateOneID(a.AccountIdle).Where(into).Modify(note).Exec(a.A.Ctx)) })
		}},
		{Name: "update rows of B by ids that A has in another table", Run: func(a *Act) {
			a.collidingIDs()
			into := func(s *sql.Selector) { become("users", "")(s); s.Where(sql.EQ(s.C("id"), a.B.Order)) }
			a.Step(func() {
				a.Saw(nil, a.Client.Order.Update().Where(into).SetNote("x").AddLabelIDs(a.LabelIdle).Exec(a.A.Ctx))
			})
			a.Step(func() { a.Saw(nil, a.Client.Order.Update().Where(into).ClearItems().Exec(a.A.Ctx)) })
		}},
		{Name: "delete globals whose table has become another", Row: "W31/33", Run: func(a *Act) {
			for name, other := range map[string]func(*sql.Selector){
				"in place": become("memos", ""), "from": from("memos", "accounts"),
				"from a sub-select": func(s *sql.Selector) { s.From(sql.Select().From(sql.Table("memos")).As("accounts")) },
			} {
				a.Within(name, func() {
					a.Step(func() {
						_, err := a.Client.Account.Delete().Where(other).Exec(a.A.Ctx)
						a.Refused(err)
					})
				})
			}
		}},
	}
}

// nothingMore reports a number of countries.
func (a *Act) nothingMore(n int, err error) {
	a.Saw(nil, err)
	a.Nothing(max(0, n-2), nil)
}

// collidingIDs gives the idle user of A the id of an order of B.
func (a *Act) collidingIDs() {
	id := func(u *sql.UpdateBuilder) { u.Set("id", a.B.Order) }
	a.Step(func() {
		n, err := a.Client.User.Update().Where(user.ID(a.A.Idle)).Modify(id).Save(a.A.Ctx)
		a.Counts(n, err, 1)
	})
	a.Step(func() {
		n, err := a.Client.User.Query().Where(user.ID(a.B.Order)).Count(a.A.Ctx)
		a.Counts(n, err, 1)
	})
}
