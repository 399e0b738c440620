package isolation

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// upsert is a way to resolve a conflict of a new item with a row.
type upsert struct {
	name string
	run  func(context.Context, *ent.ItemCreate) error
}

func upserts() []upsert {
	columns := sql.ConflictColumns(item.FieldID)
	return []upsert{
		{"UpdateNewValues", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflictColumns(item.FieldID).UpdateNewValues().Exec(ctx)
		}},
		{"Ignore", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflictColumns(item.FieldID).Ignore().Exec(ctx)
		}},
		{"DoNothing", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflictColumns(item.FieldID).DoNothing().Exec(ctx)
		}},
		{"Update", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflictColumns(item.FieldID).Update(func(u *ent.ItemUpsert) { u.SetSku("stolen").AddPrice(1) }).Exec(ctx)
		}},
		{"ResolveWithNewValues", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.ResolveWithNewValues()).Exec(ctx)
		}},
		{"ResolveWithIgnore", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.ResolveWithIgnore()).Exec(ctx)
		}},
		{"DoNothing option", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.DoNothing()).Exec(ctx)
		}},
		{"DoNothing, then ResolveWith", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.DoNothing(), sql.ResolveWith(func(u *sql.UpdateSet) { u.Set("sku", "stolen") })).Exec(ctx)
		}},
		{"ResolveWith, then DoNothing", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.ResolveWith(func(u *sql.UpdateSet) { u.Set("sku", "stolen") })).DoNothing().Exec(ctx)
		}},
		{"steal the row", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.ResolveWith(func(u *sql.UpdateSet) { u.SetExcluded("tenant_id").SetExcluded("sku") })).Exec(ctx)
		}},
		{"steal the row by name", func(ctx context.Context, c *ent.ItemCreate) error {
			tenant, _ := c.Mutation().TenantID()
			return c.OnConflict(columns, sql.ResolveWith(func(u *sql.UpdateSet) { u.Set("tenant_id", tenant) })).Exec(ctx)
		}},
		{"steal the row in capitals", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, sql.ResolveWith(func(u *sql.UpdateSet) {
				u.Set("tenant_id", "x").Set("TENANT_ID", sql.ExprFunc(func(b *sql.Builder) { b.Arg("x") }))
			})).Exec(ctx)
		}},
	}
}

// whereUpserts have conditions, which MySQL does not know.
func whereUpserts() []upsert {
	columns, values := sql.ConflictColumns(item.FieldID), sql.ResolveWithNewValues()
	return []upsert{
		{"UpdateWhere true", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, values, sql.UpdateWhere(sql.Not(sql.False()))).Exec(ctx)
		}},
		{"UpdateWhere raw OR", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, values, sql.UpdateWhere(sql.ExprP("1 = 1 OR 1 = 1"))).Exec(ctx)
		}},
		{"ConflictWhere", func(ctx context.Context, c *ent.ItemCreate) error {
			return c.OnConflict(columns, values, sql.ConflictWhere(sql.Not(sql.False()))).Exec(ctx)
		}},
	}
}

// upsertAttacks meet a row of B's by its primary key.
func upsertAttacks() []Attack {
	var attacks []Attack
	add := func(u upsert, known func(string) bool) {
		attacks = append(attacks, Attack{Name: "upsert onto B's row: " + u.name, Row: "W22a-e", Run: func(a *Act) {
			if !known(a.Dialect) {
				return
			}
			create := func() *ent.ItemCreate {
				return a.Client.Item.Create().SetID(a.B.Item).SetSku("stolen").SetPrice(1).SetTenantID(string(a.A.ID))
			}
			a.Step(func() { a.Saw(nil, u.run(a.A.Ctx, create())) })
			a.Step(func() { a.Saw(nil, u.run(a.A.Ctx, create().SetOrderID(a.A.Order))) })
		}})
	}
	for _, u := range upserts() {
		add(u, func(string) bool { return true })
	}
	for _, u := range whereUpserts() {
		add(u, func(d string) bool { return d != dialect.MySQL })
	}
	return append(attacks, conflictAttacks()...)
}

func conflictAttacks() []Attack {
	return []Attack{
		{Name: "upsert B's rows in bulk", Row: "W22c", Run: bulkUpserts},
		{Name: "upsert and ask for the id", Row: "W22d", Run: func(a *Act) {
			a.Step(func() {
				id, err := a.Client.Item.Create().SetID(a.B.Item).SetSku("x").OnConflictColumns(item.FieldID).UpdateNewValues().ID(a.A.Ctx)
				a.Saw(nil, err)
				if err == nil && id != a.B.Item {
					a.leakf("the id is %s", id)
				}
			})
			a.Step(func() {
				id, err := a.Client.User.Create().SetName("x").SetDomain(a.B.text("domain")).OnConflictColumns(user.FieldDomain).Ignore().ID(a.A.Ctx)
				a.Collides(err)
				a.Saw(id, nil)
			})
			a.Step(func() {
				id, err := a.Client.User.Create().SetName("x").SetDomain(a.B.text("domain")).OnConflictColumns(user.FieldDomain).UpdateNewValues().ID(a.A.Ctx)
				a.Collides(err)
				a.Saw(id, nil)
			})
		}},
		{Name: "guess at B's row by the condition of an upsert", Row: "W22a-e", Run: guessByUpsert},
		{Name: "guess at B's row by what an upsert sets", Row: "W22a-e", Run: guessBySet},
		{Name: "upsert on B's domain", Row: "W22a-e", Run: func(a *Act) {
			create := func() *ent.UserCreate { return a.Client.User.Create().SetName("stolen").SetDomain(a.B.text("domain")) }
			a.Step(func() { a.Collides(create().OnConflictColumns(user.FieldDomain).UpdateNewValues().Exec(a.A.Ctx)) })
			a.Step(func() { a.Collides(create().OnConflictColumns(user.FieldDomain).Ignore().Exec(a.A.Ctx)) })
			a.Step(func() { a.Saw(nil, create().OnConflictColumns(user.FieldDomain).DoNothing().Exec(a.A.Ctx)) })
			a.Step(func() {
				a.Collides(create().OnConflictColumns(user.FieldDomain).Update(func(u *ent.UserUpsert) { u.SetAge(1).ClearDomain() }).Exec(a.A.Ctx))
			})
			a.Step(func() {
				a.Collides(a.Client.User.CreateBulk(create(), create().SetDomain("y")).OnConflictColumns(user.FieldDomain).UpdateNewValues().Exec(a.A.Ctx))
			})
		}},
		{Name: "upsert own rows", Run: ownUpserts},
		{Name: "upsert with B's number", Row: "W22a-e", Run: func(a *Act) {
			// Numbers are unique for each tenant: this is a new order of A's.
			err := a.Client.Order.Create().SetNumber(a.B.text("n0")).SetNote("mine").OnConflictColumns("tenant_id", "number").UpdateNewValues().Exec(a.A.Ctx)
			a.Fine(err)
			n, err := a.Client.Order.Query().Where(order.Note("mine")).Count(a.A.Ctx)
			a.Counts(n, err, 1)
		}},
	}
}

func bulkUpserts(a *Act) {
	items := func() []*ent.ItemCreate {
		return []*ent.ItemCreate{
			a.Client.Item.Create().SetID(uuid.New()).SetSku("new"),
			a.Client.Item.Create().SetID(a.B.Item).SetSku("stolen"),
			a.Client.Item.Create().SetID(a.A.Item).SetSku("own"),
		}
	}
	a.Step(func() {
		a.Collides(a.Client.Item.CreateBulk(items()...).OnConflictColumns(item.FieldID).UpdateNewValues().Exec(a.A.Ctx))
	})
	a.Step(func() {
		a.Collides(a.Client.Item.CreateBulk(items()...).OnConflictColumns(item.FieldID).Ignore().Exec(a.A.Ctx))
	})
	a.Step(func() {
		a.Collides(a.Client.Item.CreateBulk(items()...).OnConflict(sql.ConflictColumns(item.FieldID), sql.ResolveWith(func(u *sql.UpdateSet) { u.SetExcluded("tenant_id") })).Exec(a.A.Ctx))
	})
	a.Step(func() {
		a.Saw(nil, a.Client.Item.CreateBulk(items()...).OnConflictColumns(item.FieldID).DoNothing().Exec(a.A.Ctx))
	})
}

// guessByUpsert tells the row of B by what an upsert comes to under conditions that
// it meets, that it does not, and that it makes fail.
func guessByUpsert(a *Act) {
	if a.Dialect == dialect.MySQL {
		return
	}
	price := sql.Table(item.Table).C(item.FieldPrice)
	var guesses [][]sql.ConflictOption
	for _, guess := range []*sql.Predicate{
		sql.GTE(item.FieldPrice, 0), sql.LT(item.FieldPrice, 0), sql.And(sql.NotNull(price), sql.LT(price, 0)), sql.ExprP("1 = 1 OR 1 = 1"), sql.ExprP("1 = 2"),
		sql.ExprP("1 / (items.price - items.price) = 1"),
	} {
		guesses = append(guesses, []sql.ConflictOption{sql.ResolveWithNewValues(), sql.UpdateWhere(guess)})
	}
	a.tellsApart(guesses)
}

// guessBySet tells the row of B by which values are too large to be added, and by
// errors that repeat a text that is no number.
func guessBySet(a *Act) {
	number := "CAST(items.sku AS INTEGER)"
	if a.Dialect == dialect.MySQL {
		number = "items.sku + 1"
	}
	var guesses [][]sql.ConflictOption
	for _, set := range []func(*sql.UpdateSet){
		func(u *sql.UpdateSet) { u.Add(item.FieldPrice, 1) },
		func(u *sql.UpdateSet) { u.Add(item.FieldPrice, math.MaxInt64) },
		func(u *sql.UpdateSet) { u.Set(item.FieldPrice, sql.Expr("items.price + 9223372036854775807")) },
		func(u *sql.UpdateSet) { u.Set(item.FieldPrice, sql.Expr(number)) },
		func(u *sql.UpdateSet) { u.Set(item.FieldPrice, sql.Expr(number)).SetExcluded("tenant_id") },
		func(u *sql.UpdateSet) {
			*u.UpdateBuilder = *sql.Dialect(u.Dialect()).Update(item.Table).Set(item.FieldPrice, sql.Expr(number))
		},
	} {
		guesses = append(guesses, []sql.ConflictOption{sql.ResolveWith(set)})
	}
	rebuilt := len(guesses) - 1 // is refused before it comes to the database of MySQL
	a.tellsApart(guesses[:rebuilt])
	a.tellsApart(guesses[rebuilt:])
}

// tellsApart upserts on the row of B with each of the options, which have to fail
// with one and the same error.
func (a *Act) tellsApart(guesses [][]sql.ConflictOption) {
	if a.Separate {
		return
	}
	var told []string
	for _, guess := range guesses {
		options := append([]sql.ConflictOption{sql.ConflictColumns(item.FieldID)}, guess...)
		for _, bulk := range []bool{false, true} {
			a.Step(func() {
				create := a.Client.Item.Create().SetID(a.B.Item).SetSku("stolen").SetPrice(1)
				var err error
				if bulk {
					err = a.Client.Item.CreateBulk(create).OnConflict(options...).Exec(a.A.Ctx)
				} else {
					err = create.OnConflict(options...).Exec(a.A.Ctx)
				}
				a.Refused(err)
				told = append(told, strings.TrimPrefix(fmt.Sprint(err), `insert nodes to table "items": `)) // ent's, in bulk
			})
		}
	}
	slices.Sort(told)
	if told = slices.Compact(told); len(told) > 1 {
		a.leakf("the errors tell the guesses apart: %q", told)
	}
}

func ownUpserts(a *Act) {
	ctx, c := a.A.Ctx, a.Client
	upsert := func() *ent.OrderUpsertOne {
		return c.Order.Create().SetNumber(a.A.text("n0")).SetNote("new").SetTotal(99).SetOwnerID(a.A.Bob).OnConflictColumns("tenant_id", "number")
	}
	a.Fine(upsert().UpdateNewValues().Exec(ctx))
	a.Fine(upsert().Ignore().Exec(ctx))
	a.Fine(upsert().Update(func(u *ent.OrderUpsert) { u.UpdateNote().AddTotal(1).UpdateOwnerID() }).Exec(ctx))
	a.Fine(upsert().Update(func(u *ent.OrderUpsert) { u.ClearOwnerID() }).Exec(ctx))
	id, err := upsert().UpdateNewValues().ID(ctx)
	a.Fine(err)
	if id != a.A.Order {
		a.failf("the id of A's order is %d, want %d", id, a.A.Order)
	}
	o, err := c.Order.Get(ctx, a.A.Order)
	a.Got(o, err)
	if err == nil && (o.Note != "new" || o.Total != 99 || o.OwnerID == nil || *o.OwnerID != a.A.Bob) {
		a.failf("A's order is %v", o)
	}
	a.Fine(c.Item.CreateBulk(c.Item.Create().SetID(a.A.Item).SetSku("x"), c.Item.Create().SetID(uuid.New()).SetSku("y")).OnConflictColumns(item.FieldID).UpdateNewValues().Exec(ctx))
	if a.Dialect != dialect.MySQL {
		where := func(sku string) error {
			return c.Item.CreateBulk(c.Item.Create().SetID(a.A.Item).SetSku("where")).
				OnConflict(sql.ConflictColumns(item.FieldID), sql.ResolveWithNewValues(), sql.UpdateWhere(sql.EQ(item.FieldSku, sku))).Exec(ctx)
		}
		for _, step := range []struct{ condition, want string }{{"y", "x"}, {"x", "where"}} {
			a.Fine(where(step.condition))
			sku, err := c.Item.Query().Where(item.ID(a.A.Item)).Select(item.FieldSku).String(ctx)
			a.Fine(err)
			if sku != step.want {
				a.failf("the sku of A's item is %q where it was to be %q, want %q", sku, step.condition, step.want)
			}
		}
	}
	a.Fine(c.Visit.Create().SetGuestID(a.A.Ann).SetClubID(a.A.Club).SetRemark("x").OnConflictColumns("guest_id", "club_id").UpdateNewValues().Exec(ctx))
}
