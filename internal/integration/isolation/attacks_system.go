package isolation

import (
	"entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// systemAttacks act for nobody, and may not tie tenants together.
func systemAttacks() []Attack {
	return []Attack{
		{Name: "System links tenants", Shared: true, Run: func(a *Act) {
			c, s, b, ctx := a.Client, a.A, a.B, a.System
			tenant := string(s.ID)
			for edge, u := range a.edgeUpdates(s, b) {
				if edge[:3] == "add" || edge[:3] == "set" {
					a.Within(edge, func() { a.CrossTenant(u.Exec(ctx)) })
				}
			}
			a.CrossTenant(c.Order.Create().SetTenantID(tenant).SetNumber("x").SetOwnerID(b.Ann).Exec(ctx))
			a.CrossTenant(c.User.Create().SetTenantID(tenant).SetName("x").AddGroupIDs(s.Group, b.Group).Exec(ctx))
			a.CrossTenant(c.Membership.Create().SetTenantID(tenant).SetUserID(s.Ann).SetTeamID(b.Team).Exec(ctx))
			a.CrossTenant(c.Visit.Create().SetTenantID(tenant).SetGuestID(b.Bob).SetClubID(b.Club).Exec(ctx))
			a.CrossTenant(c.Order.CreateBulk(
				c.Order.Create().SetTenantID(tenant).SetNumber("x").SetOwnerID(s.Ann),
				c.Order.Create().SetTenantID(string(b.ID)).SetNumber("y").SetOwnerID(s.Ann),
			).Exec(ctx))
			a.Refused(c.Order.Update().SetOwnerID(b.Ann).Where(order.ID(s.Order)).AddItemIDs(s.ItemIdle).Exec(ctx), tenancy.ErrCrossTenant)
			for _, key := range []string{"owner_id", "user_watched"} {
				a.Within("Modify "+key, func() {
					do := func(u *sql.UpdateBuilder) { u.Set(key, b.Ann) }
					a.CrossTenant(c.Order.UpdateOneID(s.Order).Modify(do).Exec(ctx))
					a.CrossTenant(c.Order.Update().Where(order.ID(s.Order)).SetNote("x").Modify(do).Exec(ctx))
				})
			}
			n, err := c.Order.Update().Where(order.ID(s.Order)).SetOwnerID(b.Ann).Save(ctx)
			a.Nothing(n, err)
			everywhere := func(u *sql.UpdateBuilder) { u.Where(sql.ExprP("1 = 1 OR 1 = 1")) }
			_ = c.Order.Update().Where(order.ID(s.Order)).SetOwnerID(s.Ann).Modify(everywhere).Exec(ctx) // its own, but for the text
		}},
		{Name: "System creates for nobody", Run: func(a *Act) {
			a.Refused(a.Client.Order.Create().SetNumber("x").Exec(a.System), tenancy.ErrNoTenant)
			a.Refused(a.Client.Order.CreateBulk(a.Client.Order.Create().SetNumber("x")).Exec(a.System), tenancy.ErrNoTenant)
			a.Refused(a.Client.Order.Create().SetNumber("x").SetTenantID("").Exec(a.System))
		}},
		{Name: "System within one tenant", Shared: true, Touches: []string{"countries", "accounts"}, Run: func(a *Act) {
			c, s, ctx := a.Client, a.A, a.System
			a.Fine(c.Order.Create().SetTenantID(string(s.ID)).SetNumber("x").SetOwnerID(s.Ann).AddLabelIDs(a.Label).Exec(ctx))
			a.Fine(c.User.Create().SetTenantID(string(s.ID)).SetName("x").AddGroupIDs(s.Group).AddTeamIDs(s.Team).AddAccountIDs(a.Account).Exec(ctx))
			a.Fine(c.User.UpdateOneID(s.Idle).AddGroupIDs(s.Group, s.GroupIdle).SetManagerID(s.Ann).Exec(ctx))
			a.Fine(c.Order.UpdateOneID(s.OrderIdle).SetNote("x").Exec(ctx))
			a.Fine(c.Account.UpdateOneID(a.AccountIdle).AddUserIDs(s.Ann).SetFavoriteID(s.Memo).Exec(ctx))
			a.Fine(c.Country.UpdateOneID(a.Country).SetCode("x").AddOrderIDs(s.Order2).Exec(ctx))
			n, err := c.Order.Query().Where(order.IDIn(s.Order, a.B.Order)).Count(ctx)
			if n != 2 {
				a.failf("System sees %d orders, %v", n, err)
			}
			n, err = c.User.Query().Where(user.HasOrders()).Count(ctx)
			if n != 6 {
				a.failf("System sees %d users with orders, %v", n, err)
			}
		}},
		{Name: "System joins many rows at once", Shared: true, Run: func(a *Act) {
			a.Refused(a.Client.User.Update().AddAccountIDs(a.AccountIdle).Exec(a.System), tenancy.ErrNoTenant)
			n, err := a.Client.User.Update().Where(user.ID(a.B.Ann)).AddGroupIDs(a.A.Group).Save(a.System)
			a.Nothing(n, err)
		}},
	}
}
