package isolation_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/group"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/item"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

func as(t *testing.T, id tenancy.ID) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id})
}

// TestCreateTwice: the entity that a builder makes when it is used again works like the first.
func TestCreateTwice(t *testing.T) {
	each(t, open, func(t *testing.T, db *isolation.Database) {
		ctx, client := as(t, "acme"), db.Client()
		tx, err := client.Tx(ctx)
		if err != nil {
			t.Fatal(err)
		}
		g := tx.Group.Create().SetName("x").SaveX(ctx)
		builder := tx.User.Create().SetName("x")
		first := builder.SaveX(ctx)
		second := builder.SaveX(ctx)
		bulk := tx.User.CreateBulk(tx.User.Create().SetName("x"))
		bulk.SaveX(ctx)
		third := bulk.SaveX(ctx)[0]
		if err = tx.Commit(); err != nil {
			t.Fatal(err)
		}
		for _, u := range []interface {
			Exec(context.Context) error
		}{
			first.Unwrap().Update().AddGroupIDs(g.ID), second.Unwrap().Update().AddGroupIDs(g.ID), third.Unwrap().Update().AddGroupIDs(g.ID),
		} {
			if err := u.Exec(ctx); err != nil {
				t.Errorf("linking the new user: %v", err)
			}
		}
		if n := client.User.Query().Where(user.HasGroupsWith(group.ID(g.ID))).CountX(ctx); n != 3 {
			t.Errorf("%d users are in the group, want 3", n)
		}
	})
}

// TestSystemLinksGlobals: a System scope may link rows of several tenants to a global
// row, since that links none of them to another. Rows of a join table are one tenant's.
func TestSystemLinksGlobals(t *testing.T) {
	each(t, open, func(t *testing.T, db *isolation.Database) {
		client, system := db.Client(), tenancy.System(t.Context(), "test")
		a, b := as(t, "a"), as(t, "b")
		orderA := client.Order.Create().SetNumber("1").SaveX(a)
		orderB := client.Order.Create().SetNumber("1").SaveX(b)
		userA, userB := client.User.Create().SetName("x").SaveX(a), client.User.Create().SetName("x").SaveX(b)
		memoA, memoB := client.Memo.Create().SetText("x").SaveX(a), client.Memo.Create().SetText("x").SaveX(b)

		country := client.Country.Create().SetCode("x").SaveX(system)
		if err := country.Update().AddOrderIDs(orderA.ID, orderB.ID).Exec(system); err != nil {
			t.Errorf("orders of two tenants: %v", err)
		}
		if n := country.QueryOrders().CountX(system); n != 2 {
			t.Errorf("%d orders are linked, want 2", n)
		}
		login := client.Account.Create().SetLogin("x").SetFavoriteID(memoA.ID).AddMemoIDs(memoA.ID, memoB.ID).AddUserIDs(userA.ID)
		account, err := login.Save(system)
		if err != nil {
			t.Fatalf("a new account with memos of two tenants: %v", err)
		}
		if n := account.QueryMemos().CountX(b); n != 1 {
			t.Errorf("B has %d memos of the account, want 1", n)
		}
		if err := account.Update().AddUserIDs(userB.ID).SetFavoriteID(memoA.ID).Exec(system); err != nil {
			t.Errorf("a user of B to an account whose favorite is A's: %v", err)
		}
		if n := account.QueryUsers().CountX(b); n != 1 {
			t.Errorf("B has %d users of the account, want 1", n)
		}
		account2 := client.Account.Create().SetLogin("y").SaveX(system)
		if err := account2.Update().AddUserIDs(userA.ID, userB.ID).Exec(system); !errors.Is(err, tenancy.ErrCrossTenant) {
			t.Errorf("users of two tenants by one join table: %v, want ErrCrossTenant", err)
		}
	})
}

// TestUpsertWhereTenantMayBeNull: nothing is taken from a tenant by an upsert, also
// where the table was made by somebody who lets the tenant column be NULL.
func TestUpsertWhereTenantMayBeNull(t *testing.T) {
	each(t, nullable, func(t *testing.T, db *isolation.Database) {
		a, b, client := as(t, "a"), as(t, "b"), db.Client()
		own, other := client.Item.Create().SetSku("own").SaveX(a), client.Item.Create().SetSku("other").SaveX(b)
		for name, options := range map[string][]entsql.ConflictOption{
			"new values": {entsql.ConflictColumns(item.FieldID), entsql.ResolveWithNewValues()},
			"ignore":     {entsql.ConflictColumns(item.FieldID), entsql.ResolveWithIgnore()},
		} {
			if err := client.Item.Create().SetID(other.ID).SetSku("stolen").OnConflict(options...).Exec(a); err == nil {
				t.Errorf("%s: an upsert onto a row of B is not refused", name)
			}
			if err := client.Item.Create().SetID(own.ID).SetSku("mine").OnConflict(options...).Exec(a); err != nil {
				t.Errorf("%s: an upsert onto a row of A: %v", name, err)
			}
		}
		if now := client.Item.GetX(b, other.ID); now.Sku != "other" {
			t.Errorf("B's item is %v", now)
		}
		if now := client.Item.GetX(a, own.ID); now.Sku != "mine" {
			t.Errorf("A's item is %v", now)
		}
	})
}

// TestUpsertWhereTenantComesLast: PostgreSQL computes what an upsert sets in the order of
// the table's columns, and the tenant's is the last where it was added to a table with data.
func TestUpsertWhereTenantComesLast(t *testing.T) {
	late := func(t *testing.T, d database) *isolation.Database {
		t.Helper()
		return made(t, d, func(items *schema.Table) {
			tenant := func(c *schema.Column) bool { return c.Name == item.FieldTenantID }
			i := slices.IndexFunc(items.Columns, tenant)
			items.Columns = append(slices.DeleteFunc(slices.Clone(items.Columns), tenant), items.Columns[i])
		})
	}
	upserts := slices.DeleteFunc(isolation.Attacks(), func(a isolation.Attack) bool { return !strings.Contains(a.Name, "upsert") })
	each(t, late, func(t *testing.T, db *isolation.Database) {
		isolation.Run(t, db, []isolation.Mode{isolation.Plain}, upserts)
	})
}

// nullable opens a database whose items need no tenant.
func nullable(t *testing.T, d database) *isolation.Database {
	t.Helper()
	return made(t, d, func(items *schema.Table) {
		for _, c := range items.Columns {
			c.Nullable = c.Nullable || c.Name == item.FieldTenantID
		}
	})
}

// made opens a database with another table of items.
func made(t *testing.T, d database, change func(items *schema.Table)) *isolation.Database {
	t.Helper()
	tables, err := schema.CopyTables(migrate.Tables)
	if err != nil {
		t.Fatal(err)
	}
	for _, table := range tables {
		if table.Name == item.Table {
			change(table)
		}
	}
	db := empty(t, d)
	if err := migrate.Create(t.Context(), migrate.NewSchema(db.Driver), tables); err != nil {
		t.Fatal(err)
	}
	return db
}

// TestChecksAskThePrimary: a replica that lags behind does not make a link to a row
// that was written a moment ago look like one to another tenant's.
func TestChecksAskThePrimary(t *testing.T) {
	sqlite := databases()[0]
	primary, replica := open(t, sqlite), open(t, sqlite) // which lags behind for ever
	t.Parallel()
	drv, err := driver.New(primary.Driver, driver.Config{Replicas: []dialect.Driver{replica.Driver}})
	if err != nil {
		t.Fatal(err)
	}
	primary.Driver = drv
	client, ctx := primary.Client(), driver.Replica(as(t, "acme"))
	u := client.User.Create().SetName("x").SaveX(ctx)
	if n := client.User.Query().CountX(ctx); n != 0 {
		t.Fatalf("a query sees %d users, and is to be answered by the replica", n)
	}
	o, err := client.Order.Create().SetNumber("x").SetOwner(u).Save(ctx)
	if err != nil {
		t.Fatalf("an order of the new user: %v", err)
	}
	if err := o.Update().SetOwner(u).Exec(ctx); err != nil {
		t.Errorf("the order's new user: %v", err)
	}
	m := client.Memo.Create().SetText("x").SaveX(ctx)
	system := driver.Replica(tenancy.System(t.Context(), "test"))
	if err := client.Account.Create().SetLogin("x").SetFavorite(m).AddUsers(u).Exec(system); err != nil {
		t.Errorf("an account of the new user, by the System: %v", err)
	}
	if n := u.QueryAccounts().CountX(as(t, "acme")); n != 1 {
		t.Errorf("the user has %d accounts, want 1", n)
	}
}
