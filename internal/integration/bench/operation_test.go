package bench_test

import "context"

// operation is something that every variant does. The i-th run of a batch
// deletes the i-th row that the backend prepared for it.
type operation struct {
	name string
	// query says that it writes nothing.
	query bool
	// rows is how many rows an INSERT of the operation returns.
	rows int
	run  func(ctx context.Context, s shop, i int) error
}

// bulk is how many rows a bulk create has.
const bulk = 100

func operations() []operation {
	return []operation{
		{"get", true, 1, func(ctx context.Context, s shop, _ int) error { return s.get(ctx, 1) }},
		{"list", true, 1, func(ctx context.Context, s shop, _ int) error { return s.list(ctx) }},
		{"count", true, 1, func(ctx context.Context, s shop, _ int) error { return s.count(ctx) }},
		{"traversal", true, 1, func(ctx context.Context, s shop, _ int) error { return s.traverse(ctx, 1) }},
		{"create", false, 1, func(ctx context.Context, s shop, _ int) error { return s.create(ctx) }},
		{"create with edge", false, 1, func(ctx context.Context, s shop, _ int) error { return s.createOwned(ctx, 1) }},
		{"bulk create", false, bulk, func(ctx context.Context, s shop, _ int) error { return s.createBulk(ctx, bulk) }},
		{"bulk create with edges", false, bulk, func(ctx context.Context, s shop, _ int) error { return s.createOwnedBulk(ctx, bulk) }},
		{"update one", false, 1, func(ctx context.Context, s shop, _ int) error { return s.updateOne(ctx, 1) }},
		{"delete one", false, 1, func(ctx context.Context, s shop, i int) error { return s.deleteOne(ctx, firstPrepared+i) }},
	}
}
