package isolation_test

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/isolation"
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
