package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// modes runs a test with BEGIN sent late and at once, named and unnamed.
func modes(t *testing.T, test func(t *testing.T, w *world, db *sql.DB)) {
	t.Helper()
	w := newWorld(t)
	for name, config := range map[string]postgres.Config{
		"lazy": {}, "eager": {EagerBegin: true}, "unnamed": {Unnamed: true}, "eager unnamed": {Unnamed: true, EagerBegin: true},
	} {
		t.Run(name, func(t *testing.T) { test(t, w, w.open(t, 1, config)) })
	}
}

func TestTransactionBelongsToOneTenant(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		for number := range w.tenants {
			tx, err := db.BeginTx(w.as(t, number), nil)
			must(t, err)
			for range 2 { // before and after the first statement
				other := (number + 1) % len(w.tenants)
				_, err = names(w.as(t, other), tx)
				wantErr(t, err, tenancy.ErrCrossTenant)
				_, err = tx.ExecContext(w.as(t, other), "DELETE FROM items")
				wantErr(t, err, tenancy.ErrCrossTenant)
				_, err = names(system(t), tx)
				wantErr(t, err, tenancy.ErrCrossTenant)
				_, err = names(t.Context(), tx)
				wantErr(t, err, tenancy.ErrNoTenant)
				moved := w.tenants[number]
				moved.Isolation, moved.Placement.Schema = tenancy.IsolationSchema, "elsewhere"
				_, err = names(tenancy.NewContext(t.Context(), moved), tx)
				wantErr(t, err, tenancy.ErrCrossTenant)
				w.sees(t, number, tx) // it is still usable
			}
			must(t, tx.Commit())
			nothingStays(t, db)
		}
		tx, err := db.BeginTx(system(t), nil)
		must(t, err)
		_, err = names(w.as(t, 0), tx)
		wantErr(t, err, tenancy.ErrCrossTenant)
		_, err = names(system(t), tx)
		must(t, err)
		must(t, tx.Commit())
		w.sees(t, 0, db)
	})
}

func TestCommitAndRollback(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		for number := range w.tenants {
			ctx := w.as(t, number)
			for _, commit := range []bool{false, true} {
				tx, err := db.BeginTx(ctx, nil)
				must(t, err)
				_, err = tx.ExecContext(ctx, "INSERT INTO items (name) VALUES ($1)", "new")
				must(t, err)
				if commit {
					must(t, tx.Commit())
				} else {
					must(t, tx.Rollback())
				}
				result, err := db.ExecContext(ctx, "DELETE FROM items WHERE name = $1", "new")
				must(t, err)
				if n, _ := result.RowsAffected(); (n == 1) != commit {
					t.Errorf("commit %t: %d rows are there", commit, n)
				}
			}
			nothingStays(t, db)
		}
	})
}

func TestSavepoints(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		for number := range w.tenants {
			ctx := w.as(t, number)
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			for range 2 {
				_, err = tx.ExecContext(ctx, "SAVEPOINT here")
				must(t, err)
				_, err = tx.ExecContext(ctx, "SELECT 1/$1::int", 0)
				wantCode(t, err, "22012")
				_, err = names(ctx, tx)
				wantCode(t, err, "25P02")
				_, err = tx.ExecContext(ctx, "ROLLBACK TO SAVEPOINT here")
				must(t, err)
				w.sees(t, number, tx)
			}
			must(t, tx.Commit())
		}
		nothingStays(t, db)
	})
}

// TestSetTransactionFirst also covers DEFERRABLE, for which database/sql has no option.
func TestSetTransactionFirst(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		ctx := w.as(t, sharedTenants)
		const set = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE, READ ONLY, DEFERRABLE"
		for name, send := range map[string]func(*sql.Tx) error{
			"exec":  func(tx *sql.Tx) error { _, err := tx.ExecContext(ctx, set); return err },
			"query": func(tx *sql.Tx) error { return tx.QueryRowContext(ctx, "/* first */ "+set).Scan() },
		} {
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			if err := send(tx); err != nil && !errors.Is(err, sql.ErrNoRows) {
				t.Errorf("%s: %v", name, err)
			}
			w.sees(t, sharedTenants, tx)
			var level, deferrable string
			must(t, tx.QueryRowContext(ctx, "SELECT current_setting('transaction_isolation'), current_setting('transaction_deferrable')").Scan(&level, &deferrable))
			if level != "serializable" || deferrable != "on" {
				t.Errorf("%s: isolation %s, deferrable %s", name, level, deferrable)
			}
			must(t, tx.Commit())
		}
	})
}

func TestTransactionOptions(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		ctx := w.as(t, 0)
		for level, want := range map[sql.IsolationLevel]string{
			sql.LevelDefault: "read committed", sql.LevelReadUncommitted: "read uncommitted", sql.LevelReadCommitted: "read committed",
			sql.LevelRepeatableRead: "repeatable read", sql.LevelSnapshot: "repeatable read", sql.LevelSerializable: "serializable",
		} {
			tx, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: level, ReadOnly: true})
			must(t, err)
			var got string
			must(t, tx.QueryRowContext(ctx, "SELECT current_setting('transaction_isolation')").Scan(&got))
			if got != want {
				t.Errorf("%s: got %s, want %s", level, got, want)
			}
			_, err = tx.ExecContext(ctx, "INSERT INTO items (name) VALUES ($1)", "x")
			wantCode(t, err, "25006")
			wantErr(t, tx.Commit(), pgx.ErrTxCommitRollback)
		}
		if _, err := db.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelLinearizable}); err == nil {
			t.Error("an isolation level that PostgreSQL does not have was accepted")
		}
	})
}

// TestLazyBeginForgottenBeforeItWasSent is pitfall 6: what fails on this side
// must not make an autocommit of the statements that follow.
func TestLazyBeginForgottenBeforeItWasSent(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		ctx := w.as(t, 0)
		insert := "INSERT INTO items (id, name) VALUES ($1::bigint, 'lazy')"
		_, err := db.ExecContext(ctx, insert, 1<<40)
		must(t, err) // prepared now, so that the encoding is all that can fail
		_, err = db.ExecContext(ctx, "DELETE FROM items WHERE name = $1", "lazy")
		must(t, err)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.ExecContext(ctx, insert, make(chan int))
		if err == nil {
			t.Error("a channel was encoded")
		}
		cancelled, cancel := context.WithCancel(ctx)
		cancel()
		_, err = tx.ExecContext(cancelled, insert, 1<<40)
		wantErr(t, err, context.Canceled)
		_, err = tx.ExecContext(ctx, insert, 1<<40)
		must(t, err)
		must(t, tx.Rollback())
		result, err := db.ExecContext(ctx, "DELETE FROM items WHERE name = $1", "lazy")
		must(t, err)
		if n, _ := result.RowsAffected(); n != 0 {
			t.Error("the statement was committed though the transaction was rolled back")
		}
	})
}

// TestScriptThatDoesNotParse is the same for a text that the server refuses as
// a whole, with the BEGIN that goes ahead of it.
func TestScriptThatDoesNotParse(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		ctx := w.as(t, 0)
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.ExecContext(ctx, "SELEC 1")
		wantCode(t, err, "42601")
		if _, err = tx.ExecContext(ctx, "INSERT INTO items (name) VALUES ($1)", "x"); err == nil {
			t.Error("a statement ran after the transaction had failed")
		}
		wantErr(t, tx.Commit(), pgx.ErrTxCommitRollback)
		w.sees(t, 0, db)
	})
}

func TestTransactionThatIsNeverSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db)
	sent := w.during(func() {
		for _, end := range []func(*sql.Tx) error{(*sql.Tx).Commit, (*sql.Tx).Rollback} {
			tx, err := db.BeginTx(w.as(t, 0), nil)
			must(t, err)
			must(t, end(tx))
		}
	})
	if sent != 0 {
		t.Errorf("%d round trips were made", sent)
	}
}

func TestContextOfTransactionIsCancelled(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		w.sees(t, 0, db)
		for _, statements := range []int{0, 1} {
			before := w.dials.Load()
			ctx, cancel := context.WithCancel(w.as(t, 0))
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			for range statements {
				_, err = tx.ExecContext(ctx, "INSERT INTO items (name) VALUES ($1)", "cancelled")
				must(t, err)
			}
			cancel()
			for db.Stats().InUse > 0 {
				time.Sleep(time.Millisecond) // database/sql rolls back by itself
			}
			if err := tx.Commit(); err == nil {
				t.Error("a transaction whose context is over was committed")
			}
			w.sees(t, 0, db)
			if w.dials.Load() != before {
				t.Error("a rollback cost the connection")
			}
		}
		nothingStays(t, db)
	})
}

func TestTwoTransactionsOnOneConnection(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		conn, err := db.Conn(t.Context())
		must(t, err)
		defer conn.Close()
		tx, err := conn.BeginTx(w.as(t, 0), nil)
		must(t, err)
		_, err = conn.BeginTx(w.as(t, 1), nil)
		wantErr(t, err, postgres.ErrTransaction)
		w.sees(t, 0, tx)
		_, err = names(w.as(t, 1), conn)
		wantErr(t, err, tenancy.ErrCrossTenant)
		must(t, tx.Rollback())
		w.sees(t, 1, conn)
	})
}

// TestTransactionBegunByText is what a System scope may do on a connection of its own.
func TestTransactionBegunByText(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	conn, err := db.Conn(t.Context())
	must(t, err)
	_, err = conn.ExecContext(system(t), "BEGIN")
	must(t, err)
	_, err = names(w.as(t, 0), conn)
	wantErr(t, err, postgres.ErrTransaction)
	must(t, conn.Close())
	w.sees(t, 0, db) // on a new connection
}

// TestTransactionEndedBehindOurBack is what Raw must not be used for. The next
// statement must not run by itself as if nothing had happened.
func TestTransactionEndedBehindOurBack(t *testing.T) {
	t.Parallel()
	modes(t, func(t *testing.T, w *world, db *sql.DB) {
		ctx := w.as(t, sharedTenants)
		conn, err := db.Conn(ctx)
		must(t, err)
		defer conn.Close()
		tx, err := conn.BeginTx(ctx, nil)
		must(t, err)
		must(t, postgres.Raw(ctx, conn, func(c *pgx.Conn) error {
			_, err := c.Exec(ctx, "COMMIT")
			return err
		}))
		_, err = names(ctx, tx)
		wantErr(t, err, postgres.ErrTransaction)
		must(t, tx.Rollback())
		w.sees(t, sharedTenants, conn)
	})
}
