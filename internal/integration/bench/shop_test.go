package bench_test

import (
	"context"

	"entgo.io/ent/dialect"
)

// tenant is the one that all rows belong to, so that the variant without
// tenancy finds the same rows as the others.
const tenant = "0198d2f4-6c1e-7a35-9b0d-3f1f5a1c7e42"

// owners is how many users there are, with the ids from 1.
const owners = 10

// shop is what a variant does with its generated client.
type shop interface {
	migrate(ctx context.Context) error

	get(ctx context.Context, id int) error
	list(ctx context.Context) error
	count(ctx context.Context) error
	traverse(ctx context.Context, user int) error

	create(ctx context.Context) error
	createOwned(ctx context.Context, owner int) error
	createBulk(ctx context.Context, rows int) error
	createOwnedBulk(ctx context.Context, rows int) error
	updateOne(ctx context.Context, id int) error
	deleteOne(ctx context.Context, id int) error
}

// variant is one way to be multi-tenant, or not to be.
type variant struct {
	name string
	open func(dialect.Driver) shop
	// context returns the context that requests of the tenant have.
	context func(context.Context) context.Context
}

// baseline is the variant that others are compared to.
const baseline = "predicate"

// library is this library's variant.
const library = "tenancy"

func variants() []variant {
	same := func(ctx context.Context) context.Context { return ctx }
	return []variant{
		{"plain", openPlain, same},
		{baseline, openPredicate, same},
		{"entql", openEntql, entqlContext},
		{library, openTenancy, tenancyContext},
	}
}
