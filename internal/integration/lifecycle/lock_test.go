package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"strconv"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

// TestWhoIsMadeToStopWaitingHasNoLock: MariaDB answers GET_LOCK then, by NULL or 0,
// as if nothing had gone wrong.
func TestWhoIsMadeToStopWaitingHasNoLock(t *testing.T) {
	in(t, []cell{{dialect.MySQL, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		id := tenancy.ID(w.prefix + "acme")
		unlock, err := namespace.MySQLLocker(w.db)(t.Context(), id)
		if err != nil {
			t.Fatal(err)
		}
		defer unlock()
		for name, db := range map[string]*sql.DB{
			"by a limit of MariaDB": w.with("max_statement_time", "0.5"),
			"by a limit of MySQL":   w.with("max_execution_time", "500"),
			"by KILL QUERY":         w.interrupted(),
		} {
			if db.PingContext(t.Context()) != nil {
				continue // a setting of the other server
			}
			ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
			again, err := namespace.MySQLLocker(db)(ctx, id)
			if err == nil {
				again()
				t.Errorf("%s: two have the lock", name)
			}
			if errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: nothing made it stop", name)
			}
			stop()
		}
	})
}

// with opens the home with a setting of the session.
func (w *world) with(setting, value string) *sql.DB {
	w.t.Helper()
	dsn := w.dsn.Clone()
	dsn.Logger = &gomysql.NopLogger{}
	dsn.Params = map[string]string{setting: value}
	return open(w.t, "mysql", dsn.FormatDSN())
}

// interrupted opens the home with one session, whose GET_LOCK is killed.
func (w *world) interrupted() *sql.DB {
	w.t.Helper()
	db := open(w.t, "mysql", w.owner)
	db.SetMaxOpenConns(1)
	var id int64
	if err := db.QueryRowContext(w.t.Context(), "SELECT CONNECTION_ID()").Scan(&id); err != nil {
		w.t.Fatal(err)
	}
	go func() {
		for w.t.Context().Err() == nil {
			var waits bool
			err := w.db.QueryRowContext(w.t.Context(), "SELECT COUNT(*) FROM information_schema.processlist WHERE id = ? AND info LIKE '%GET_LOCK%'", id).Scan(&waits)
			if err == nil && waits {
				_, _ = w.db.ExecContext(w.t.Context(), "KILL QUERY "+strconv.FormatInt(id, 10)) // the test fails if it does not
			}
			time.Sleep(50 * time.Millisecond)
		}
	}()
	return db
}

// TestWhoWaitsForALockHoldsUpNobody: not what its holder may be at, which waits for
// all transactions.
func TestWhoWaitsForALockHoldsUpNobody(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationRLS}}, func(t *testing.T, w *world) {
		lock := namespace.PostgresLocker(w.db)
		unlock, err := lock(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		second := make(chan error, 1)
		go func() {
			again, err := lock(t.Context(), "acme")
			if err == nil {
				again()
			}
			second <- err
		}()
		time.Sleep(200 * time.Millisecond) // it waits by then
		ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
		defer stop()
		if _, err := w.db.ExecContext(ctx, "CREATE INDEX CONCURRENTLY ON customers (parent_id)"); err != nil {
			t.Errorf("who has the lock: %v", err)
		}
		select {
		case err := <-second:
			t.Errorf("two have the lock, or %v", err)
		default:
		}
		unlock()
		if err := <-second; err != nil {
			t.Errorf("who waited: %v", err)
		}
	})
}

// TestALockOutlivesAnIdleSession: whoever has it may be at a migration for hours, on
// another connection.
func TestALockOutlivesAnIdleSession(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationRLS}, {dialect.MySQL, tenancy.IsolationShared}}, func(t *testing.T, w *world) {
		var db *sql.DB
		lock, timeout, short := namespace.PostgresLocker, "SHOW idle_session_timeout", "700ms"
		if w.dialect == dialect.MySQL {
			lock, timeout, short = namespace.MySQLLocker, "SELECT @@SESSION.wait_timeout", "1"
			db = w.with("wait_timeout", short)
		} else {
			u := *w.url
			query := u.Query()
			query.Set("idle_session_timeout", short)
			u.RawQuery = query.Encode()
			db = open(t, "pgx", u.String())
		}
		db.SetMaxOpenConns(1)
		unlock, err := lock(db)(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithTimeout(t.Context(), 3*time.Second)
		defer stop()
		if again, err := lock(w.db)(ctx, "acme"); err == nil {
			again()
			t.Error("two have the lock")
		}
		unlock()
		if got := column(t, db, timeout); len(got) != 1 || got[0] != short {
			t.Errorf("the session that was lent has the timeout %q", got)
		}
		again, err := lock(w.db)(t.Context(), "acme")
		if err != nil {
			t.Fatal(err)
		}
		again()
	})
}
