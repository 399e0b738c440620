package bench_test

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/bench/scoped/ent"
	_ "github.com/entenancy/tenancy/internal/integration/bench/scoped/ent/runtime"
	"github.com/entenancy/tenancy/internal/integration/bench/scoped/ent/user"
)

// scoped is this library. Its code is that of an application without tenancy;
// the tenant is in the context.
type scoped struct{ *ent.Client }

func openTenancy(drv dialect.Driver) shop { return scoped{ent.NewClient(ent.Driver(drv))} }

func tenancyContext(ctx context.Context) context.Context {
	return tenancy.NewContext(ctx, tenancy.Tenant{ID: tenant, Status: tenancy.StatusActive})
}

func (s scoped) migrate(ctx context.Context) error { return s.Schema.Create(ctx) }

func (s scoped) get(ctx context.Context, id int) error {
	_, err := s.Order.Get(ctx, id)
	return err
}

func (s scoped) list(ctx context.Context) error {
	_, err := s.Order.Query().All(ctx)
	return err
}

func (s scoped) count(ctx context.Context) error {
	_, err := s.Order.Query().Count(ctx)
	return err
}

func (s scoped) traverse(ctx context.Context, id int) error {
	_, err := s.User.Query().Where(user.ID(id)).QueryOrders().All(ctx)
	return err
}

func (s scoped) create(ctx context.Context) error {
	_, err := s.Order.Create().SetNote("a note").SetTotal(1).Save(ctx)
	return err
}

func (s scoped) createOwned(ctx context.Context, owner int) error {
	_, err := s.Order.Create().SetNote("a note").SetTotal(1).SetOwnerID(owner).Save(ctx)
	return err
}

func (s scoped) createBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = s.Order.Create().SetNote("a note").SetTotal(i)
	}
	_, err := s.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (s scoped) createOwnedBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = s.Order.Create().SetNote("a note").SetTotal(i).SetOwnerID(1 + i%owners)
	}
	_, err := s.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (s scoped) updateOne(ctx context.Context, id int) error {
	_, err := s.Order.UpdateOneID(id).SetTotal(2).Save(ctx)
	return err
}

func (s scoped) deleteOne(ctx context.Context, id int) error {
	return s.Order.DeleteOneID(id).Exec(ctx)
}
