package bench_test

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent"
	"github.com/entenancy/tenancy/internal/integration/bench/plain/ent/user"
)

// plain is ent without tenancy.
type plain struct{ *ent.Client }

func openPlain(drv dialect.Driver) shop { return plain{ent.NewClient(ent.Driver(drv))} }

func (p plain) migrate(ctx context.Context) error { return p.Schema.Create(ctx) }

func (p plain) get(ctx context.Context, id int) error {
	_, err := p.Order.Get(ctx, id)
	return err
}

func (p plain) list(ctx context.Context) error {
	_, err := p.Order.Query().All(ctx)
	return err
}

func (p plain) count(ctx context.Context) error {
	_, err := p.Order.Query().Count(ctx)
	return err
}

func (p plain) traverse(ctx context.Context, id int) error {
	_, err := p.User.Query().Where(user.ID(id)).QueryOrders().All(ctx)
	return err
}

func (p plain) create(ctx context.Context) error {
	_, err := p.Order.Create().SetNote("a note").SetTotal(1).Save(ctx)
	return err
}

func (p plain) createOwned(ctx context.Context, owner int) error {
	_, err := p.Order.Create().SetNote("a note").SetTotal(1).SetOwnerID(owner).Save(ctx)
	return err
}

func (p plain) createBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = p.Order.Create().SetNote("a note").SetTotal(i)
	}
	_, err := p.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (p plain) createOwnedBulk(ctx context.Context, rows int) error {
	builders := make([]*ent.OrderCreate, rows)
	for i := range builders {
		builders[i] = p.Order.Create().SetNote("a note").SetTotal(i).SetOwnerID(1 + i%owners)
	}
	_, err := p.Order.CreateBulk(builders...).Save(ctx)
	return err
}

func (p plain) updateOne(ctx context.Context, id int) error {
	_, err := p.Order.UpdateOneID(id).SetTotal(2).Save(ctx)
	return err
}

func (p plain) deleteOne(ctx context.Context, id int) error {
	return p.Order.DeleteOneID(id).Exec(ctx)
}
