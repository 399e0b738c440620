package isolation

import (
	"context"

	entgo "entgo.io/ent"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/hook"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/schema"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// hookAttacks change mutations on their way, and use what hooks are given.
func hookAttacks() []Attack {
	return []Attack{
		{Name: "a schema's hook sets the tenant", Row: "W18/19/26", Run: func(a *Act) {
			ctx := schema.WithChange(a.A.Ctx, func(m entgo.Mutation) error { return m.SetField("tenant_id", string(a.B.ID)) })
			a.CrossTenant(a.Client.Memo.Create().SetText("x").Exec(ctx))
			a.CrossTenant(a.Client.Memo.CreateBulk(a.Client.Memo.Create().SetText("x")).Exec(ctx))
			a.Saw(nil, a.Client.Memo.Create().SetText("x").OnConflictColumns("id").UpdateNewValues().Exec(ctx))
			a.Saw(nil, a.Client.Memo.UpdateOneID(a.A.Memo).SetText("x").Exec(ctx))
			a.Saw(nil, a.Client.Memo.Update().SetText("x").Exec(ctx))
		}},
		{Name: "a schema's hook resets the tenant", Row: "W18/19/26", Run: func(a *Act) {
			ctx := schema.WithChange(a.A.Ctx, func(m entgo.Mutation) error { return m.ResetField("tenant_id") })
			a.Refused(a.Client.Memo.Create().SetText("x").Exec(ctx))
			ctx = schema.WithChange(a.A.Ctx, func(m entgo.Mutation) error { return m.SetField("tenant_id", "") })
			a.Refused(a.Client.Memo.Create().SetText("x").Exec(ctx))
		}},
		{Name: "a client's hook sets the tenant", Row: "W18/19/26", Run: func(a *Act) {
			a.Client.Use(func(next ent.Mutator) ent.Mutator {
				return ent.MutateFunc(func(ctx context.Context, m ent.Mutation) (ent.Value, error) {
					if m.Op().Is(ent.OpCreate) {
						a.Fine(m.SetField("tenant_id", string(a.B.ID)))
					}
					return next.Mutate(ctx, m)
				})
			})
			a.CrossTenant(a.Client.Order.Create().SetNumber("x").Exec(a.A.Ctx))
			a.CrossTenant(a.Client.Memo.Create().SetText("x").Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.CreateBulk(a.Client.User.Create().SetName("x")).Exec(a.A.Ctx))
		}},
		{Name: "a hook sets edges", Row: "W09-W17", Run: func(a *Act) {
			a.Client.User.Use(hook.On(func(next ent.Mutator) ent.Mutator {
				return hook.UserFunc(func(ctx context.Context, m *ent.UserMutation) (ent.Value, error) {
					m.AddGroupIDs(a.B.Group)
					return next.Mutate(ctx, m)
				})
			}, ent.OpCreate|ent.OpUpdate|ent.OpUpdateOne))
			a.CrossTenant(a.Client.User.Create().SetName("x").Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.CreateBulk(a.Client.User.Create().SetName("x")).Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.UpdateOneID(a.A.Idle).SetName("x").Exec(a.A.Ctx))
			a.CrossTenant(a.Client.User.Update().SetName("x").Exec(a.A.Ctx))
		}},
		{Name: "a hook of an update of B's row", Row: "R22,R27,R27b,R28", Run: hookOfB},
		{Name: "a hook of an update of all rows", Row: "R22,R27,R27b,R28", Run: func(a *Act) {
			a.Client.User.Use(func(next ent.Mutator) ent.Mutator {
				return hook.UserFunc(func(ctx context.Context, m *ent.UserMutation) (ent.Value, error) {
					ids, err := m.IDs(ctx)
					a.Sees(ids, err, a.A.Users()...)
					a.Got(m.Client().User.Query().WithOrders().All(ctx))
					return next.Mutate(ctx, m)
				})
			})
			n, err := a.Client.User.Update().SetAge(1).Save(a.A.Ctx)
			a.Counts(n, err, 5)
		}},
		{Name: "a hook that turns to B's row", Row: "W01", Run: func(a *Act) {
			a.Client.User.Use(func(next ent.Mutator) ent.Mutator {
				return hook.UserFunc(func(ctx context.Context, m *ent.UserMutation) (ent.Value, error) {
					m.Where(user.Or(user.IDGT(0), user.TenantID(string(a.B.ID))))
					return next.Mutate(ctx, m)
				})
			})
			n, err := a.Client.User.Update().SetAge(1).Save(a.A.Ctx)
			a.Counts(n, err, 5)
			n, err = a.Client.User.Delete().Where(user.IDIn(a.A.Idle, a.B.Idle)).Exec(a.A.Ctx)
			a.Counts(n, err, 1)
		}},
		{Name: "a mutation of B's made by hand", Row: "W18/19/26", Run: func(a *Act) {
			m := a.Client.Order.UpdateOneID(a.B.Order).SetNote("x").Mutation()
			_, err := a.Client.Mutate(a.A.Ctx, m)
			a.NotFound(err)
			m = a.Client.Order.Update().ClearItems().Mutation()
			_, err = a.Client.Mutate(a.Nobody, m)
			a.Refused(err)
		}},
		{Name: "a schema's hook loses the tenant", Row: "R10/W28", Run: func(a *Act) {
			for name, ctx := range map[string]context.Context{
				"nobody": a.Nobody, "no reason": tenancy.System(a.A.Ctx, ""), "no id": tenancy.NewContext(a.A.Ctx, tenancy.Tenant{}),
			} {
				lost := schema.WithTurn(a.A.Ctx, func(context.Context) context.Context { return ctx })
				a.Within(name, func() { a.refusedMemo(lost) })
			}
			toB := schema.WithTurn(a.A.Ctx, func(context.Context) context.Context { return a.B.Ctx })
			a.CrossTenant(a.Client.Memo.Create().SetText("x").Exec(toB))
		}},
		{Name: "a hook that loses the tenant", Row: "R10/W28", Run: func(a *Act) {
			a.Client.Order.Use(func(next ent.Mutator) ent.Mutator {
				return ent.MutateFunc(func(_ context.Context, m ent.Mutation) (ent.Value, error) {
					return next.Mutate(a.Nobody, m) //nolint:contextcheck // losing it is the attack
				})
			})
			a.Refused(a.Client.Order.Create().SetNumber("x").Exec(a.A.Ctx))
			a.Refused(a.Client.Order.UpdateOneID(a.B.Order).SetNote("x").Exec(a.A.Ctx))
			_, err := a.Client.Order.Delete().Exec(a.A.Ctx)
			a.Refused(err)
		}},
	}
}

// refusedMemo writes memos of A in a context whose tenant is lost on the way.
func (a *Act) refusedMemo(ctx context.Context) {
	a.Refused(a.Client.Memo.Create().SetText("x").Exec(ctx), tenancy.ErrNoTenant, tenancy.ErrNoReason)
	a.Refused(a.Client.Memo.CreateBulk(a.Client.Memo.Create().SetText("x")).Exec(ctx), tenancy.ErrNoTenant, tenancy.ErrNoReason)
	a.Refused(a.Client.Memo.UpdateOneID(a.A.Memo).SetText("x").Exec(ctx), tenancy.ErrNoTenant, tenancy.ErrNoReason)
	a.Refused(a.Client.Memo.Update().SetText("x").Exec(ctx), tenancy.ErrNoTenant, tenancy.ErrNoReason)
	a.Refused(a.Client.Memo.DeleteOneID(a.A.Memo).Exec(ctx), tenancy.ErrNoTenant, tenancy.ErrNoReason)
	_, err := a.Client.Memo.Delete().Exec(ctx)
	a.Refused(err, tenancy.ErrNoTenant, tenancy.ErrNoReason)
}

func hookOfB(a *Act) {
	a.Client.User.Use(func(next ent.Mutator) ent.Mutator {
		return hook.UserFunc(func(ctx context.Context, m *ent.UserMutation) (ent.Value, error) {
			if m.Op().Is(ent.OpUpdateOne) {
				a.Saw(m.OldName(ctx))
				a.Saw(m.OldEmail(ctx))
				a.Saw(m.OldField(ctx, user.FieldDomain))
			}
			a.Saw(m.Client().User.Get(ctx, a.B.Ann))
			return next.Mutate(ctx, m)
		})
	})
	a.NotFound(a.Client.User.UpdateOneID(a.B.Ann).SetName("x").Exec(a.A.Ctx))
	a.NotFound(a.Client.User.UpdateOneID(a.B.Ann).Exec(a.A.Ctx))
	a.NotFound(a.Client.User.DeleteOneID(a.B.Idle).Exec(a.A.Ctx))
	a.Fine(a.Client.User.UpdateOneID(a.A.Ann).SetName("x").Exec(a.A.Ctx))
}
