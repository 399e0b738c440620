package isolation

import (
	"strconv"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/label"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/membership"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

// loadAttacks load edges eagerly.
func loadAttacks() []Attack {
	return []Attack{
		{Name: "load every edge", Row: "R11", Run: func(a *Act) {
			users, err := everyEdge(a.Client.User.Query()).Order(user.ByID()).All(a.A.Ctx)
			a.Got(users, err)
			if len(users) != 5 {
				a.failf("%d users", len(users))
				return
			}
			ann, x := users[0].Edges, users[3].Edges
			if len(ann.Orders) != 2 || ann.Profile == nil || len(ann.Groups) != 1 || ann.Spouse == nil || len(ann.Friends) != 1 ||
				len(ann.Reports) != 1 || len(ann.Teams) != 1 || len(ann.Clubs) != 1 || len(ann.Accounts) != 1 || len(ann.Memberships) != 1 || len(ann.Visits) != 1 {
				a.failf("Ann has lost neighbors: %+v", ann)
			}
			if len(x.Orders)+len(x.Groups)+len(x.Friends)+len(x.Reports)+len(x.Teams)+len(x.Clubs)+len(x.Followers)+len(x.Following) > 0 || x.Profile != nil || x.Spouse != nil || x.Manager != nil {
				a.leakf("UserX has neighbors of B: %+v", x)
			}
		}},
		{Name: "load edges by name", Row: "R12", Run: func(a *Act) {
			users, err := a.Client.User.Query().WithNamedOrders("o").WithNamedGroups("g").WithNamedFriends("f").WithNamedTeams("t").
				WithNamedClubs("c").WithNamedReports("r").WithNamedMemberships("m").WithNamedVisits("v").WithNamedAccounts("a").All(a.A.Ctx)
			a.Got(users, err)
		}},
		{Name: "load edges of edges", Row: "R11", Run: func(a *Act) {
			a.Got(a.Client.User.Query().
				WithOrders(func(q *ent.OrderQuery) { q.WithItems(func(q *ent.ItemQuery) { q.WithOrder() }).WithOwner() }).
				WithGroups(func(q *ent.GroupQuery) { q.WithUsers(func(q *ent.UserQuery) { everyEdge(q) }) }).
				WithAccounts(func(q *ent.AccountQuery) { q.WithUsers().WithMemos().WithFavorite() }).All(a.A.Ctx))
			a.Got(a.Client.Account.Query().WithUsers().WithMemos().WithFavorite().All(a.A.Ctx))
			a.Got(a.Client.Country.Query().WithOrders(func(q *ent.OrderQuery) { q.WithItems() }).WithNamedOrders("n").All(a.A.Ctx))
			a.Got(a.Client.Label.Query().WithOrders(func(q *ent.OrderQuery) { q.WithOwner() }).All(a.A.Ctx))
			a.Got(a.Client.Membership.Query().WithUser().WithTeam().All(a.A.Ctx))
			a.Got(a.Client.Visit.Query().WithGuest().WithClub().All(a.A.Ctx))
			a.Got(a.Client.Profile.Query().WithUser().All(a.A.Ctx))
			a.Got(a.Client.Item.Query().WithOrder(func(q *ent.OrderQuery) { q.WithOwner() }).All(a.A.Ctx))
		}},
		{Name: "load with hostile sub-queries", Row: "R11", Run: func(a *Act) {
			for _, h := range hostiles() {
				a.Within(h.name, func() {
					a.Step(func() {
						// A predicate that swallows the one on the parents makes ent fail, which is no leak.
						a.Saw(a.Client.User.Query().WithOrders(func(q *ent.OrderQuery) { q.Where(h.predicate(a.World)) }).All(a.A.Ctx))
					})
				})
			}
		}},
		{Name: "load over B's join rows", Row: "R11", Run: loadsOverJoinRows},
		{Name: "load at most n for each parent", Row: "", Run: limitedLoads},
		{Name: "load into selected fields", Run: func(a *Act) {
			a.Got(a.Client.Order.Query().Select(order.FieldNote).WithOwner(func(q *ent.UserQuery) { q.Select(user.FieldName) }).All(a.A.Ctx))
		}},
		{Name: "load the edge schema's ends", Run: func(a *Act) {
			a.Got(a.Client.Membership.Query().Where(membership.ID(a.A.MembershipX)).WithTeam().Only(a.A.Ctx))
			a.Got(a.Client.Visit.Query().Where(visit.GuestID(a.A.UserX)).WithClub().Only(a.A.Ctx))
			a.Got(a.Client.Item.Query().Where(item.ID(a.A.ItemX)).WithOrder().Only(a.A.Ctx))
		}},
	}
}

func everyEdge(q *ent.UserQuery) *ent.UserQuery {
	return q.WithOrders().WithProfile().WithGroups().WithSpouse().WithFriends().WithFollowers().WithFollowing().
		WithManager().WithReports().WithTeams().WithClubs().WithAccounts().WithMemberships().WithVisits()
}

// loadsOverJoinRows has the tables that join users to accounts, which are
// everybody's, and to groups, of which one of A's has a user of B, say more than
// who is linked to Ann.
func loadsOverJoinRows(a *Act) {
	load := func(accounts func(*ent.AccountQuery), groups func(*ent.GroupQuery)) {
		a.Step(func() {
			users, err := a.Client.User.Query().Where(user.ID(a.A.Ann)).WithAccounts(accounts).WithGroups(groups).All(a.A.Ctx)
			a.Got(users, err)
			for _, u := range users {
				for _, account := range u.Edges.Accounts {
					a.Saw(account.Value("whose"))
				}
				for _, group := range u.Edges.Groups {
					a.Saw(group.Value("whose"))
				}
			}
		})
	}
	everybodys := func(table string) func(*sql.Selector) {
		return func(s *sql.Selector) {
			t, ok := s.JoinedTable(table)
			if !ok {
				return
			}
			columns := s.SelectedColumns()[1:]
			s.SetP(sql.NEQ(t.C("user_id"), a.A.Ann)).Select()
			s.AppendSelectExprAs(sql.Raw(strconv.Itoa(a.A.Ann)), "user_id").AppendSelect(columns...).AppendSelectAs(t.C("tenant_id"), "whose")
		}
	}
	either := func(column string) func(*sql.Selector) {
		return func(s *sql.Selector) { s.Where(sql.IsNull(s.C(column))).Or().Where(sql.NotNull(s.C(column))) }
	}
	open := func(s *sql.Selector) { s.Where(sql.NotNull(s.C("id"))).Or() }
	load(func(q *ent.AccountQuery) { q.Modify(everybodys(user.AccountsTable)) }, func(q *ent.GroupQuery) { q.Modify(everybodys(user.GroupsTable)) })
	load(func(q *ent.AccountQuery) { q.Modify(either("login")) }, func(q *ent.GroupQuery) { q.Modify(either("name")) })
	load(func(q *ent.AccountQuery) { q.Where(open) }, func(q *ent.GroupQuery) { q.Where(open) })
	load(func(q *ent.AccountQuery) { q.Modify(open) }, func(q *ent.GroupQuery) { q.Modify(open) })
	a.Step(func() {
		// A condition that ent's own is collected into chooses no rows.
		a.Saw(a.Client.User.Query().WithAccounts(func(q *ent.AccountQuery) {
			q.Where(func(s *sql.Selector) { s.CollectPredicates() })
		}).All(a.A.Ctx))
	})
}

// limitedLoads uses the modifier of ent's own that swaps the FROM clause.
func limitedLoads(a *Act) {
	limit := func(n int) func(*ent.OrderQuery) {
		return func(q *ent.OrderQuery) {
			q.Modify(sqlgraph.LimitNeighbors(user.OrdersColumn, n, sql.ExprFunc(func(b *sql.Builder) { b.Ident("id") })))
		}
	}
	users, err := a.Client.User.Query().WithOrders(limit(1)).All(a.A.Ctx)
	a.Got(users, err)
	for _, u := range users {
		switch n := len(u.Edges.Orders); {
		case n > 1, u.ID == a.A.UserX && n > 0:
			a.leakf("%d orders of %d", n, u.ID)
		case u.ID == a.A.Ann && n != 1:
			a.failf("Ann has %d orders", n)
		}
	}
	countries := a.Client.Country.Query()
	countries.Modify(sqlgraph.LimitNeighbors("id", 1))
	n, err := countries.All(a.A.Ctx)
	a.Counts(len(n), err, 2)
	one := a.Client.Order.Query()
	one.Modify(sqlgraph.LimitNeighbors(order.OwnerColumn, 1))
	a.Got(one.All(a.A.Ctx))
}

// traversalAttacks walk along edges.
func traversalAttacks() []Attack {
	return []Attack{
		{Name: "walk from a query", Row: "R13", Run: func(a *Act) {
			users := func() *ent.UserQuery { return a.Client.User.Query() }
			orders, err := users().QueryOrders().IDs(a.A.Ctx)
			a.Sees(orders, err, a.A.Order, a.A.Order2, a.A.OrderC)
			groups, err := users().QueryGroups().IDs(a.A.Ctx)
			a.Sees(groups, err, a.A.Group)
			n, err := users().QueryFriends().QueryOrders().QueryItems().Count(a.A.Ctx)
			a.Counts(n, err, 2)
			spouses, err := users().QuerySpouse().IDs(a.A.Ctx)
			a.Sees(spouses, err, a.A.Ann, a.A.Bob)
			a.Got(users().QueryManager().QueryReports().All(a.A.Ctx))
			a.Got(users().QueryTeams().QueryMemberships().QueryUser().All(a.A.Ctx))
			a.Got(users().QueryClubs().QueryVisits().QueryGuest().QueryFollowing().QueryFollowers().All(a.A.Ctx))
			a.Got(users().QueryProfile().QueryUser().Select(user.FieldName).Strings(a.A.Ctx))
			a.Got(users().QueryAccounts().QueryMemos().All(a.A.Ctx))
			a.Got(users().QueryAccounts().QueryFavorite().All(a.A.Ctx))
			a.Got(a.Client.Memo.Query().QueryAccount().QueryUsers().All(a.A.Ctx))
			a.Got(a.Client.Order.Query().QueryLabels().QueryOrders().All(a.A.Ctx))
			a.Got(a.Client.Country.Query().QueryOrders().QueryOwner().All(a.A.Ctx))
		}},
		{Name: "walk along hostile paths", Row: "R13", Run: func(a *Act) {
			for _, h := range hostiles() {
				a.Within(h.name, func() {
					a.Got(a.Client.User.Query().QueryOrders().Where(h.predicate(a.World)).QueryItems().All(a.A.Ctx))
					defer h.excuse(a)
					a.Got(a.Client.Label.Query().QueryOrders().Where(h.predicate(a.World)).Order(order.ByOwnerField(user.FieldName)).QueryCountry().QueryOrders().All(a.A.Ctx))
				})
			}
		}},
		{Name: "walk from a row of A linked to B", Row: "R14", Run: func(a *Act) {
			x, err := a.Client.User.Get(a.A.Ctx, a.A.UserX)
			a.Got(x, err)
			if x != nil {
				a.nothingFrom(x)
			}
			own, err := a.Client.Order.Get(a.A.Ctx, a.A.Order)
			a.Got(own, err)
			if own != nil {
				a.globalsOf(own, 1)
			}
			o, err := a.Client.Order.Get(a.A.Ctx, a.A.OrderX)
			a.Got(o, err)
			if o != nil {
				n, err := o.QueryOwner().Count(a.A.Ctx)
				a.Counts(n, err, 0)
				n, err = o.QueryItems().Count(a.A.Ctx)
				a.Counts(n, err, 0)
			}
		}},
		{Name: "walk from a row of B", Row: "R14", Run: func(a *Act) {
			ann, err := a.Client.User.Get(a.B.Ctx, a.B.Ann)
			a.Fine(err)
			if err == nil {
				a.nothingFrom(ann)
			}
			o, err := a.Client.Order.Get(a.B.Ctx, a.B.Order)
			a.Fine(err)
			if err == nil {
				a.globalsOf(o, 0)
			}
			x, err := a.Client.User.Get(a.B.Ctx, a.B.UserX)
			a.Fine(err)
			if err == nil {
				// A's own rows that are linked to it are A's to see.
				a.Got(x.QueryOrders().All(a.A.Ctx))
				a.Got(x.QueryGroups().QueryUsers().All(a.A.Ctx))
			}
		}},
		{Name: "walk from a forged row", Row: "R14", Run: func(a *Act) {
			forged, err := a.Client.User.Get(a.A.Ctx, a.A.Ann)
			a.Got(forged, err)
			if err != nil {
				return
			}
			forged.ID = a.B.Ann
			n, err := a.Client.User.QueryOrders(forged).Count(a.A.Ctx)
			a.Counts(n, err, 0)
			a.Got(a.Client.User.QueryGroups(forged).All(a.A.Ctx))
			a.Got(a.Client.User.QueryMemberships(forged).All(a.A.Ctx))
			account, err := a.Client.Account.Get(a.A.Ctx, a.Account)
			a.Got(account, err)
			a.Got(account.QueryFavorite().All(a.A.Ctx))
			a.Got(account.QueryUsers().All(a.A.Ctx))
		}},
		{Name: "get by id", Row: "R02", Run: func(a *Act) {
			_, err := a.Client.Order.Get(a.A.Ctx, a.B.Order)
			a.NotFound(err)
			_, err = a.Client.Item.Get(a.A.Ctx, a.B.Item)
			a.NotFound(err)
			_, err = a.Client.Memo.Get(a.A.Ctx, a.B.Memo)
			a.NotFound(err)
			a.Got(a.Client.Item.Get(a.A.Ctx, a.A.Item))
		}},
		{Name: "every entity", Row: "R01", Run: everyEntity},
	}
}

// nothingFrom walks along all edges of a user whose neighbors are B's.
func (a *Act) nothingFrom(u *ent.User) {
	ctx := a.A.Ctx
	for edge, count := range map[string]func() (int, error){
		"orders":    func() (int, error) { return u.QueryOrders().Count(ctx) },
		"profile":   func() (int, error) { return u.QueryProfile().Count(ctx) },
		"groups":    func() (int, error) { return u.QueryGroups().Count(ctx) },
		"spouse":    func() (int, error) { return u.QuerySpouse().Count(ctx) },
		"friends":   func() (int, error) { return u.QueryFriends().Count(ctx) },
		"followers": func() (int, error) { return u.QueryFollowers().Count(ctx) },
		"following": func() (int, error) { return u.QueryFollowing().Count(ctx) },
		"manager":   func() (int, error) { return u.QueryManager().Count(ctx) },
		"reports":   func() (int, error) { return u.QueryReports().Count(ctx) },
		"teams":     func() (int, error) { return u.QueryTeams().Count(ctx) },
		"clubs":     func() (int, error) { return u.QueryClubs().Count(ctx) },
		"accounts":  func() (int, error) { return u.QueryAccounts().Count(ctx) },
		"visits":    func() (int, error) { return u.QueryVisits().QueryClub().Count(ctx) },
	} {
		a.Within(edge, func() {
			n, err := count()
			a.Counts(n, err, 0)
		})
	}
}

// globalsOf walks from an order to the global rows it is linked to.
func (a *Act) globalsOf(o *ent.Order, want int) {
	n, err := o.QueryCountry().Count(a.A.Ctx)
	a.Counts(n, err, want)
	n, err = o.QueryLabels().Count(a.A.Ctx)
	a.Counts(n, err, want)
	labels, err := o.QueryLabels().Select(label.FieldName).Strings(a.A.Ctx)
	a.Counts(len(labels), err, want)
	limited := o.QueryLabels()
	limited.Modify(sqlgraph.LimitNeighbors(label.FieldID, 1))
	all, err := limited.All(a.A.Ctx)
	a.Counts(len(all), err, want)
	n, err = limited.Count(a.A.Ctx)
	a.Counts(n, err, want)
	_, err = o.QueryCountry().Only(a.Nobody)
	a.Refused(err)
	_, err = limited.All(a.Nobody)
	a.Refused(err)
}

func everyEntity(a *Act) {
	ctx, c := a.A.Ctx, a.Client
	for name, read := range map[string]func() (any, int, error){
		"User":       func() (any, int, error) { v, err := c.User.Query().All(ctx); return v, 5 - len(v), err },
		"Order":      func() (any, int, error) { v, err := c.Order.Query().All(ctx); return v, 5 - len(v), err },
		"Item":       func() (any, int, error) { v, err := c.Item.Query().All(ctx); return v, 5 - len(v), err },
		"Profile":    func() (any, int, error) { v, err := c.Profile.Query().All(ctx); return v, 3 - len(v), err },
		"Group":      func() (any, int, error) { v, err := c.Group.Query().All(ctx); return v, 3 - len(v), err },
		"Team":       func() (any, int, error) { v, err := c.Team.Query().All(ctx); return v, 3 - len(v), err },
		"Club":       func() (any, int, error) { v, err := c.Club.Query().All(ctx); return v, 3 - len(v), err },
		"Membership": func() (any, int, error) { v, err := c.Membership.Query().All(ctx); return v, 2 - len(v), err },
		"Visit":      func() (any, int, error) { v, err := c.Visit.Query().All(ctx); return v, 2 - len(v), err },
		"Memo":       func() (any, int, error) { v, err := c.Memo.Query().All(ctx); return v, 4 - len(v), err },
		"Country":    func() (any, int, error) { v, err := c.Country.Query().All(ctx); return v, 2 - len(v), err },
		"Label":      func() (any, int, error) { v, err := c.Label.Query().All(ctx); return v, 2 - len(v), err },
		"Account":    func() (any, int, error) { v, err := c.Account.Query().All(ctx); return v, 7 - len(v), err },
		"Device":     func() (any, int, error) { v, err := c.Device.Query().All(ctx); return v, 3 - len(v), err },
	} {
		a.Within(name, func() {
			v, missing, err := read()
			a.Got(v, err)
			if missing != 0 {
				a.failf("%d rows are missing", missing)
			}
		})
	}
}
