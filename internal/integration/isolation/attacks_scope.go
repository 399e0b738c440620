package isolation

import (
	"context"
	"strings"

	"entgo.io/ent/privacy"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// operations returns one of each kind of builder, on rows of A's.
func (a *Act) operations() map[string]func(context.Context) error {
	c := a.Client
	return map[string]func(context.Context) error{
		"All":               func(ctx context.Context) error { _, err := c.Order.Query().All(ctx); return err },
		"Get":               func(ctx context.Context) error { _, err := c.Order.Get(ctx, a.A.Order); return err },
		"First":             func(ctx context.Context) error { _, err := c.Order.Query().First(ctx); return err },
		"Count":             func(ctx context.Context) error { _, err := c.Order.Query().Count(ctx); return err },
		"Exist":             func(ctx context.Context) error { _, err := c.Order.Query().Exist(ctx); return err },
		"IDs":               func(ctx context.Context) error { _, err := c.Order.Query().IDs(ctx); return err },
		"Select":            func(ctx context.Context) error { _, err := c.Order.Query().Select("note").Strings(ctx); return err },
		"GroupBy":           func(ctx context.Context) error { _, err := c.Order.Query().GroupBy("note").Strings(ctx); return err },
		"Aggregate":         func(ctx context.Context) error { _, err := c.Order.Query().Aggregate(ent.Count()).Int(ctx); return err },
		"traversal":         func(ctx context.Context) error { _, err := c.User.Query().QueryOrders().All(ctx); return err },
		"global traversal":  func(ctx context.Context) error { _, err := c.Country.Query().QueryOrders().All(ctx); return err },
		"global eager load": func(ctx context.Context) error { _, err := c.Country.Query().WithOrders().All(ctx); return err },
		"entity walk": func(ctx context.Context) error {
			_, err := c.Order.QueryItems(&ent.Order{ID: a.A.Order}).All(ctx)
			return err
		},
		"Memo":        func(ctx context.Context) error { _, err := c.Memo.Query().All(ctx); return err },
		"Memo create": func(ctx context.Context) error { return c.Memo.Create().SetText("x").Exec(ctx) },
		"Memo bulk":   func(ctx context.Context) error { return c.Memo.CreateBulk(c.Memo.Create().SetText("x")).Exec(ctx) },
		"Memo update": func(ctx context.Context) error { return c.Memo.Update().SetText("x").Exec(ctx) },
		"Create":      func(ctx context.Context) error { return c.Order.Create().SetNumber("x").Exec(ctx) },
		"CreateBulk":  func(ctx context.Context) error { return c.Order.CreateBulk(c.Order.Create().SetNumber("x")).Exec(ctx) },
		"Create for A": func(ctx context.Context) error {
			return c.Order.Create().SetNumber("x").SetTenantID(string(a.A.ID)).Exec(ctx)
		},
		"MapCreateBulk": func(ctx context.Context) error {
			return c.Order.MapCreateBulk([]int{1}, func(o *ent.OrderCreate, _ int) { o.SetNumber("x") }).Exec(ctx)
		},
		"upsert": func(ctx context.Context) error {
			return c.Order.Create().SetNumber("x").OnConflictColumns("tenant_id", "number").UpdateNewValues().Exec(ctx)
		},
		"Update":       func(ctx context.Context) error { return c.Order.Update().SetNote("x").Exec(ctx) },
		"UpdateOneID":  func(ctx context.Context) error { return c.Order.UpdateOneID(a.A.Order).SetNote("x").Exec(ctx) },
		"empty update": func(ctx context.Context) error { return c.Order.UpdateOneID(a.A.Order).Exec(ctx) },
		"edge update":  func(ctx context.Context) error { return c.User.UpdateOneID(a.A.Ann).ClearGroups().Exec(ctx) },
		"Delete":       func(ctx context.Context) error { _, err := c.Order.Delete().Exec(ctx); return err },
		"DeleteOneID":  func(ctx context.Context) error { return c.Order.DeleteOneID(a.A.Order).Exec(ctx) },
		"global edge": func(ctx context.Context) error {
			return c.Account.UpdateOneID(a.AccountIdle).AddUserIDs(a.A.Ann).Exec(ctx)
		},
		"global O2M edge": func(ctx context.Context) error {
			return c.Account.UpdateOneID(a.AccountIdle).AddMemoIDs(a.A.MemoIdle).Exec(ctx)
		},
		"global create with edge": func(ctx context.Context) error {
			return c.Account.Create().SetLogin("x").AddUserIDs(a.A.Ann).Exec(ctx)
		},
		"global delete": func(ctx context.Context) error { return c.Account.DeleteOneID(a.Account).Exec(ctx) },
		"global clear":  func(ctx context.Context) error { return c.Account.UpdateOneID(a.Account).ClearUsers().Exec(ctx) },
		"global remove": func(ctx context.Context) error {
			return c.Account.UpdateOneID(a.Account).RemoveUserIDs(a.A.Ann).Exec(ctx)
		},
		"read-only global": func(ctx context.Context) error { return c.Country.Create().SetCode("x").Exec(ctx) },
		"composite edge schema": func(ctx context.Context) error {
			return c.Visit.Create().SetGuestID(a.A.Bob).SetClubID(a.A.Club).Exec(ctx)
		},
	}
}

// refusedEverywhere runs all kinds of builders in a context that none may work in.
func (a *Act) refusedEverywhere(ctx context.Context, meanings ...error) {
	for name, run := range a.operations() {
		a.Within(name, func() { a.Step(func() { a.Refused(run(ctx), meanings...) }) })
	}
}

// scopeAttacks use contexts that name nobody, or somebody else.
func scopeAttacks() []Attack {
	return []Attack{
		{Name: "no tenant", Row: "R10/W28", Run: func(a *Act) {
			a.refusedEverywhere(a.Nobody, tenancy.ErrNoTenant, tenancy.ErrGlobalWrite)
			a.refusedEverywhere(context.WithoutCancel(a.Nobody), tenancy.ErrNoTenant, tenancy.ErrGlobalWrite)
			_, err := a.Client.Order.Query().All(a.Nobody)
			a.Refused(err, privacy.Deny)
		}},
		{Name: "a policy on its own", Row: "R10/W28", Run: func(a *Act) {
			m := a.Client.Order.Create().SetNumber("x").SetTenantID(string(a.B.ID)).Mutation()
			a.Refused(order.Policy.EvalQuery(a.Nobody, a.Client.Order.Query()), tenancy.ErrNoTenant)
			a.Refused(order.Policy.EvalMutation(a.Nobody, m), tenancy.ErrNoTenant)
			a.CrossTenant(order.Policy.EvalMutation(a.A.Ctx, m))
			a.Fine(order.Policy.EvalMutation(a.B.Ctx, m))
			a.Fine(order.Policy.EvalQuery(a.A.Ctx, a.Client.Order.Query()))
		}},
		{Name: "predicates without tenant", Row: "R10/W28", Run: func(a *Act) {
			for name, q := range map[string]*ent.CountryQuery{
				"has":      a.Client.Country.Query().Where(hasOrders()),
				"has with": a.Client.Country.Query().Where(hasOrdersWith("")),
			} {
				a.Within(name, func() {
					_, err := q.Clone().All(a.Nobody)
					a.Told(err, tenancy.ErrNoTenant)
					n, err := q.Clone().Count(a.Nobody)
					a.Nothing(n, err)
				})
			}
		}},
		{Name: "walk from a row to globals without tenant", Row: "R10/W28", Run: func(a *Act) {
			u, err := a.Client.User.Get(a.A.Ctx, a.A.Ann)
			a.Got(u, err)
			if err == nil {
				accounts, err := u.QueryAccounts().All(a.Nobody)
				a.Told(err, tenancy.ErrNoTenant)
				a.Nothing(len(accounts), nil)
			}
		}},
		{Name: "a System scope without reason", Run: func(a *Act) {
			for _, reason := range []string{"", "  ", "\t\n"} {
				a.refusedEverywhere(tenancy.System(a.A.Ctx, reason), tenancy.ErrNoReason, tenancy.ErrGlobalWrite)
			}
		}},
		{Name: "a suspended tenant", Run: func(a *Act) {
			for _, status := range []tenancy.Status{tenancy.StatusSuspended, tenancy.StatusDeleted} {
				ctx := tenancy.NewContext(a.Nobody, tenancy.Tenant{ID: a.A.ID, Status: status})
				a.refusedEverywhere(ctx, tenancy.ErrInactive, tenancy.ErrGlobalWrite)
			}
		}},
		{Name: "ids that are none", Run: func(a *Act) {
			for _, id := range []string{"", " ", string(a.A.ID) + " ", string(a.B.ID) + "\x00", "\xff", strings.Repeat("x", 300)} {
				ctx := tenancy.NewContext(a.Nobody, tenancy.Tenant{ID: tenancy.ID(id)})
				a.refusedEverywhere(ctx, tenancy.ErrNoTenant, tenancy.ErrInvalidID, tenancy.ErrGlobalWrite)
			}
		}},
		{Name: "ids that look like B's", Run: func(a *Act) {
			b := string(a.B.ID)
			for _, id := range []string{b + "%", "%", "_", b[:len(b)-1], b + "'--", "' OR '1'='1", strings.ToLower(b) + "x", "0", "1", "true", "NULL", "*"} {
				ctx := tenancy.NewContext(a.Nobody, tenancy.Tenant{ID: tenancy.ID(id)})
				n, err := a.Client.Order.Query().Count(ctx)
				a.nobodys(n, err)
				n, err = a.Client.Order.Update().SetNote("x").Save(ctx)
				a.nobodys(n, err)
				n, err = a.Client.Order.Delete().Exec(ctx)
				a.nobodys(n, err)
			}
		}},
		{Name: "A nested in System, and back", Run: func(a *Act) {
			inner := tenancy.NewContext(a.System, a.A.Tenant)
			ids, err := a.Client.Order.Query().IDs(inner)
			a.Sees(ids, err, a.A.Orders()...)
			a.NotFound(a.Client.Order.UpdateOneID(a.B.Order).SetNote("x").Exec(inner))
			// A System scope over a tenant, made for one query, leaves the tenant's context as it was.
			n, err := a.Client.Order.Query().Count(tenancy.System(inner, "counting all"))
			if (err != nil || n != 10) && !a.Separate {
				a.failf("System counts %d, %v", n, err)
			}
			ids, err = a.Client.Order.Query().IDs(inner)
			a.Sees(ids, err, a.A.Orders()...)
		}},
		{Name: "A nested in B", Run: func(a *Act) {
			inner := tenancy.NewContext(a.B.Ctx, a.A.Tenant)
			ids, err := a.Client.Order.Query().IDs(inner)
			a.Sees(ids, err, a.A.Orders()...)
		}},
		{Name: "a nobody nested in A", Run: func(a *Act) {
			a.refusedEverywhere(tenancy.NewContext(a.A.Ctx, tenancy.Tenant{}), tenancy.ErrNoTenant, tenancy.ErrGlobalWrite)
		}},
		{Name: "a transaction begun for another", Row: "R26", Run: func(a *Act) {
			ids, err := a.Client.Order.Query().IDs(a.A.Ctx)
			a.Sees(ids, err, a.A.Orders()...)
			a.NotFound(a.Client.Order.UpdateOneID(a.B.Order).SetNote("x").Exec(a.A.Ctx))
			a.NotFound(a.Client.Group.DeleteOneID(a.B.GroupIdle).Exec(a.A.Ctx))
			n, err := a.Client.Group.Update().Where(group.NameContains("-")).SetName("x").Save(a.A.Ctx)
			a.Counts(n, err, 3)
		}},
		{Name: "an order that B loaded in a transaction", Row: "W29", Run: func(a *Act) {
			if a.raw != nil {
				return // there is a transaction already
			}
			tx, err := a.Client.Tx(a.B.Ctx)
			a.Fine(err)
			o, err := tx.Order.Get(a.B.Ctx, a.B.Order)
			a.Fine(err)
			_, err = tx.Order.Get(a.A.Ctx, a.B.Order)
			a.NotFound(err)
			a.NotFound(o.Update().SetNote("x").Exec(a.A.Ctx))
			a.Fine(tx.Commit())
			o = o.Unwrap()
			a.NotFound(o.Update().SetNote("x").Exec(a.A.Ctx))
			a.NotFound(o.Update().ClearItems().Exec(a.A.Ctx))
			n, err := o.QueryItems().Count(a.A.Ctx)
			a.Counts(n, err, 0)
		}},
		{Name: "users and orders that B loaded", Row: "W29", Run: loadedByB},
	}
}

// nobodys reports a number of rows of a tenant that has none. There may be no
// table for those who have no place.
func (a *Act) nobodys(n int, err error) {
	a.Nothing(n, err)
	if !a.Separate {
		a.Fine(err)
	}
}

// loadedByB uses entities that B has loaded, which know their client.
func loadedByB(a *Act) {
	ann, err := a.Client.User.Query().Where(user.ID(a.B.Ann)).WithOrders().Only(a.B.Ctx)
	a.Fine(err)
	if err != nil {
		return
	}
	o := ann.Edges.Orders[0]
	a.NotFound(ann.Update().SetName("x").Exec(a.A.Ctx))
	a.NotFound(ann.Update().Exec(a.A.Ctx))
	a.NotFound(ann.Update().ClearGroups().Exec(a.A.Ctx))
	a.NotFound(o.Update().SetNote("x").Exec(a.A.Ctx))
	a.NotFound(o.Update().ClearOwner().Exec(a.A.Ctx))
	a.NotFound(a.Client.Order.UpdateOne(o).ClearItems().Exec(a.A.Ctx))
	a.NotFound(a.Client.Order.DeleteOne(o).Exec(a.A.Ctx))
	a.Saw(o.QueryItems().All(a.A.Ctx))
	a.Saw(o.QueryOwner().QueryOrders().All(a.A.Ctx))
	_, err = a.Client.Item.Create().SetSku("x").SetOrder(o).Save(a.A.Ctx)
	a.CrossTenant(err)
	_, err = a.Client.Order.UpdateOneID(a.A.OrderIdle).SetOwner(ann).Save(a.A.Ctx)
	a.CrossTenant(err)
	n, err := a.Client.Order.Query().Where(order.HasOwnerWith(user.ID(ann.ID))).Count(a.A.Ctx)
	a.Counts(n, err, 0)
}
