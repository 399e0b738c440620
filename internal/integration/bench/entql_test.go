package bench_test

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent"
	_ "github.com/entenancy/tenancy/internal/integration/bench/entql/ent/runtime"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/ent/user"
	"github.com/entenancy/tenancy/internal/integration/bench/entql/rule"
)

// entql is the pattern of ent's documentation: policies filter by the tenant
// in the context and check the owner of an order; new rows get their tenant
// by hand.
type entql struct{ *ent.Client }

func openEntql(drv dialect.Driver) shop { return entql{ent.NewClient(ent.Driver(drv))} }

func entqlContext(ctx context.Context) context.Context { return rule.NewContext(ctx, tenant) }

func (e entql) migrate(ctx context.Context) error { return e.Schema.Create(ctx) }

func (e entql) get(ctx context.Context, id int) error {
	_, err := e.Order.Get(ctx, id)
	return err
}

func (e entql) list(ctx context.Context) error {
	_, err := e.Order.Query().All(ctx)
	return err
}

func (e entql) count(ctx context.Context) error {
	_, err := e.Order.Query().Count(ctx)
	return err
}

func (e entql) traverse(ctx context.Context, id int) error {
	_, err := e.User.Query().Where(user.ID(id)).QueryOrders().All(ctx)
	return err
}

func (e entql) create(ctx context.Context) error {
	_, err := e.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(1).Save(ctx)
	return err
}

func (e entql) createOwned(ctx context.Context, owner int) error {
	_, err := e.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(1).SetOwnerID(owner).Save(ctx)
	return err
}

func (e entql) createBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = e.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(i)
	}
	_, err := e.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (e entql) createOwnedBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = e.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(i).SetOwnerID(1 + i%owners)
	}
	_, err := e.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (e entql) updateOne(ctx context.Context, id int) error {
	_, err := e.Order.UpdateOneID(id).SetTotal(2).Save(ctx)
	return err
}

func (e entql) deleteOne(ctx context.Context, id int) error {
	return e.Order.DeleteOneID(id).Exec(ctx)
}
