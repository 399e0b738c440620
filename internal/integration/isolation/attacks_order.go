package isolation

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/label"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// neighborOrder orders users by neighbors and selects the value ordered by.
type neighborOrder struct {
	edge  string
	order func(opts ...sql.OrderTermOption) user.OrderOption
}

func counts() []neighborOrder {
	return []neighborOrder{
		{"orders", user.ByOrdersCount},
		{"groups", user.ByGroupsCount},
		{"friends", user.ByFriendsCount},
		{"followers", user.ByFollowersCount},
		{"following", user.ByFollowingCount},
		{"reports", user.ByReportsCount},
		{"teams", user.ByTeamsCount},
		{"clubs", user.ByClubsCount},
		{"accounts", user.ByAccountsCount},
	}
}

// terms order by a value of a neighbor; over each of them UserX has one of B's.
func terms() []neighborOrder {
	return []neighborOrder{
		{"orders", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByOrders(byMax("note", o...))
		}},
		{"orders, two terms", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByOrders(byMax("note", o...), byMax("number", sql.OrderAs("second")))
		}},
		{"groups", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByGroups(byMax("name", o...))
		}},
		{"teams", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByTeams(byMax("name", o...))
		}},
		{"clubs", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByClubs(byMax("name", o...))
		}},
		{"accounts", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByAccounts(byMax("login", o...))
		}},
		{"friends", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByFriends(byMax("name", o...))
		}},
		{"reports", func(o ...sql.OrderTermOption) user.OrderOption {
			return user.ByReports(byMax("name", o...))
		}},
		{"profile", func(o ...sql.OrderTermOption) user.OrderOption { return user.ByProfileField("bio", o...) }},
		{"spouse", func(o ...sql.OrderTermOption) user.OrderOption { return user.BySpouseField(user.FieldName, o...) }},
		{"manager", func(o ...sql.OrderTermOption) user.OrderOption { return user.ByManagerField(user.FieldName, o...) }},
	}
}

// orderAttacks order by neighbors, B's among them.
func orderAttacks() []Attack {
	var attacks []Attack
	for _, o := range counts() {
		attacks = append(attacks, Attack{Name: "order by the number of " + o.edge, Row: "R16/16b", Run: func(a *Act) {
			a.ordered(o)
		}})
	}
	for _, o := range terms() {
		attacks = append(attacks, Attack{Name: "order by a term of " + o.edge, Row: "R16/16b", Run: func(a *Act) {
			a.ordered(o)
		}})
	}
	return append(attacks, otherOrders()...)
}

// ordered orders users, and selects what they are ordered by.
func (a *Act) ordered(o neighborOrder) {
	var found []struct {
		ID int     `sql:"id"`
		V  *string `sql:"v"`
	}
	by := o.order(sql.OrderDesc(), sql.OrderSelectAs("v"))
	err := a.Client.User.Query().Order(by).Select(user.FieldID).Scan(a.A.Ctx, &found)
	if refusedOfEnt(err) && (o.edge == "profile" || o.edge == "spouse") {
		return
	}
	a.Got(found, err)
	a.fifth(len(found))
	owned := false
	for _, u := range found {
		switch {
		case u.ID == a.A.UserX && u.V != nil && *u.V != "0":
			a.leakf("UserX is ordered by %q", *u.V)
		case u.V != nil && *u.V != "0":
			owned = true
		}
	}
	a.Saw(found, nil)
	if !owned {
		a.failf("nobody is ordered by anything")
	}
	users, err := a.Client.User.Query().Order(o.order(sql.OrderAs("v"))).All(a.A.Ctx)
	a.Got(users, err)
	a.fifth(len(users))
	if a.Dialect == dialect.SQLite { // ent cannot read NULL into entities from this driver
		return
	}
	users, err = a.Client.User.Query().Order(by).All(a.A.Ctx)
	a.Got(users, err)
	for _, u := range users {
		a.neighborValue(u, "v")
	}
}

func (a *Act) fifth(n int) {
	if n != 5 {
		a.failf("%d users, A has 5", n)
	}
}

// neighborValue looks at what UserX was ordered by: nothing, or none.
func (a *Act) neighborValue(u *ent.User, name string) {
	v, err := u.Value(name)
	a.Got(v, err)
	if n := fmt.Sprint(v); u.ID == a.A.UserX && n != "<nil>" && n != "0" {
		a.leakf("UserX is ordered by %v", v)
	}
}

func otherOrders() []Attack {
	return []Attack{
		{Name: "order by neighbors of orders and globals", Row: "R16/16b", Run: func(a *Act) {
			ctx := a.A.Ctx
			v := sql.OrderSelectAs("v")
			type values []struct {
				ID int     `sql:"id"`
				V  *string `sql:"v"`
			}
			scan := func(s interface {
				Scan(ctx context.Context, v any) error
			},
			) values {
				var found values
				err := s.Scan(ctx, &found)
				a.Got(found, err)
				return found
			}
			scan(a.Client.Order.Query().Order(order.ByOwnerField(user.FieldName, v)).Select("id"))
			scan(a.Client.Order.Query().Order(order.ByItemsCount(v)).Select("id"))
			scan(a.Client.Country.Query().Order(country.ByOrders(byMax("note", v))).Select("id"))
			scan(a.Client.Label.Query().Order(label.ByOrders(byMax("note", v))).Select("id"))
			scan(a.Client.Account.Query().Order(account.ByFavoriteField("text", v)).Select("id"))
			for _, c := range scan(a.Client.Country.Query().Order(country.ByOrdersCount(v)).Select("id")) {
				if c.V != nil && *c.V == "2" {
					a.leakf("%d has two orders", c.ID)
				}
			}
		}},
		{Name: "order a traversal", Row: "R16/16b", Run: func(a *Act) {
			a.Got(a.Client.Group.Query().QueryUsers().Unique(false).Order(user.ByOrdersCount(), user.ByID()).All(a.A.Ctx))
			a.Got(a.Client.Account.Query().QueryUsers().Unique(false).Order(user.ByOrders(byMax("note", sql.OrderSelectAs("v")), byMax("number", sql.OrderAs("w")))).All(a.A.Ctx))
		}},
		{Name: "order by functions that restrict the other way", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Order(func(s *sql.Selector) { s.SetP(nil).Or() }).All(a.A.Ctx))
			a.Got(a.Client.Order.Query().Order(func(s *sql.Selector) { s.Where(sql.Not(sql.False())).Or() }).Select(order.FieldNote).Strings(a.A.Ctx))
			ids, err := a.Client.Order.Query().Order(func(s *sql.Selector) { s.Where(sql.GT("total", 0)).Or() }).IDs(a.A.Ctx)
			a.Sees(ids, err, a.A.Orders()...)
		}},
		{Name: "order without tenant", Row: "R10/W28", Run: func(a *Act) {
			for _, o := range append(counts(), terms()...) {
				_, err := a.Client.User.Query().Order(o.order()).All(a.Nobody)
				a.Refused(err)
			}
			_, err := a.Client.Country.Query().Order(country.ByOrdersCount()).All(a.Nobody)
			a.Refused(err)
			_, err = a.Client.Country.Query().Order(country.ByOrdersCount()).All(context.WithoutCancel(a.Nobody))
			a.Refused(err)
		}},
	}
}

// byMax is a term that orders by the greatest value of a column.
func byMax(column string, opts ...sql.OrderTermOption) *sql.OrderExprTerm {
	t := &sql.OrderExprTerm{Expr: func(s *sql.Selector) sql.Querier { return sql.Raw(sql.Max(s.C(column))) }}
	for _, opt := range opts {
		opt(&t.OrderTermOptions)
	}
	return t
}
