package isolation

import (
	"context"

	"entgo.io/ent/dialect/sql"
	"entgo.io/ent/privacy"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/intercept"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// builderAttacks use builders, interceptors and decisions of others.
func builderAttacks() []Attack {
	return []Attack{
		{Name: "a query used by B, then by A", Row: "R09", Run: func(a *Act) {
			q := a.Client.Order.Query().Where(order.HasItems())
			for range 2 {
				orders, err := q.All(a.B.Ctx)
				if len(orders) != 1 || err != nil {
					a.failf("B sees %v, %v", orders, err)
				}
				orders, err = q.All(a.A.Ctx)
				a.Got(orders, err)
				a.Counts(len(orders), err, 1)
			}
		}},
		{Name: "a clone of B's query", Row: "R09", Run: func(a *Act) {
			q := a.Client.User.Query().WithOrders().Where(user.HasOrders()).Order(user.ByOrdersCount())
			_, err := q.All(a.B.Ctx)
			a.Fine(err)
			users, err := q.Clone().All(a.A.Ctx)
			a.Got(users, err)
			if len(users) != 2 {
				a.failf("%d users", len(users))
			}
		}},
		{Name: "a traversal of B's", Row: "R09", Run: func(a *Act) {
			q := a.Client.User.Query().QueryOrders().QueryItems()
			_, err := q.All(a.B.Ctx)
			a.Fine(err)
			items, err := q.All(a.A.Ctx)
			a.Got(items, err)
			a.Counts(len(items), nil, 2)
		}},
		{Name: "an update used by B, then by A", Row: "R09", Run: func(a *Act) {
			u := a.Client.Order.Update().Where(order.NoteContains(a.A.Mark)).SetNote("x")
			n, err := u.Save(a.B.Ctx)
			a.Fine(err)
			if n != 0 {
				a.leakf("B changed %d orders of A", n)
			}
			n, err = u.Save(a.A.Ctx)
			a.Counts(n, err, 5)
		}},
		{Name: "a delete used by B, then by A", Row: "R09", Run: func(a *Act) {
			d := a.Client.Item.Delete().Where(item.SkuContains(a.A.Mark))
			n, err := d.Exec(a.B.Ctx)
			if n != 0 {
				a.leakf("B deleted %d items of A", n)
			}
			a.Fine(err)
			n, err = d.Exec(a.A.Ctx)
			a.Counts(n, err, 5)
			d = a.Client.Item.Delete()
			n, err = d.Exec(a.A.Ctx)
			a.Counts(n, err, 0)
		}},
		{Name: "a create used by B, then by A", Row: "R09", Run: func(a *Act) {
			c := a.Client.Group.Create().SetName("reused").SetTenantID(string(a.B.ID))
			_, err := c.Save(a.A.Ctx)
			a.CrossTenant(err)
		}},
		{Name: "a decision to allow", Row: "R24/W27", Run: func(a *Act) {
			for _, decision := range []error{privacy.Allow, privacy.Skip, nil} {
				ctx := a.A.Ctx
				if decision != nil {
					ctx = privacy.DecisionContext(ctx, decision)
				}
				ids, err := a.Client.Order.Query().IDs(ctx)
				a.Sees(ids, err, a.A.Orders()...)
				a.Got(a.Client.Memo.Query().All(ctx))
				a.NotFound(a.Client.Order.UpdateOneID(a.B.Order).SetNote("x").Exec(ctx))
				a.NotFound(a.Client.Order.DeleteOneID(a.B.Order).Exec(ctx))
				a.NotFound(a.Client.Memo.UpdateOneID(a.B.Memo).SetText("x").Exec(ctx))
				_, err = a.Client.Order.Create().SetNumber("d").SetOwnerID(a.B.Ann).Save(ctx)
				a.CrossTenant(err)
				_, err = a.Client.Order.Create().SetNumber("d").SetTenantID(string(a.B.ID)).Save(ctx)
				a.CrossTenant(err)
				_, err = a.Client.Memo.Create().SetText("d").SetTenantID(string(a.B.ID)).Save(ctx)
				a.CrossTenant(err)
			}
			_, err := a.Client.Order.Query().IDs(privacy.DecisionContext(a.A.Ctx, privacy.Deny))
			a.Refused(err, privacy.Deny)
		}},
		{Name: "a decision to allow nobody", Row: "R24/W27", Run: func(a *Act) {
			ctx := privacy.DecisionContext(a.Nobody, privacy.Allow)
			a.refusedEverywhere(ctx)
		}},
		{Name: "an earlier mixin's Allow", Row: "R24/W27", Touches: []string{"accounts", "devices"}, Run: func(a *Act) {
			memos, err := a.Client.Memo.Query().All(a.A.Ctx)
			a.Got(memos, err)
			a.Counts(len(memos), nil, 4)
			n, err := a.Client.Memo.Update().SetText("mine").Save(a.A.Ctx)
			a.Counts(n, err, 4)
			a.deletesTwo(func() (int, error) { return a.Client.Memo.Delete().Exec(a.A.Ctx) })
		}},
		{Name: "interceptors", Run: interceptors},
		{Name: "an interceptor that loses the tenant", Row: "R10/W28", Run: func(a *Act) {
			a.Client.Order.Intercept(ent.InterceptFunc(func(next ent.Querier) ent.Querier {
				return ent.QuerierFunc(func(_ context.Context, q ent.Query) (ent.Value, error) {
					return next.Query(a.Nobody, q) //nolint:contextcheck // losing it is the attack
				})
			}))
			orders, err := a.Client.Order.Query().All(a.A.Ctx)
			a.Nothing(len(orders), err)
			n, err := a.Client.Order.Query().Count(a.A.Ctx)
			a.Nothing(n, err)
			notes, err := a.Client.Order.Query().Select(order.FieldNote).Strings(a.A.Ctx)
			a.Nothing(len(notes), err)
			notes, err = a.Client.Order.Query().GroupBy(order.FieldNote).Strings(a.A.Ctx)
			a.Nothing(len(notes), err)
		}},
		{Name: "generic interceptors", Run: func(a *Act) {
			a.Client.Intercept(intercept.TraverseFunc(func(_ context.Context, q intercept.Query) error {
				q.WhereP(func(s *sql.Selector) { s.SetP(nil).Or() })
				return nil
			}))
			ids, err := a.Client.Order.Query().IDs(a.A.Ctx)
			a.Sees(ids, err, a.A.Orders()...)
			a.Got(a.Client.User.Query().QueryOrders().Select(order.FieldNote).Strings(a.A.Ctx))
		}},
	}
}

func interceptors(a *Act) {
	a.Client.Order.Intercept(
		intercept.TraverseOrder(func(_ context.Context, q *ent.OrderQuery) error {
			q.Where(func(s *sql.Selector) { s.Where(sql.ExprP("1 = 1 OR 1 = 1")).Or() })
			return nil
		}),
		ent.InterceptFunc(func(next ent.Querier) ent.Querier {
			return ent.QuerierFunc(func(ctx context.Context, q ent.Query) (ent.Value, error) {
				if q, ok := q.(*ent.OrderQuery); ok {
					q.Where(func(s *sql.Selector) { s.SetP(nil).Not() })
				}
				return next.Query(ctx, q)
			})
		}),
	)
	ids, err := a.Client.Order.Query().IDs(a.A.Ctx)
	a.Sees(ids, err, a.A.Orders()...)
	a.Got(a.Client.Order.Query().All(a.A.Ctx))
	n, err := a.Client.Order.Query().Count(a.A.Ctx)
	a.Counts(n, err, 5)
	_, err = a.Client.Order.Query().All(a.Nobody)
	a.Refused(err)
}
