package isolation_test

import (
	"context"
	"strconv"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/account"
)

// readCommitted opens a database that lets rows come between others that are locked, as
// PostgreSQL does by itself.
func readCommitted(t *testing.T, d database) *isolation.Database {
	t.Helper()
	dsn := d.dsn
	d.dsn = func(tb testing.TB) string {
		tb.Helper()
		if d.dialect != dialect.MySQL {
			return dsn(tb)
		}
		return dsn(tb) + "&tx_isolation=%27READ-COMMITTED%27"
	}
	return open(t, d)
}

// TestDeleteTakesWhatItLocked has rows come that match a deletion's predicate, between its
// locks and itself, and another tenant's row hang on one of them while it is under way.
func TestDeleteTakesWhatItLocked(t *testing.T) {
	each(t, readCommitted, func(t *testing.T, db *isolation.Database) {
		if db.Dialect == dialect.SQLite {
			return // one at a time writes
		}
		client, a, b := db.Client(), as(t, "a"), as(t, "b")
		memo := client.Memo.Create().SetText("b's").SaveX(b)
		old := client.Account.Create().SetLogin("old-5").SaveX(b)
		holdsLocks, err := client.Tx(b)
		if err != nil {
			t.Fatal(err)
		}
		holdsLocks.Account.UpdateOne(old).SetLogin("old-55").ExecX(b)
		deleted := make(chan int, 1)
		go func() {
			n, err := client.Account.Delete().Where(account.LoginHasPrefix("old")).Exec(a)
			if err != nil {
				t.Error(err)
			}
			deleted <- n
		}()
		time.Sleep(300 * time.Millisecond) // it waits for the first account
		first, second := client.Account.Create().SetLogin("old-1").SaveX(b), client.Account.Create().SetLogin("old-2").SaveX(b)
		holdsDelete, err := client.Tx(b)
		if err != nil {
			t.Fatal(err)
		}
		holdsDelete.Account.UpdateOne(first).SetLogin("old-11").ExecX(b)
		if err := holdsLocks.Commit(); err != nil {
			t.Fatal(err)
		}
		time.Sleep(300 * time.Millisecond) // it would wait for the second
		client.Memo.UpdateOne(memo).SetAccount(second).ExecX(b)
		if err := holdsDelete.Commit(); err != nil {
			t.Fatal(err)
		}
		if n := <-deleted; n != 1 {
			t.Errorf("%d accounts are deleted, want the one that was there", n)
		}
		if n := client.Memo.Query().CountX(b); n != 1 {
			t.Error("the other tenant's memo is deleted")
		}
	})
}

// TestOwnRowsAreLockedOnly has a tenant change rows of its own, and another one its own
// before the first is done. MySQL locks what it reads to find out what hangs on a row.
func TestOwnRowsAreLockedOnly(t *testing.T) {
	each(t, open, func(t *testing.T, db *isolation.Database) {
		if db.Dialect == dialect.SQLite {
			return // one at a time writes
		}
		client, a, b := db.Client(), as(t, "a"), as(t, "b")
		mine := client.User.Create().SetName("a's").SaveX(a)
		boss := client.User.Create().SetName("boss").SaveX(b)
		employee := client.User.Create().SetName("b's").SetManager(boss).SaveX(b)
		watched := client.Order.Create().SetNumber("b's").SaveX(b)
		boss.Update().AddWatched(watched).ExecX(b)
		crowd := make([]*ent.OrderCreate, 500) // next to which the other's are few
		for i := range crowd {
			crowd[i] = client.Order.Create().SetNumber(strconv.Itoa(i))
		}
		client.Order.CreateBulk(crowd...).ExecX(a)
		if db.Dialect == dialect.MySQL {
			if _, err := db.Admin.ExecContext(t.Context(), "ANALYZE TABLE orders"); err != nil {
				t.Fatal(err)
			}
		}
		for name, change := range map[string]func(context.Context, *ent.Tx) error{
			"deleting one":     func(ctx context.Context, tx *ent.Tx) error { return tx.User.DeleteOne(mine).Exec(ctx) },
			"clearing an edge": func(ctx context.Context, tx *ent.Tx) error { return tx.User.UpdateOne(mine).ClearReports().Exec(ctx) },
		} {
			tx, err := client.Tx(a)
			if err != nil {
				t.Fatal(err)
			}
			if err := change(a, tx); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			soon, cancel := context.WithTimeout(b, 3*time.Second)
			if err := client.User.UpdateOne(employee).AddAge(1).Exec(soon); err != nil {
				t.Errorf("%s: the other tenant's user: %v", name, err)
			}
			if err := client.Order.UpdateOne(watched).AddTotal(1).Exec(soon); err != nil {
				t.Errorf("%s: the other tenant's order: %v", name, err)
			}
			cancel()
			if err := tx.Rollback(); err != nil {
				t.Fatal(err)
			}
		}
	})
}
