package isolation

import (
	"fmt"

	"github.com/google/uuid"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/visit"
)

// edgeAttacks change the edges of B's rows, and link A's rows to B's.
func edgeAttacks() []Attack {
	return []Attack{
		{Name: "edges of B's rows", Row: "W04-W08", Run: func(a *Act) {
			for name, u := range a.edgeUpdates(a.B, a.A) {
				a.Within(name, func() { a.Refused(u.Exec(a.A.Ctx)) })
			}
			for name, u := range a.edgeUpdates(a.B, a.B) {
				a.Within(name+" of its own", func() { a.Refused(u.Exec(a.A.Ctx)) })
			}
		}},
		{Name: "edges of A's rows to B's", Row: "W09-W17", Run: func(a *Act) {
			for name, u := range a.edgeUpdates(a.A, a.B) {
				if name[:3] == "add" || name[:3] == "set" {
					a.Within(name, func() { a.CrossTenant(u.Exec(a.A.Ctx)) })
				} else {
					a.Within(name, func() { a.Saw(nil, u.Exec(a.A.Ctx)) })
				}
			}
		}},
		{Name: "edges of A's own rows", Run: func(a *Act) {
			for _, name := range []string{"set", "add", "remove", "clear"} {
				for edge, u := range a.edgeUpdates(a.A, a.A) {
					if len(edge) > len(name) && edge[:len(name)] == name {
						a.Within(edge, func() { a.Fine(u.Exec(a.A.Ctx)) })
					}
				}
			}
		}},
		{Name: "edges of many rows to B's", Row: "W10b", Run: func(a *Act) {
			c, b, ctx := a.Client, a.B, a.A.Ctx
			a.CrossTenant(c.Order.Update().SetOwnerID(b.Ann).Exec(ctx))
			a.CrossTenant(c.Order.Update().Where(order.ID(a.A.Order)).AddItemIDs(b.ItemIdle).Exec(ctx))
			a.CrossTenant(c.User.Update().AddGroupIDs(b.Group).Exec(ctx))
			a.CrossTenant(c.User.Update().AddFriendIDs(a.A.Ann, b.Ann).Exec(ctx))
			a.CrossTenant(c.Group.Update().AddUserIDs(b.Ann).Exec(ctx))
			a.CrossTenant(c.Team.Update().AddUserIDs(b.Ann).Exec(ctx))
			a.CrossTenant(c.Membership.Update().SetTeamID(b.Team).Exec(ctx))
			a.CrossTenant(c.Visit.Update().SetClubID(b.Club).Exec(ctx))
			n, err := c.User.Update().Where(user.ID(b.Ann)).ClearGroups().Save(ctx)
			a.Nothing(n, err)
			n, err = c.User.Update().Where(user.IDIn(b.Users()...)).ClearOrders().ClearFriends().ClearTeams().Save(ctx)
			a.Nothing(n, err)
			n, err = c.Order.Update().Where(order.ID(b.Order)).RemoveItemIDs(b.Item).AddItemIDs(a.A.ItemIdle).Save(ctx)
			a.Nothing(n, err)
			n, err = c.Order.Update().Where(order.ID(b.Order)).ClearLabels().ClearCountry().ClearOwner().Save(ctx)
			a.Nothing(n, err)
		}},
		{Name: "edges of all of A's rows", Run: func(a *Act) {
			n, err := a.Client.User.Update().Where(user.IDIn(a.A.Ann, a.A.Bob)).AddGroupIDs(a.A.GroupIdle).RemoveFriendIDs(a.A.Ann).Save(a.A.Ctx)
			a.Counts(n, err, 2)
			n, err = a.Client.User.Update().AddAccountIDs(a.AccountIdle).AddClubIDs(a.A.ClubIdle).Save(a.A.Ctx)
			a.Counts(n, err, 5)
			n, err = a.Client.Order.Update().AddLabelIDs(a.LabelIdle).SetCountryID(a.CountryIdle).Save(a.A.Ctx)
			a.Counts(n, err, 5)
			n, err = a.Client.Order.Update().Where(order.IDIn(a.A.Order2, a.A.OrderIdle)).SetOwnerID(a.A.Bob).Save(a.A.Ctx)
			a.Counts(n, err, 2)
		}},
		{Name: "add a link twice", Run: func(a *Act) {
			c, s, ctx := a.Client, a.A, a.A.Ctx
			for range 2 {
				a.Fine(c.User.UpdateOneID(s.Ann).AddGroupIDs(s.Group, s.GroupIdle).Exec(ctx))
				a.Fine(c.Group.UpdateOneID(s.Group).AddUserIDs(s.Ann, s.Idle).Exec(ctx))
				a.Fine(c.User.UpdateOneID(s.Ann).AddFriendIDs(s.Bob, s.Idle).Exec(ctx))
				a.Fine(c.User.UpdateOneID(s.Ann).AddAccountIDs(a.Account).Exec(ctx))
				a.Fine(c.Order.UpdateOneID(s.Order).AddLabelIDs(a.Label).Exec(ctx))
				a.Fine(c.User.Update().Where(user.IDIn(s.Ann, s.Bob)).AddGroupIDs(s.Group).Exec(ctx))
				a.Fine(c.Account.UpdateOneID(a.Account).AddUserIDs(s.Ann).Exec(ctx))
			}
			n, err := c.Group.Query().Where(group.ID(s.Group)).QueryUsers().Count(ctx)
			a.Counts(n, err, 3)
		}},
		{Name: "update an entity twice", Run: func(a *Act) {
			g, err := a.Client.Group.UpdateOneID(a.A.Group).AddUserIDs(a.A.Idle).Save(a.A.Ctx)
			a.Got(g, err)
			if err == nil {
				a.NotFound(g.Update().AddUserIDs(a.B.Ann).Exec(a.B.Ctx))
				a.CrossTenant(g.Update().AddUserIDs(a.B.Ann).Exec(a.A.Ctx))
				a.Fine(g.Update().RemoveUserIDs(a.A.Idle).Exec(a.A.Ctx))
				n, err := g.QueryUsers().Count(a.A.Ctx)
				a.Counts(n, err, 2)
			}
		}},
		{Name: "take a row of B that has no owner", Row: "W11/12/13/17", Run: func(a *Act) {
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Ann).AddOrderIDs(a.B.OrderIdle).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Order.UpdateOneID(a.A.Order).AddItemIDs(a.B.ItemIdle).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Order.UpdateOneID(a.A.Order).AddItemIDs(uuid.New()).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Idle).SetProfileID(a.B.ProfileIdle).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Idle).SetSpouseID(a.B.Idle).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Idle).AddReportIDs(a.B.Idle).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Account.UpdateOneID(a.AccountIdle).AddMemoIDs(a.B.MemoIdle).Exec(a.A.Ctx))
		}},
	}
}

// edgeUpdates returns updates of edges of from's rows to to's, which make
// sense in the order set, add, remove, clear if both are one.
func (a *Act) edgeUpdates(from, to *Side) map[string]executor {
	c := a.Client
	user := func(id int) *ent.UserUpdateOne { return c.User.UpdateOneID(id) }
	return map[string]executor{
		"set M2O":                       c.Order.UpdateOneID(from.Order).SetOwnerID(to.Bob),
		"clear M2O":                     c.Order.UpdateOneID(from.Order2).ClearOwner(),
		"add O2M":                       c.Order.UpdateOneID(from.Order2).AddItemIDs(to.ItemIdle),
		"add O2M one way":               user(from.Idle).AddWatchedIDs(to.OrderIdle),
		"remove O2M one way":            user(from.Idle).RemoveWatchedIDs(to.OrderIdle),
		"clear O2M one way":             user(from.Idle).ClearWatched(),
		"remove O2M":                    c.Order.UpdateOneID(from.Order).RemoveItemIDs(to.Item2),
		"clear O2M":                     c.Order.UpdateOneID(from.Order).ClearItems(),
		"clear and add O2M":             c.Order.UpdateOneID(from.Order).ClearItems().AddItemIDs(to.Item2),
		"set O2O":                       user(from.Idle).SetProfileID(to.ProfileIdle),
		"clear O2O":                     user(from.Ann).ClearProfile(),
		"set O2O back":                  c.Profile.UpdateOneID(from.Profile).ClearUser().SetUserID(to.Bob),
		"clear O2O back":                c.Profile.UpdateOneID(from.Profile).ClearUser(),
		"set O2O to itself":             user(from.Idle).SetSpouseID(to.UserC),
		"clear O2O to itself":           user(from.Ann).ClearSpouse(),
		"add M2M":                       user(from.Idle).AddGroupIDs(to.Group),
		"add M2M and a field":           user(from.Idle).SetName("x").AddGroupIDs(to.GroupIdle),
		"remove M2M":                    user(from.Ann).RemoveGroupIDs(to.Group),
		"clear M2M":                     user(from.Ann).ClearGroups(),
		"add M2M back":                  c.Group.UpdateOneID(from.Group).AddUserIDs(to.Idle),
		"remove M2M back":               c.Group.UpdateOneID(from.Group).RemoveUserIDs(to.Bob),
		"clear M2M back":                c.Group.UpdateOneID(from.Group).ClearUsers(),
		"add M2M to itself":             user(from.Ann).AddFriendIDs(to.Idle),
		"remove M2M to itself":          user(from.Ann).RemoveFriendIDs(to.Bob),
		"clear M2M to itself":           user(from.Ann).ClearFriends(),
		"add M2M forth":                 user(from.Ann).AddFollowingIDs(to.Idle),
		"add M2M back to itself":        user(from.Ann).AddFollowerIDs(to.Idle),
		"remove M2M forth":              user(from.Ann).RemoveFollowingIDs(to.Bob),
		"clear M2M forth":               user(from.Ann).ClearFollowing(),
		"clear M2M back to itself":      user(from.Ann).ClearFollowers(),
		"set M2O to itself":             user(from.Idle).SetManagerID(to.Bob),
		"clear M2O to itself":           user(from.Bob).ClearManager(),
		"add O2M to itself":             user(from.Ann).AddReportIDs(to.UserC),
		"remove O2M to itself":          user(from.Ann).RemoveReportIDs(to.Bob),
		"clear O2M to itself":           user(from.Ann).ClearReports(),
		"add through":                   user(from.Bob).AddTeamIDs(to.Team),
		"remove through":                user(from.Ann).RemoveTeamIDs(to.Team),
		"clear through":                 user(from.Ann).ClearTeams(),
		"add through, back":             c.Team.UpdateOneID(from.Team).AddUserIDs(to.Idle),
		"clear through, back":           c.Team.UpdateOneID(from.Team).ClearUsers(),
		"add composite":                 user(from.Bob).AddClubIDs(to.Club),
		"remove composite":              user(from.Ann).RemoveClubIDs(to.Club),
		"clear composite":               user(from.Ann).ClearClubs(),
		"add composite, back":           c.Club.UpdateOneID(from.Club).AddGuestIDs(to.Idle),
		"clear composite, back":         c.Club.UpdateOneID(from.Club).ClearGuests(),
		"clear M2M to global":           user(from.Ann).ClearAccounts(),
		"clear M2M to read-only global": c.Order.UpdateOneID(from.Order).ClearLabels(),
		"clear M2O to global":           c.Order.UpdateOneID(from.Order).ClearCountry(),
		"clear M2O to writable global":  c.Memo.UpdateOneID(from.Memo).ClearAccount(),
	}
}

// linkTableAttacks change edge schemas, and rows that hang on both tenants'.
func linkTableAttacks() []Attack {
	return []Attack{
		{Name: "edge schema's rows of B", Row: "W04-W08", Run: func(a *Act) {
			c, b, ctx := a.Client, a.B, a.A.Ctx
			visit := &ent.Visit{GuestID: b.Ann, ClubID: b.Club}
			a.Refused(c.Membership.UpdateOneID(b.Membership).SetTeamID(a.A.Team).Exec(ctx))
			a.Refused(c.Membership.UpdateOneID(b.Membership).SetTeamID(b.TeamIdle).Exec(ctx))
			a.NotFound(c.Membership.DeleteOneID(b.Membership).Exec(ctx))
			a.Refused(c.Visit.UpdateOne(visit).SetClubID(a.A.Club).Exec(ctx))
			a.Refused(c.Visit.UpdateOne(visit).SetRemark("x").Exec(ctx))
			a.Refused(c.Visit.UpdateOne(visit).Modify().Exec(ctx))
			a.CrossTenant(c.Membership.UpdateOneID(a.A.Membership).SetTeamID(b.Team).Exec(ctx))
			a.CrossTenant(c.Membership.UpdateOneID(a.A.Membership).SetUserID(b.Ann).Exec(ctx))
			a.CrossTenant(c.Visit.UpdateOne(&ent.Visit{GuestID: a.A.Ann, ClubID: a.A.Club}).SetClubID(b.Club).Exec(ctx))
			n, err := c.Visit.Delete().Exec(ctx)
			a.Counts(n, err, 2)
			n, err = c.Membership.Delete().Exec(ctx)
			a.Counts(n, err, 2)
		}},
		{Name: "edge schema's rows of A", Run: func(a *Act) {
			c, s, ctx := a.Client, a.A, a.A.Ctx
			v := &ent.Visit{GuestID: s.Ann, ClubID: s.Club}
			a.Fine(c.Visit.UpdateOne(v).SetRemark("x").Exec(ctx))
			a.Fine(c.Visit.UpdateOne(v).SetRemark("x").Exec(ctx))
			a.Fine(c.Membership.UpdateOneID(s.Membership).SetTeamID(s.TeamIdle).SetRole("x").Exec(ctx))
			n, err := c.Visit.Update().SetRemark("y").Save(ctx)
			a.Counts(n, err, 2)
		}},
		{Name: "clear edge schema's rows of B", Row: "W07/08", Run: func(a *Act) {
			c, ctx := a.Client, a.A.Ctx
			a.Saw(nil, c.Team.UpdateOneID(a.A.TeamX).ClearUsers().Exec(ctx))
			a.Saw(nil, c.Team.UpdateOneID(a.A.TeamX).RemoveUserIDs(a.B.UserX).Exec(ctx))
			a.Saw(nil, c.Club.UpdateOneID(a.A.ClubX).ClearGuests().Exec(ctx))
			a.Saw(nil, c.Club.UpdateOneID(a.A.ClubX).RemoveGuestIDs(a.B.UserX).Exec(ctx))
			a.Saw(nil, c.Club.Update().ClearGuests().Exec(ctx))
		}},
		{Name: "composite edge schema's row of B between A's rows", Row: "W07/08", Touches: []string{"visits"}, Run: func(a *Act) {
			if a.Hidden {
				return // such a row cannot be
			}
			_, err := a.Client.ExecContext(a.System, fmt.Sprintf("INSERT INTO visits (tenant_id, remark, guest_id, club_id) VALUES ('%s', '%s', %d, %d)",
				a.B.ID, a.B.text("remark"), a.A.Bob, a.A.ClubIdle))
			a.Fine(err)
			row := &ent.Visit{GuestID: a.A.Bob, ClubID: a.A.ClubIdle}
			for name, u := range map[string]*ent.VisitUpdateOne{
				"nothing": a.Client.Visit.UpdateOne(row), "field": a.Client.Visit.UpdateOne(row).SetRemark("x"),
			} {
				a.Within(name, func() {
					v, err := u.Save(a.A.Ctx)
					a.Saw(v, err)
					a.NotFound(err)
				})
			}
			n, err := a.Client.Visit.Query().Where(visit.GuestID(a.A.Bob)).Count(a.A.Ctx)
			a.Counts(n, err, 0)
		}},
		{Name: "clear what B's rows hang on", Row: "W25", Run: func(a *Act) {
			c, x, ctx := a.Client, a.A.UserX, a.A.Ctx
			for name, u := range map[string]executor{
				"orders":   c.User.UpdateOneID(x).ClearOrders(),
				"order":    c.User.UpdateOneID(x).RemoveOrderIDs(a.B.OrderX),
				"profile":  c.User.UpdateOneID(x).ClearProfile(),
				"reports":  c.User.UpdateOneID(x).ClearReports(),
				"spouse":   c.User.UpdateOneID(x).ClearSpouse(),
				"items":    c.Order.UpdateOneID(a.A.OrderX).ClearItems(),
				"one item": c.Order.UpdateOneID(a.A.OrderX).RemoveItemIDs(a.B.ItemX),
			} {
				a.Within(name, func() {
					a.Hangs(func() error { return u.Exec(ctx) }, func(err error) { a.Refused(err) })
				})
			}
			n, err := c.User.Update().ClearOrders().ClearReports().Save(ctx)
			a.Fine(err)
			if n > 4 && !a.Hidden {
				a.leakf("%d users were cleared", n)
			}
		}},
	}
}
