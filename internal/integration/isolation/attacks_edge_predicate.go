package isolation

import (
	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/entql"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/club"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/label"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/membership"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/memo"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/predicate"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/profile"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/team"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

// oracle is a question about a neighbor, asked of the side's text, and who of
// A's users gives the answer yes for A's own text.
type oracle struct {
	edge string
	with func(text string) predicate.User
	own  func(*Side) []int
}

func oracles() []oracle {
	ann := func(s *Side) []int { return []int{s.Ann} }
	bob := func(s *Side) []int { return []int{s.Bob} }
	both := func(s *Side) []int { return []int{s.Ann, s.Bob} }
	return []oracle{
		{"O2M", func(t string) predicate.User { return user.HasOrdersWith(order.NoteContains("note0-" + t)) }, ann},
		{"O2O", func(t string) predicate.User { return user.HasProfileWith(profile.BioContains(t)) }, ann},
		{"M2M", func(t string) predicate.User { return user.HasGroupsWith(group.NameContains(t)) }, both},
		{"O2O to itself", func(t string) predicate.User { return user.HasSpouseWith(user.NameContains(t)) }, both},
		{"M2M to itself", func(t string) predicate.User { return user.HasFriendsWith(user.NameContains(t)) }, both},
		{"M2M forth", func(t string) predicate.User { return user.HasFollowingWith(user.NameContains(t)) }, nil},
		{"M2M back", func(t string) predicate.User { return user.HasFollowersWith(user.NameContains(t)) }, nil},
		{"M2O to itself", func(t string) predicate.User { return user.HasManagerWith(user.NameContains(t)) }, bob},
		{"O2M to itself", func(t string) predicate.User { return user.HasReportsWith(user.NameContains(t)) }, ann},
		{"M2M through", func(t string) predicate.User { return user.HasTeamsWith(team.NameContains(t)) }, ann},
		{"M2M through composite", func(t string) predicate.User { return user.HasClubsWith(club.NameContains(t)) }, ann},
		{"edge schema", func(t string) predicate.User {
			return user.HasMembershipsWith(membership.RoleContains("role0-" + t))
		}, ann},
		{"composite edge schema", func(t string) predicate.User { return user.HasVisitsWith(visit.RemarkContains("remark0-" + t)) }, ann},
		{"inner Or", func(t string) predicate.User {
			return user.HasOrdersWith(order.Or(order.NoteContains("note0-"+t), order.And(order.NoteContains(t), order.TotalLT(0))))
		}, ann},
		{"inner dangling Or", func(t string) predicate.User {
			return user.HasOrdersWith(order.NoteContains("note0-"+t), func(s *sql.Selector) { s.Or() })
		}, ann},
		{"inner dangling Not", func(t string) predicate.User {
			return user.HasOrdersWith(order.NoteContains("note0-"+t), func(s *sql.Selector) { s.Not() })
		}, ann},
		{"inner raw OR", func(t string) predicate.User {
			return user.HasOrdersWith(func(s *sql.Selector) {
				s.Where(sql.P(func(b *sql.Builder) {
					b.WriteString("note = ").Arg("note0-" + t).WriteString(" OR note = ").Arg("note3-" + t)
				}))
			})
		}, nil},
		{"inner SetP", func(t string) predicate.User {
			return user.HasGroupsWith(func(s *sql.Selector) { s.SetP(sql.Contains(s.C("name"), t)) })
		}, both},
		{"two steps", func(t string) predicate.User {
			return user.HasFriendsWith(user.HasGroupsWith(group.NameContains(t)))
		}, both},
		{"two steps over global", func(t string) predicate.User {
			return user.HasAccountsWith(account.HasMemosWith(memo.TextContains(t)))
		}, ann},
		{"two steps over global M2M", func(t string) predicate.User {
			return user.HasAccountsWith(account.HasUsersWith(user.NameContains(t)))
		}, ann},
		{"global favorite", func(t string) predicate.User {
			return user.HasAccountsWith(account.HasFavoriteWith(memo.TextContains(t)))
		}, func(*Side) []int { return nil }},
	}
}

// edgePredicateAttacks ask about B's rows that are linked to A's own.
func edgePredicateAttacks() []Attack {
	attacks := make([]Attack, 0, len(oracles())+2)
	for _, o := range oracles() {
		attacks = append(attacks, Attack{Name: "ask over a link, " + o.edge, Row: "R15/15c", Run: func(a *Act) {
			a.ask(o.with)
			if o.own != nil {
				ids, err := a.Client.User.Query().Where(o.with(a.A.Mark)).IDs(a.A.Ctx)
				a.Sees(ids, err, o.own(a.A)...)
			}
			n, err := a.Client.User.Update().Where(o.with(a.B.Mark)).SetAge(1).Save(a.A.Ctx)
			a.Nothing(n, err)
			if !refusedOfEnt(err) {
				a.Fine(err)
			}
		}})
	}
	return append(attacks, existenceAttacks()...)
}

// ask asks in all ways whether a user of A has a neighbor with a text of B's.
func (a *Act) ask(with func(string) predicate.User) {
	b := a.B.Mark
	yes, err := a.Client.User.Query().Where(with(b)).IDs(a.A.Ctx)
	a.Sees(yes, err)
	yes, err = a.Client.User.Query().Where(user.Or(user.AgeLT(0), with(b))).IDs(a.A.Ctx)
	a.Sees(yes, err)
	no, err := a.Client.User.Query().Where(user.Not(with(b))).IDs(a.A.Ctx)
	a.Sees(no, err, a.A.Users()...)
	n, err := a.Client.User.Query().Where(with(b)).Count(a.A.Ctx)
	a.Counts(n, err, 0)
	exists, err := a.Client.User.Query().Where(with(b)).Exist(a.A.Ctx)
	a.Fine(err)
	if exists {
		a.leakf("there is one")
	}
	names, err := a.Client.User.Query().Where(with(b)).Select(user.FieldName).Strings(a.A.Ctx)
	a.Fine(err)
	a.Nothing(len(names), nil)
	n, err = a.Client.User.Query().Where(with(b)).Aggregate(ent.Count()).Int(a.A.Ctx)
	a.Counts(n, err, 0)
}

// existence is HasX: which users of A have a neighbor of their own.
type existence struct {
	edge string
	has  predicate.User
	own  func(*Side) []int
	// seen is own where links across tenants cannot be.
	seen func(*Side) []int
}

func existences() []existence {
	ann := func(s *Side) []int { return []int{s.Ann} }
	both := func(s *Side) []int { return []int{s.Ann, s.Bob} }
	return []existence{
		{"O2M", user.HasOrders(), func(s *Side) []int { return []int{s.Ann, s.UserC} }, nil},
		{"O2O", user.HasProfile(), ann, nil},
		{"M2M", user.HasGroups(), both, nil},
		// Whether the foreign key in A's own row is set is A's own business.
		{"O2O to itself", user.HasSpouse(), func(s *Side) []int { return []int{s.Ann, s.Bob, s.UserX} }, both},
		{"M2M to itself", user.HasFriends(), both, nil},
		{"M2M to global", user.HasAccounts(), ann, nil},
		{"O2M to itself", user.HasReports(), ann, nil},
		{"M2M through", user.HasTeams(), ann, nil},
		{"M2M through composite", user.HasClubs(), ann, nil},
		{"edge schema", user.HasMemberships(), func(s *Side) []int { return []int{s.Ann, s.UserX} }, nil},
		{"composite edge schema", user.HasVisits(), func(s *Side) []int { return []int{s.Ann, s.UserX} }, nil},
	}
}

func existenceAttacks() []Attack {
	var attacks []Attack
	for _, e := range existences() {
		attacks = append(attacks, Attack{Name: "ask for a neighbor, " + e.edge, Row: "R15b", Run: func(a *Act) {
			own := e.own
			if a.Hidden && e.seen != nil {
				own = e.seen
			}
			ids, err := a.Client.User.Query().Where(e.has).IDs(a.A.Ctx)
			a.Sees(ids, err, own(a.A)...)
			n, err := a.Client.User.Query().Where(user.Not(e.has)).Count(a.A.Ctx)
			a.Counts(n, err, len(a.A.Users())-len(own(a.A)))
		}})
	}
	return append(attacks, Attack{Name: "ask from global rows", Row: "R29", Run: func(a *Act) {
		a.askGlobals()
	}}, Attack{Name: "ask about neighbors of orders", Row: "R15b", Run: func(a *Act) {
		ids, err := a.Client.Order.Query().Where(order.HasItems()).IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Order)
		ids, err = a.Client.Order.Query().Where(order.HasOwnerWith(user.NameContains(a.B.Mark))).IDs(a.A.Ctx)
		a.Sees(ids, err)
		ids, err = a.Client.Order.Query().Where(order.HasItemsWith(item.SkuContains(a.B.Mark))).IDs(a.A.Ctx)
		a.Sees(ids, err)
		ids, err = a.Client.Order.Query().Where(order.HasLabelsWith(label.HasOrdersWith(order.NoteContains(a.B.Mark)))).IDs(a.A.Ctx)
		a.Sees(ids, err)
		ids, err = a.Client.Order.Query().Where(order.HasCountryWith(country.HasOrdersWith(order.NoteContains(a.A.Mark)))).IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Order)
	}})
}

func (a *Act) askGlobals() {
	ctx, b := a.A.Ctx, a.B.Mark
	ids, err := a.Client.Country.Query().Where(country.HasOrdersWith(order.NoteContains(b))).IDs(ctx)
	a.Sees(ids, err)
	ids, err = a.Client.Country.Query().Where(country.HasOrders()).IDs(ctx)
	a.Sees(ids, err, a.Country)
	ids, err = a.Client.Label.Query().Where(label.HasOrdersWith(order.NoteContains(b))).IDs(ctx)
	a.Sees(ids, err)
	ids, err = a.Client.Label.Query().Where(label.HasOrdersWith(order.NoteContains(a.A.Mark))).IDs(ctx)
	a.Sees(ids, err, a.Label)
	ids, err = a.Client.Account.Query().Where(account.HasUsersWith(user.NameContains(b))).IDs(ctx)
	a.Sees(ids, err)
	ids, err = a.Client.Account.Query().Where(account.HasMemosWith(memo.TextContains(b))).IDs(ctx)
	a.Sees(ids, err)
	ids, err = a.Client.Account.Query().Where(account.HasFavorite()).IDs(ctx)
	a.Sees(ids, err, a.Account2)
	ids, err = a.Client.Account.Query().Where(account.HasFavoriteWith(memo.TextContains(b))).IDs(ctx)
	a.Sees(ids, err)
	n, err := a.Client.Account.Query().Where(account.Not(account.HasMemos())).Count(ctx)
	a.Counts(n, err, 5)
}

// filterAttacks go through the filters of ent's entql feature.
func filterAttacks() []Attack {
	return []Attack{{Name: "entql fields", Run: func(a *Act) {
		q := a.Client.Order.Query()
		q.Filter().Where(entql.Or(entql.FieldGT("total", 0), entql.FieldEQ("tenant_id", string(a.B.ID))))
		ids, err := q.IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Orders()...)
		q = a.Client.Order.Query()
		q.Filter().WhereTenantID(entql.StringEQ(string(a.B.ID)))
		a.Got(q.All(a.A.Ctx))
	}}, {Name: "entql edge with", Row: "R15/15c", Run: func(a *Act) {
		with := func(mark string) *ent.UserQuery {
			q := a.Client.User.Query()
			q.Filter().WhereHasOrdersWith(order.NoteContains(mark))
			return q
		}
		ids, err := with(a.A.Mark).IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Ann, a.A.UserC)
		ids, err = with(a.B.Mark).IDs(a.A.Ctx)
		a.Sees(ids, err)
	}}, {Name: "entql edge with, M2M", Row: "R15/15c", Run: func(a *Act) {
		q := a.Client.User.Query()
		q.Filter().Where(entql.HasEdgeWith("groups", entql.FieldContains("name", a.B.Mark)))
		ids, err := q.IDs(a.A.Ctx)
		a.Sees(ids, err)
	}}, {Name: "entql edge with, from global", Row: "R29", Run: func(a *Act) {
		q := a.Client.Country.Query()
		q.Filter().WhereHasOrdersWith(order.NoteContains(a.B.Mark))
		ids, err := q.IDs(a.A.Ctx)
		a.Sees(ids, err)
	}}, {Name: "entql edge", Row: "R15b", Run: func(a *Act) {
		q := a.Client.User.Query()
		q.Filter().WhereHasOrders()
		ids, err := q.IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Ann, a.A.UserC)
		q = a.Client.User.Query()
		q.Filter().Where(entql.Not(entql.HasEdge("groups")))
		ids, err = q.IDs(a.A.Ctx)
		a.Sees(ids, err, a.A.Idle, a.A.UserX, a.A.UserC)
	}}, {Name: "entql edge to itself", Row: "R15b", Run: func(a *Act) {
		a.filter(a.selfFilters())
	}}, {Name: "entql edge to global", Row: "R29", Run: func(a *Act) {
		a.filter(a.globalFilters())
	}}, {Name: "entql on mutations", Row: "R15/15c", Run: func(a *Act) {
		u := a.Client.User.Update().SetAge(5)
		u.Mutation().Filter().WhereHasOrdersWith(order.NoteContains(a.B.Mark))
		n, err := u.Save(a.A.Ctx)
		a.Nothing(n, err)
		a.Fine(err)
		d := a.Client.Order.Update().SetNote("x")
		d.Mutation().Filter().Where(entql.Or(entql.FieldEQ("id", a.A.Order2), entql.FieldEQ("tenant_id", string(a.B.ID))))
		n, err = d.Save(a.A.Ctx)
		a.Counts(n, err, 1)
	}}}
}

// filter is an entql predicate on users, and whom it finds of A's.
type filter struct {
	where entql.P
	own   []int
}

func (a *Act) filter(filters map[string]filter) {
	for name, f := range filters {
		a.Within(name, func() {
			q := a.Client.User.Query()
			q.Filter().Where(f.where)
			ids, err := q.IDs(a.A.Ctx)
			a.Sees(ids, err, f.own...)
			q = a.Client.User.Query()
			q.Filter().Where(entql.Not(f.where))
			n, err := q.Count(a.A.Ctx)
			a.Counts(n, err, len(a.A.Users())-len(f.own))
		})
	}
}

// selfFilters lead from users to users.
func (a *Act) selfFilters() map[string]filter {
	ann, bob, both := []int{a.A.Ann}, []int{a.A.Bob}, []int{a.A.Ann, a.A.Bob}
	is := func(id int) entql.P { return entql.FieldEQ("id", id) }
	named := func(mark string) entql.P { return entql.FieldContains("name", mark) }
	return map[string]filter{
		"manager":            {entql.HasEdge("manager"), bob},
		"manager with":       {entql.HasEdgeWith("manager", is(a.A.Ann)), bob},
		"manager with B's":   {entql.HasEdgeWith("manager", named(a.B.Mark)), nil},
		"reports":            {entql.HasEdge("reports"), ann},
		"reports with":       {entql.HasEdgeWith("reports", is(a.A.Bob)), ann},
		"spouse":             {entql.HasEdge("spouse"), both},
		"spouse with":        {entql.HasEdgeWith("spouse", is(a.A.Bob)), ann},
		"friends":            {entql.HasEdge("friends"), both},
		"friends with":       {entql.HasEdgeWith("friends", is(a.A.Bob)), ann},
		"friends with B's":   {entql.HasEdgeWith("friends", named(a.B.Mark)), nil},
		"manager's manager":  {entql.HasEdgeWith("manager", entql.HasEdge("manager")), nil},
		"manager's report":   {entql.HasEdgeWith("manager", entql.HasEdgeWith("reports", is(a.A.Bob))), bob},
		"report's manager's": {entql.HasEdgeWith("reports", entql.HasEdgeWith("manager", entql.HasEdgeWith("reports", is(a.A.Bob)))), ann},
		"manager's friend":   {entql.HasEdgeWith("manager", entql.HasEdgeWith("friends", is(a.A.Bob))), bob},
		"friend's manager":   {entql.HasEdgeWith("friends", entql.HasEdgeWith("manager", is(a.A.Ann))), ann},
		"order's owner":      {entql.HasEdgeWith("orders", entql.HasEdgeWith("owner", entql.HasEdge("reports"))), ann},
		"group's user":       {entql.HasEdgeWith("groups", entql.HasEdgeWith("users", is(a.A.Bob))), both},
	}
}

// globalFilters lead from users over global rows.
func (a *Act) globalFilters() map[string]filter {
	ann := []int{a.A.Ann}
	return map[string]filter{
		"badges":            {entql.HasEdge("badges"), ann},
		"badge's bearer":    {entql.HasEdgeWith("badges", entql.HasEdgeWith("bearer", entql.HasEdge("reports"))), ann},
		"accounts":          {entql.HasEdge("accounts"), ann},
		"order's country":   {entql.HasEdgeWith("orders", entql.HasEdge("country")), ann},
		"order's country's": {entql.HasEdgeWith("orders", entql.HasEdgeWith("country", entql.FieldEQ("code", "one"))), ann},
		"order's labels":    {entql.HasEdgeWith("orders", entql.HasEdge("labels")), ann},
	}
}
