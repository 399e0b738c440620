package isolation

import (
	"context"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/predicate"
)

func hasOrders() predicate.Country { return country.HasOrders() }

func hasOrdersWith(note string) predicate.Country {
	return country.HasOrdersWith(order.NoteContains(note))
}

// createAttacks create rows in B, or rows linked to B's.
func createAttacks() []Attack {
	return []Attack{
		{Name: "create for B", Row: "W18/19/26", Run: func(a *Act) {
			b := string(a.B.ID)
			a.CrossTenant(a.Client.Order.Create().SetNumber("x").SetTenantID(b).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Memo.Create().SetText("x").SetTenantID(b).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Visit.Create().SetGuestID(a.A.Bob).SetClubID(a.A.Club).SetTenantID(b).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Order.CreateBulk(a.Client.Order.Create().SetNumber("x"), a.Client.Order.Create().SetNumber("y").SetTenantID(b)).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Order.MapCreateBulk([]string{string(a.A.ID), b}, func(c *ent.OrderCreate, i int) {
				c.SetNumber("x").SetTenantID([]string{string(a.A.ID), b}[i])
			}).Exec(a.A.Ctx))
			m := a.Client.Order.Create().SetNumber("x").Mutation()
			a.Fine(m.SetField(order.FieldTenantID, b))
			_, err := a.Client.Mutate(a.A.Ctx, m)
			a.CrossTenant(err)
			a.CrossTenant(a.Client.Order.Create().SetNumber("x").SetTenantID(string(a.A.ID) + " ").Exec(a.A.Ctx))
		}},
		{Name: "create with own rows", Run: createOwn},
		{Name: "create linked to B", Row: "W09/10/10b", Run: createLinked},
		{Name: "create in bulk linked to B", Row: "W09/10/10b", Run: func(a *Act) {
			c, b, ctx := a.Client, a.B, a.A.Ctx
			number := func(n string) *ent.OrderCreate { return c.Order.Create().SetNumber(n) }
			a.CrossTenant(c.Order.CreateBulk(number("x").SetOwnerID(a.A.Ann), number("y").SetOwnerID(b.Ann)).Exec(ctx))
			a.CrossTenant(c.Order.CreateBulk(number("x"), number("y").AddItemIDs(a.A.ItemIdle, b.ItemIdle)).Exec(ctx))
			a.CrossTenant(c.User.CreateBulk(c.User.Create().SetName("x").AddGroupIDs(a.A.Group), c.User.Create().SetName("y").AddGroupIDs(b.Group)).Exec(ctx))
			a.CrossTenant(c.User.CreateBulk(c.User.Create().SetName("x").SetSpouseID(b.Idle)).Exec(ctx))
			a.CrossTenant(c.Membership.CreateBulk(c.Membership.Create().SetUserID(a.A.Bob).SetTeamID(b.Team)).Exec(ctx))
			a.CrossTenant(c.Visit.CreateBulk(c.Visit.Create().SetGuestID(b.Bob).SetClubID(a.A.Club)).Exec(ctx))
			a.CrossTenant(c.Order.MapCreateBulk([]int{a.A.Ann, b.Ann}, func(o *ent.OrderCreate, i int) {
				o.SetNumber("x").SetOwnerID([]int{a.A.Ann, b.Ann}[i])
			}).Exec(ctx))
		}},
		{Name: "create in bulk with own rows", Run: func(a *Act) {
			users, err := a.Client.User.CreateBulk(
				a.Client.User.Create().SetName("x").AddGroupIDs(a.A.Group, a.A.GroupIdle).AddTeamIDs(a.A.TeamIdle),
				a.Client.User.Create().SetName("y").AddGroupIDs(a.A.Group).AddOrderIDs(a.A.OrderIdle).AddAccountIDs(a.Account),
			).Save(a.A.Ctx)
			a.Got(users, err)
			n, err := a.Client.Group.Query().Where(group.ID(a.A.Group)).QueryUsers().Count(a.A.Ctx)
			a.Counts(n, err, 4)
		}},
		{Name: "create with B's primary key", Row: "R25", Run: func(a *Act) {
			// A learns that the id is taken. The database's error repeats what A said, and no more.
			for _, create := range []executor{
				a.Client.Item.Create().SetID(a.B.Item).SetSku("x"),
				a.Client.Item.CreateBulk(a.Client.Item.Create().SetID(uuid.New()).SetSku("x"), a.Client.Item.Create().SetID(a.B.ItemIdle).SetSku("y")),
			} {
				a.Step(func() { a.Taken(create.Exec(a.A.Ctx)) })
			}
		}},
		{Name: "create what B has taken", Row: "R25", Run: func(a *Act) {
			a.Fine(a.Client.Order.Create().SetNumber(a.B.text("n0")).SetTotal(1).Exec(a.A.Ctx))
			a.Fine(a.Client.User.Create().SetName("x").SetEmail(a.B.text("ann@example")).Exec(a.A.Ctx))
			a.Step(func() {
				// Globally unique on purpose: A learns that the domain is taken, and no more.
				a.Taken(a.Client.User.Create().SetName("x").SetDomain(a.B.text("domain")).Exec(a.A.Ctx))
			})
			a.Step(func() { a.Refused(a.Client.Order.Create().SetNumber(a.A.text("n0")).Exec(a.A.Ctx)) })
		}},
	}
}

func createOwn(a *Act) {
	c, s, ctx := a.Client, a.A, a.A.Ctx
	o, err := c.Order.Create().SetNumber("x").SetTenantID(string(s.ID)).SetOwnerID(s.Ann).AddItemIDs(s.ItemIdle).SetCountryID(a.Country).AddLabelIDs(a.Label, a.LabelIdle).Save(ctx)
	a.Got(o, err)
	u, err := c.User.Create().SetName("x").SetSpouseID(s.Idle).SetProfileID(s.ProfileIdle).AddFriendIDs(s.Ann, s.Bob).AddFollowerIDs(s.Ann).
		SetManagerID(s.Ann).AddTeamIDs(s.Team).AddClubIDs(s.Club).AddAccountIDs(a.Account).AddOrderIDs(s.OrderIdle).AddReportIDs(s.Idle).Save(ctx)
	a.Got(u, err)
	if err != nil {
		return
	}
	for edge, count := range map[string]func() (int, error){
		"friends":  func() (int, error) { return u.QueryFriends().Count(ctx) },
		"teams":    func() (int, error) { return u.QueryTeams().Count(ctx) },
		"clubs":    func() (int, error) { return u.QueryClubs().Count(ctx) },
		"accounts": func() (int, error) { return u.QueryAccounts().Count(ctx) },
		"orders":   func() (int, error) { return u.QueryOrders().Count(ctx) },
	} {
		a.Within(edge, func() {
			n, err := count()
			a.Counts(n, err, map[string]int{"friends": 2, "teams": 1, "clubs": 1, "accounts": 1, "orders": 1}[edge])
		})
	}
	a.Fine(c.Membership.Create().SetUserID(s.Bob).SetTeamID(s.Team).Exec(ctx))
	a.Fine(c.Visit.Create().SetGuestID(s.Bob).SetClubID(s.Club).Exec(ctx))
}

func createLinked(a *Act) {
	c, b, ctx := a.Client, a.B, a.A.Ctx
	user := func() *ent.UserCreate { return c.User.Create().SetName("x") }
	for edge, create := range map[string]executor{
		"M2O":                    c.Order.Create().SetNumber("x").SetOwnerID(b.Ann),
		"M2O by entity":          c.Order.Create().SetNumber("x").SetOwner(&ent.User{ID: b.Ann}),
		"M2O and global":         c.Order.Create().SetNumber("x").SetOwnerID(b.Ann).SetCountryID(a.Country).AddLabelIDs(a.Label),
		"M2O that is not there":  c.Order.Create().SetNumber("x").SetOwnerID(1),
		"O2M":                    c.Order.Create().SetNumber("x").AddItemIDs(b.ItemIdle),
		"O2M one way":            user().AddWatchedIDs(b.OrderIdle),
		"O2M, one of two":        c.Order.Create().SetNumber("x").AddItemIDs(a.A.ItemIdle, b.ItemIdle),
		"O2O":                    user().SetProfileID(b.ProfileIdle),
		"O2O back":               c.Profile.Create().SetBio("x").SetUserID(b.Idle),
		"O2O to itself":          user().SetSpouseID(b.Idle),
		"M2M":                    user().AddGroupIDs(b.Group),
		"M2M, one of two":        user().AddGroupIDs(a.A.Group, b.GroupIdle),
		"M2M back":               c.Group.Create().SetName("x").AddUserIDs(b.Idle),
		"M2M to itself":          user().AddFriendIDs(b.Idle),
		"M2M forth":              user().AddFollowingIDs(b.Idle),
		"M2M back to itself":     user().AddFollowerIDs(b.Idle),
		"M2O to itself":          user().SetManagerID(b.Idle),
		"O2M to itself":          user().AddReportIDs(b.Idle),
		"M2M through":            user().AddTeamIDs(b.Team),
		"M2M through, back":      c.Team.Create().SetName("x").AddUserIDs(b.Ann),
		"M2M through composite":  user().AddClubIDs(b.Club),
		"composite, back":        c.Club.Create().SetName("x").AddGuestIDs(b.Ann),
		"O2M of the edge schema": c.Team.Create().SetName("x").AddMembershipIDs(b.Membership),
		"edge schema's user":     c.Membership.Create().SetUserID(b.Ann).SetTeamID(a.A.Team),
		"edge schema's team":     c.Membership.Create().SetUserID(a.A.Ann).SetTeamID(b.Team),
		"composite's guest":      c.Visit.Create().SetGuestID(b.Bob).SetClubID(a.A.Club),
		"composite's club":       c.Visit.Create().SetGuestID(a.A.Bob).SetClubID(b.Club),
		"global's M2M":           c.Account.Create().SetLogin("x").AddUserIDs(b.Ann),
		"global's O2M":           c.Account.Create().SetLogin("x").AddMemoIDs(b.MemoIdle),
		"global's M2O":           c.Account.Create().SetLogin("x").SetFavoriteID(b.Memo),
	} {
		a.Within(edge, func() { a.CrossTenant(create.Exec(ctx)) })
	}
}

// executor is a builder that is ready to run.
type executor interface {
	Exec(ctx context.Context) error
}
