package isolation

import (
	"context"
	"errors"

	"entgo.io/ent/entql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/label"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// linkAttacks go over join rows of B between rows of A, or of A and everybody's.
func linkAttacks() []Attack {
	return []Attack{
		{Name: "walk over B's join rows", Row: "R13/14", Run: func(a *Act) {
			a.countsOf(a.A.Ctx, 0)
		}},
		{Name: "System walks over every join row", Shared: true, Run: func(a *Act) {
			a.countsOf(a.System, 1)
		}},
		{Name: "ask over B's join rows", Row: "R15b", Run: asksOverLinks},
		{Name: "ask over B's join rows by entql", Row: "R15b", Run: asksOverLinksByFilter},
		{Name: "load B's join rows", Row: "R11", Run: func(a *Act) {
			users, err := everyEdge(a.Client.User.Query().Where(user.ID(a.A.UserX))).All(a.A.Ctx)
			a.Got(users, err)
			for _, u := range users {
				a.Nothing(len(u.Edges.Accounts)+len(u.Edges.Groups)+len(u.Edges.Friends)+len(u.Edges.Following), nil)
			}
			accounts, err := a.Client.Account.Query().Where(account.ID(a.AccountAbroad)).WithUsers().All(a.A.Ctx)
			a.Got(accounts, err)
			for _, found := range accounts {
				a.Nothing(len(found.Edges.Users), nil)
			}
		}},
		{Name: "order by B's join rows", Row: "R16/16b", Run: func(a *Act) {
			ids, err := a.Client.Account.Query().Where(account.IDIn(a.Account, a.AccountAbroad)).Order(account.ByUsersCount()).IDs(a.A.Ctx)
			a.Sees(ids, err, a.Account, a.AccountAbroad)
			if err == nil && len(ids) == 2 && ids[0] != a.AccountAbroad {
				a.leakf("an account that A has no user of has no fewer than one with Ann: %v", ids)
			}
			_, err = a.Client.Label.Query().Order(label.ByOrdersCount()).All(a.Nobody)
			a.Refused(err)
			_, err = a.Client.Account.Query().Order(account.ByUsers(byMax("name"))).All(a.Nobody)
			a.Refused(err)
		}},
	}
}

// countsOf walks along edges that are of B's join rows only, from rows of A and back,
// each from the entity and from a query. Who sees them all sees one at the end of each.
func (a *Act) countsOf(ctx context.Context, want int) {
	c := a.Client
	x, err := c.User.Get(ctx, a.A.UserX)
	a.Fine(err)
	o, oErr := c.Order.Get(ctx, a.A.OrderX)
	a.Fine(oErr)
	g, gErr := c.Group.Get(ctx, a.A.GroupX)
	a.Fine(gErr)
	abroad, aErr := c.Account.Get(ctx, a.AccountAbroad)
	a.Fine(aErr)
	idle, lErr := c.Label.Get(ctx, a.LabelIdle)
	a.Fine(lErr)
	if errors.Join(err, oErr, gErr, aErr, lErr) != nil {
		return
	}
	users, mine := c.User.Query().Where(user.ID(x.ID)), user.ID(x.ID)
	for edge, count := range map[string]func(context.Context) (int, error){
		"accounts":            x.QueryAccounts().Where(account.ID(abroad.ID)).Count,
		"accounts of query":   users.Clone().QueryAccounts().Where(account.ID(abroad.ID)).Count,
		"groups":              x.QueryGroups().Where(group.ID(g.ID)).Count,
		"groups of query":     users.Clone().QueryGroups().Where(group.ID(g.ID)).Count,
		"friends":             x.QueryFriends().Where(mine).Count,
		"friends of query":    users.Clone().QueryFriends().Where(mine).Count,
		"following":           x.QueryFollowing().Where(mine).Count,
		"followers":           x.QueryFollowers().Where(mine).Count,
		"followers of query":  users.Clone().QueryFollowers().Where(mine).Count,
		"labels":              o.QueryLabels().Count,
		"users of account":    abroad.QueryUsers().Where(mine).Count,
		"users of accounts":   c.Account.Query().Where(account.ID(abroad.ID)).QueryUsers().Where(mine).Count,
		"users of group":      g.QueryUsers().Where(mine).Count,
		"users of groups":     c.Group.Query().Where(group.ID(g.ID)).QueryUsers().Where(mine).Count,
		"orders of label":     idle.QueryOrders().Where(order.ID(o.ID)).Count,
		"orders of the label": c.Label.Query().Where(label.ID(idle.ID)).QueryOrders().Where(order.ID(o.ID)).Count,
	} {
		a.Within(edge, func() {
			n, err := count(ctx)
			if err != nil || n < want {
				a.failf("counts %d, want %d: %v", n, want, err)
			}
			if n > want {
				a.leakf("counts %d over B's join rows, want %d", n, want)
			}
		})
	}
}

// asksOverLinks asks which rows have a neighbor that B's join rows lead to.
func asksOverLinks(a *Act) {
	ctx, c := a.A.Ctx, a.Client
	users, err := c.User.Query().Where(user.HasAccounts()).IDs(ctx)
	a.Sees(users, err, a.A.Ann)
	users, err = c.User.Query().Where(user.HasAccountsWith(account.ID(a.AccountAbroad))).IDs(ctx)
	a.Sees(users, err)
	users, err = c.User.Query().Where(user.HasAccountsWith(account.Not(account.ID(a.AccountIdle)))).IDs(ctx)
	a.Sees(users, err, a.A.Ann)
	users, err = c.User.Query().Where(user.Not(user.HasAccountsWith(account.ID(a.AccountAbroad)))).IDs(ctx)
	a.Sees(users, err, a.A.Users()...)
	users, err = c.User.Query().Where(user.HasGroupsWith(group.ID(a.A.GroupX))).IDs(ctx)
	a.Sees(users, err)
	users, err = c.User.Query().Where(user.HasFriendsWith(user.ID(a.A.UserX))).IDs(ctx)
	a.Sees(users, err)
	users, err = c.User.Query().Where(user.HasFriendsWith(user.HasFriendsWith(user.ID(a.A.Ann)))).IDs(ctx)
	a.Sees(users, err, a.A.Ann)
	users, err = c.User.Query().Where(user.HasFollowersWith(user.ID(a.A.UserX))).IDs(ctx)
	a.Sees(users, err)
	orders, err := c.Order.Query().Where(order.HasLabels()).IDs(ctx)
	a.Sees(orders, err, a.A.Order)
	accounts, err := c.Account.Query().Where(account.HasUsers()).IDs(ctx)
	a.Sees(accounts, err, a.Account)
	accounts, err = c.Account.Query().Where(account.HasUsersWith(user.ID(a.A.UserX))).IDs(ctx)
	a.Sees(accounts, err)
	labels, err := c.Label.Query().Where(label.HasOrdersWith(order.ID(a.A.OrderX))).IDs(ctx)
	a.Sees(labels, err)
	n, err := c.User.Update().Where(user.HasAccountsWith(account.ID(a.AccountAbroad))).SetAge(1).Save(ctx)
	a.Nothing(n, err)
	a.Fine(err)
}

// asksOverLinksByFilter asks the same of ent's entql feature.
func asksOverLinksByFilter(a *Act) {
	is := func(id int) entql.P { return entql.FieldEQ("id", id) }
	a.filter(map[string]filter{
		"accounts":         {entql.HasEdge("accounts"), []int{a.A.Ann}},
		"account abroad":   {entql.HasEdgeWith("accounts", is(a.AccountAbroad)), nil},
		"account":          {entql.HasEdgeWith("accounts", is(a.Account)), []int{a.A.Ann}},
		"groups":           {entql.HasEdge("groups"), []int{a.A.Ann, a.A.Bob}},
		"group of two":     {entql.HasEdgeWith("groups", is(a.A.GroupX)), nil},
		"friends":          {entql.HasEdgeWith("friends", is(a.A.UserX)), nil},
		"followers":        {entql.HasEdgeWith("followers", is(a.A.UserX)), nil},
		"account's friend": {entql.HasEdgeWith("accounts", entql.HasEdgeWith("users", is(a.A.UserX))), nil},
	})
	q := a.Client.Account.Query()
	q.Filter().WhereHasUsers()
	ids, err := q.IDs(a.A.Ctx)
	a.Sees(ids, err, a.Account)
	q = a.Client.Account.Query()
	q.Filter().WhereHasUsers()
	_, err = q.IDs(a.Nobody)
	a.Refused(err)
}
