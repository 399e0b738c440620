package isolation_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/predicate"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// changedSince reports whether MariaDB, from 11.6 on, has refused to lock a row that was
// changed after the transaction's snapshot.
func changedSince(err error) bool {
	var failed *mysql.MySQLError
	return errors.As(err, &failed) && failed.Number == 1020
}

// TestTenantsAtOnce has a goroutine for each tenant, on one client, with one
// predicate and one prototype of a query for all.
func TestTenantsAtOnce(t *testing.T) {
	const tenants, rounds = 32, 4
	each(t, open, func(t *testing.T, db *isolation.Database) {
		client := db.Client()
		shared := crowd{
			client: client,
			owned:  order.And(order.HasOwnerWith(user.Or(user.NameHasPrefix("ann"), user.HasGroups())), order.TotalGTE(0)),
			query:  client.Order.Query().Where(order.HasOwner()).WithOwner().Order(order.ByOwnerField(user.FieldName), order.ByID()),
		}
		var wg sync.WaitGroup
		for i := range tenants {
			wg.Go(func() {
				id := tenancy.ID(fmt.Sprintf("tenant-%02d", i))
				ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id})
				for round := range rounds {
					if err := shared.hammer(ctx, string(id), round); err != nil {
						t.Errorf("%s, round %d: %v", id, round, err)
						return
					}
				}
			})
		}
		wg.Wait()
	})
}

// crowd is what all tenants share.
type crowd struct {
	client *ent.Client
	owned  predicate.Order
	query  *ent.OrderQuery
}

// hammer adds a user with three orders, and checks that the tenant sees its own
// rows of all rounds so far and nobody else's.
func (c crowd) hammer(ctx context.Context, id string, round int) error {
	group, err := c.client.Group.Create().SetName(id).Save(ctx)
	if err != nil {
		return err
	}
	u, err := c.client.User.Create().SetName("ann " + id).AddGroups(group).Save(ctx)
	if err != nil {
		return err
	}
	orders := make([]*ent.OrderCreate, 3)
	for i := range orders {
		orders[i] = c.client.Order.Create().SetNumber(fmt.Sprint(round, i)).SetNote(id).SetOwner(u)
	}
	if err := c.client.Order.CreateBulk(orders...).Exec(ctx); err != nil {
		return err
	}
	n, err := c.client.Order.Update().Where(c.owned).AddTotal(1).Save(ctx)
	if err := wants("updates", n, err, 2*round+3); err != nil {
		return err
	}
	if err := c.sees(ctx, id, 2*round+3); err != nil {
		return err
	}
	n, err = c.client.Order.Delete().Where(order.Number(fmt.Sprint(round, 0)), c.owned).Exec(ctx)
	if err := wants("deletes", n, err, 1); err != nil {
		return err
	}
	return c.sees(ctx, id, 2*round+2)
}

// sees reads the tenant's orders in several ways.
func (c crowd) sees(ctx context.Context, id string, want int) error {
	orders, err := c.query.Clone().Where(c.owned).All(ctx)
	if err := wants("sees", len(orders), err, want); err != nil {
		return err
	}
	foreign := func(o *ent.Order) bool {
		return o.Note != id || o.TenantID != id || o.Edges.Owner == nil || o.Edges.Owner.TenantID != id
	}
	if slices.ContainsFunc(orders, foreign) {
		return fmt.Errorf("sees %v", orders)
	}
	notes, err := c.client.User.Query().QueryOrders().Where(c.owned).Select(order.FieldNote).Strings(ctx)
	if err := wants("walks to", len(notes), err, want); err != nil {
		return err
	}
	if slices.ContainsFunc(notes, func(s string) bool { return s != id }) {
		return fmt.Errorf("sees notes %q", notes)
	}
	n, err := c.client.Order.Query().Where(c.owned).Count(ctx)
	return wants("counts", n, err, want)
}

// wants says what is wrong with a number of orders.
func wants(what string, n int, err error, want int) error {
	if err == nil && n != want {
		return fmt.Errorf("%s %d orders, want %d", what, n, want)
	}
	return err
}

// TestDeleteWaitsForLinks has a tenant delete a global row while another one links a row
// to it, or to one that goes with it, and has not committed.
func TestDeleteWaitsForLinks(t *testing.T) {
	each(t, open, func(t *testing.T, db *isolation.Database) {
		if db.Dialect == dialect.SQLite {
			return // one at a time writes
		}
		client, a, b := db.Client(), as(t, "a"), as(t, "b")
		memo := client.Memo.Create().SetText("b's").SaveX(b)
		watcher := client.User.Create().SetName("b's").SaveX(b)
		for name, link := range map[string]func(*ent.Tx, *ent.Account, *ent.Device) error{
			"a row that goes with the account": func(tx *ent.Tx, account *ent.Account, _ *ent.Device) error {
				return tx.Memo.UpdateOne(memo).SetAccount(account).Exec(b)
			},
			"a link to its device": func(tx *ent.Tx, _ *ent.Account, device *ent.Device) error {
				return tx.User.UpdateOne(watcher).AddWatchedDevices(device).Exec(b)
			},
		} {
			device := client.Device.Create().SetName(name).SaveX(b)
			account := client.Account.Create().SetLogin(name).AddDevices(device).SaveX(b)
			tx, err := client.Tx(b)
			if err != nil {
				t.Fatal(err)
			}
			if err := link(tx, account, device); err != nil {
				t.Fatal(err)
			}
			deleted := make(chan error, 1)
			go func() { deleted <- client.Account.DeleteOneID(account.ID).Exec(a) }()
			select {
			case err := <-deleted:
				t.Fatalf("%s: the deletion did not wait: %v", name, err)
			case <-time.After(300 * time.Millisecond): // on a slow machine it may not have begun, and waits for nobody
			}
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
			if err := <-deleted; !ent.IsNotFound(err) && !changedSince(err) {
				t.Errorf("%s: the account is deleted: %v", name, err)
			}
		}
		if n := client.Memo.Query().CountX(b) + watcher.QueryWatchedDevices().CountX(b); n != 2 {
			t.Errorf("%d of two rows are left", n)
		}
	})
}
