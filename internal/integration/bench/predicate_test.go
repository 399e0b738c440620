package bench_test

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent"
	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent/order"
	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent/user"
)

// predicate is ent with the tenant's condition written by hand, forgotten
// nowhere. It does not check whose rows it links to.
type predicate struct{ *ent.Client }

func openPredicate(drv dialect.Driver) shop { return predicate{ent.NewClient(ent.Driver(drv))} }

func (p predicate) migrate(ctx context.Context) error { return p.Schema.Create(ctx) }

func (p predicate) get(ctx context.Context, id int) error {
	_, err := p.Order.Query().Where(order.ID(id), order.TenantID(tenant)).Only(ctx)
	return err
}

func (p predicate) list(ctx context.Context) error {
	_, err := p.Order.Query().Where(order.TenantID(tenant)).All(ctx)
	return err
}

func (p predicate) count(ctx context.Context) error {
	_, err := p.Order.Query().Where(order.TenantID(tenant)).Count(ctx)
	return err
}

func (p predicate) traverse(ctx context.Context, id int) error {
	_, err := p.User.Query().Where(user.ID(id), user.TenantID(tenant)).
		QueryOrders().Where(order.TenantID(tenant)).All(ctx)
	return err
}

func (p predicate) create(ctx context.Context) error {
	_, err := p.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(1).Save(ctx)
	return err
}

func (p predicate) createOwned(ctx context.Context, owner int) error {
	_, err := p.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(1).SetOwnerID(owner).Save(ctx)
	return err
}

func (p predicate) createBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = p.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(i)
	}
	_, err := p.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (p predicate) createOwnedBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = p.Order.Create().SetTenantID(tenant).SetNote("a note").SetTotal(i).SetOwnerID(1 + i%owners)
	}
	_, err := p.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (p predicate) updateOne(ctx context.Context, id int) error {
	_, err := p.Order.UpdateOneID(id).Where(order.TenantID(tenant)).SetTotal(2).Save(ctx)
	return err
}

func (p predicate) deleteOne(ctx context.Context, id int) error {
	return p.Order.DeleteOneID(id).Where(order.TenantID(tenant)).Exec(ctx)
}
