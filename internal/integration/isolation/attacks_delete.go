package isolation

import (
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// deleteAttacks delete B's rows, by themselves or along with A's.
func deleteAttacks() []Attack {
	return []Attack{
		{Name: "delete one of B", Row: "W03", Run: func(a *Act) {
			c, b, ctx := a.Client, a.B, a.A.Ctx
			a.NotFound(c.Order.DeleteOneID(b.OrderIdle).Exec(ctx))
			a.NotFound(c.Order.DeleteOne(&ent.Order{ID: b.OrderIdle}).Exec(ctx))
			a.NotFound(c.Item.DeleteOneID(b.ItemIdle).Exec(ctx))
			a.NotFound(c.Memo.DeleteOneID(b.MemoIdle).Exec(ctx))
			a.NotFound(c.User.DeleteOneID(b.Idle).Exec(ctx))
			a.NotFound(c.Group.DeleteOneID(b.GroupIdle).Where().Exec(ctx))
			a.Fine(c.Order.DeleteOneID(a.A.OrderIdle).Exec(ctx))
		}},
		{Name: "delete many of B", Row: "W03", Run: func(a *Act) {
			n, err := a.Client.Order.Delete().Where(order.IDIn(a.B.Orders()...)).Exec(a.A.Ctx)
			a.Counts(n, err, 0)
			n, err = a.Client.Item.Delete().Where(item.SkuContains(a.B.Mark)).Exec(a.A.Ctx)
			a.Counts(n, err, 0)
			n, err = a.Client.Profile.Delete().Exec(a.A.Ctx)
			a.Counts(n, err, 3)
			n, err = a.Client.Item.Delete().Exec(a.A.Ctx)
			a.Counts(n, err, 5)
		}},
		{Name: "delete where a neighbor is B's", Row: "R15/15c", Run: func(a *Act) {
			n, err := a.Client.Order.Delete().Where(order.HasOwnerWith(user.NameContains(a.B.Mark))).Exec(a.A.Ctx)
			a.Counts(n, err, 0)
			n, err = a.Client.User.Delete().Where(user.HasOrdersWith(order.NoteContains(a.B.Mark))).Exec(a.A.Ctx)
			a.Counts(n, err, 0)
			n, err = a.Client.Item.Delete().Where(item.HasOrderWith(order.NoteContains(a.A.Mark))).Exec(a.A.Ctx)
			a.Counts(n, err, 2)
		}},
		{Name: "delete a user that B's order hangs on", Row: "W25", Run: func(a *Act) {
			a.Hangs(func() error { return a.Client.User.DeleteOneID(a.A.UserX).Exec(a.A.Ctx) }, a.NotFound)
			n, err := a.Client.User.Delete().Where(user.ID(a.A.UserX)).Exec(a.A.Ctx)
			a.Nothing(max(0, n-a.hanging(1)), err)
		}},
		{Name: "delete an order that B's item hangs on", Row: "W25", Run: func(a *Act) {
			n, err := a.Client.Order.Delete().Where(order.IDIn(a.A.OrderX, a.A.OrderIdle)).Exec(a.A.Ctx)
			a.Counts(n, err, 1+a.hanging(1))
			a.Hangs(func() error { return a.Client.Order.DeleteOneID(a.A.OrderX).Exec(a.A.Ctx) }, a.NotFound)
			a.Hangs(func() error { return a.Client.Order.DeleteOneID(a.A.OrderC).Exec(a.A.Ctx) }, a.NotFound)
		}},
		{Name: "delete a user whose order B's item hangs on", Row: "W25", Run: func(a *Act) {
			a.Saw(nil, a.Client.User.DeleteOneID(a.A.UserC).Exec(a.A.Ctx))
		}},
		{Name: "delete a spouse and manager of B's", Row: "W25", Run: func(a *Act) {
			_, err := a.Client.Membership.Delete().Exec(a.A.Ctx)
			a.Fine(err)
			_, err = a.Client.Visit.Delete().Exec(a.A.Ctx)
			a.Fine(err)
			n, err := a.Client.User.Delete().Where(user.IDIn(a.A.UserX, a.A.Bob, a.A.Idle)).Exec(a.A.Ctx)
			a.Counts(n, err, 2+a.hanging(1))
		}},
		{Name: "delete a user with its orders", Touches: []string{"badges"}, Run: func(a *Act) {
			a.Step(func() {
				a.Fine(a.Client.Membership.DeleteOneID(a.A.Membership).Exec(a.A.Ctx))
				_, err := a.Client.Visit.Delete().Exec(a.A.Ctx)
				a.Fine(err)
			})
			a.Fine(a.Client.User.DeleteOneID(a.A.Ann).Exec(a.A.Ctx))
			ids, err := a.Client.Order.Query().IDs(a.A.Ctx)
			a.Sees(ids, err, a.A.OrderIdle, a.A.OrderX, a.A.OrderC)
		}},
	}
}

// hanging is how many more rows A reaches where it does not see B's that hang on them.
func (a *Act) hanging(n int) int {
	if a.Hidden {
		return n
	}
	return 0
}
