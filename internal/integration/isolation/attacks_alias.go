package isolation

import (
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	"github.com/entenancy/tenancy/privacy"
)

// aliasAttacks call a statement or its table by the name of another one, so that the
// tenant's condition would be on that.
func aliasAttacks() []Attack {
	return []Attack{
		{Name: "alias of a sub-query that is the outer table", Row: "R15/15c", Run: func(a *Act) {
			n, err := a.Client.User.Query().Where(user.HasOrdersWith(func(s *sql.Selector) {
				s.SetP(sql.Contains(s.C(order.FieldNote), a.B.Mark))
				s.As(user.Table)
			})).Count(a.A.Ctx)
			a.Counts(n, err, 0)
			n, err = a.Client.User.Query().Where(user.HasManagerWith(func(s *sql.Selector) { s.As(user.Table) })).Count(a.A.Ctx)
			a.Counts(n, err, 1)
			n, err = a.Client.Order.Update().Where(order.HasOwnerWith(func(s *sql.Selector) { s.As(order.Table) })).SetNote("x").Save(a.A.Ctx)
			a.Counts(n, err, 3)
		}},
		{Name: "alias of a query that is a joined table", Row: "R20", Run: func(a *Act) {
			a.Step(func() {
				a.Saw(a.Client.Order.Query().Where(func(s *sql.Selector) {
					s.Join(others(s)).OnP(sql.ExprP("1 = 1"))
					s.As("others")
				}).All(a.A.Ctx))
			})
			a.Step(func() {
				a.Saw(a.Client.Order.Query().Where(func(s *sql.Selector) {
					s.Table().As("mine")
					s.Join(sql.Table(order.Table).As(order.Table)).OnP(sql.ExprP("1 = 1"))
					s.Select(sql.Table("mine").C(order.FieldNote))
				}).Select(order.FieldNote).Strings(a.A.Ctx))
			})
		}},
		{Name: "alias of what is deleted that is a table of the check", Row: "W25", Touches: []string{"accounts"}, Run: func(a *Act) {
			for name, as := range map[string]func(*sql.Selector){
				"statement": func(s *sql.Selector) { s.As(privacy.HopPrefix + "0") }, "table": func(s *sql.Selector) { s.Table().As(privacy.HopPrefix + "0") },
			} {
				a.Within(name, func() {
					a.Step(func() {
						_, err := a.Client.User.Delete().Where(user.ID(a.A.UserX), as).Exec(a.A.Ctx)
						a.Saw(nil, err)
					})
					a.Step(func() {
						_, err := a.Client.Account.Delete().Where(account.ID(a.Account), as).Exec(a.A.Ctx)
						a.Saw(nil, err)
					})
				})
			}
		}},
	}
}
