package lifecycle_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
)

// request is a transaction of a tenant that is under way.
func (w *world) request(t tenancy.Tenant) dialect.Tx {
	w.t.Helper()
	tx, err := w.config.Shared.Driver.Tx(tenancy.NewContext(w.t.Context(), t))
	if err != nil {
		w.t.Fatal(err)
	}
	w.t.Cleanup(func() { _ = tx.Rollback() }) // most have ended by then
	return tx
}

// write writes a row in a transaction.
func (w *world) write(tx dialect.Tx, t tenancy.Tenant, id string) {
	w.t.Helper()
	query := fmt.Sprintf("INSERT INTO customers (id, tenant_id) VALUES ('%s', '%s')", id+string(t.ID), t.ID)
	if err := tx.Exec(tenancy.NewContext(w.t.Context(), t), query, []any{}, nil); err != nil {
		w.t.Fatal(err)
	}
}

// erased is what Erase has returned.
type erased struct {
	receipt manager.Receipt
	err     error
}

// eraseBehind begins to erase a tenant, and looks that it is not over before long.
func (w *world) eraseBehind(l *manager.Lifecycle, t tenancy.Tenant) <-chan erased {
	w.t.Helper()
	done := make(chan erased, 1)
	go func() {
		receipt, err := l.Erase(w.t.Context(), t.ID)
		done <- erased{receipt, err}
	}()
	select {
	case e := <-done:
		w.t.Fatalf("it has not waited: %+v, %v", e.receipt, e.err)
	case <-time.After(500 * time.Millisecond):
	}
	return done
}

// inSharedTables are cells of servers with transactions at once.
func inSharedTables() []cell {
	return []cell{{dialect.Postgres, tenancy.IsolationRLS}, {dialect.Postgres, tenancy.IsolationShared}, {dialect.MySQL, tenancy.IsolationShared}}
}

// TestErasingWaitsForTheTenantsTransactions: what they commit is erased too.
func TestErasingWaitsForTheTenantsTransactions(t *testing.T) {
	in(t, inSharedTables(), func(t *testing.T, w *world) {
		l := w.lifecycle()
		tenant, beside := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside"))
		written, begun := w.request(tenant), w.request(tenant)
		w.write(written, tenant, "written")
		done := w.eraseBehind(l, tenant)
		if w.dialect == dialect.Postgres { // on MySQL who has not written waits for the erasure, and is refused or comes late
			w.write(begun, tenant, "begun")
		}
		for _, tx := range []dialect.Tx{written, begun} {
			if err := tx.Commit(); err != nil {
				t.Fatal(err)
			}
		}
		if e := <-done; e.err != nil || !e.receipt.Intact() {
			t.Errorf("got %+v, %v", e.receipt, e.err)
		}
		if got := w.rows(tenant); got != "0 0 0" {
			t.Errorf("there are rows after the receipt: %s", got)
		}
		if got := w.rows(beside); got != full {
			t.Errorf("the other has rows %s", got)
		}
	})
}

// TestErasingDoesNotWaitForEver for a transaction that somebody has forgotten, and
// can be done again.
func TestErasingDoesNotWaitForEver(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationRLS}}, func(t *testing.T, w *world) {
		l := w.lifecycle(func(c *manager.LifecycleConfig) { c.EraseWait = 300 * time.Millisecond })
		tenant := w.provision(l, newTenant("acme"))
		forgotten, err := w.system.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer forgotten.Rollback()
		pid := pidOf(t, forgotten)
		for range 2 {
			_, err = l.Erase(t.Context(), tenant.ID)
			if err == nil || !strings.Contains(err.Error(), "processes "+pid+" of the server") || !strings.Contains(err.Error(), "erase again") {
				t.Fatalf("got %v", err)
			}
		}
		if now, err := w.config.Store.ByID(t.Context(), tenant.ID); err != nil || now.Status != tenancy.StatusDeleted || w.rows(tenant) != full {
			t.Errorf("it is %s, %v, and has rows %s", now.Status, err, w.rows(tenant))
		}

		ctx, stop := context.WithTimeout(t.Context(), 100*time.Millisecond)
		defer stop()
		if _, err := w.lifecycle().Erase(ctx, tenant.ID); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("its context is over: %v", err)
		}

		if err := forgotten.Rollback(); err != nil {
			t.Fatal(err)
		}
		w.eraseOne(l, tenant)
	})
}

// TestErasingWaitsForPreparedTransactions, which have no process: somebody commits them
// later, and the rows that they have written are there then.
func TestErasingWaitsForPreparedTransactions(t *testing.T) {
	t.Parallel()
	server := servers.NewPrivatePostgres(t)
	admin := open(t, "pgx", server.Admin())
	if _, err := admin.ExecContext(t.Context(), "ALTER SYSTEM SET max_prepared_transactions = 5"); err != nil {
		t.Fatal(err)
	}
	server.Restart(t, servers.Fast)
	w := newWorldFor(t, cell{dialect.Postgres, tenancy.IsolationRLS}, server.Roles)
	l := w.lifecycle(func(c *manager.LifecycleConfig) { c.EraseWait = 300 * time.Millisecond })
	tenant := w.provision(l, newTenant("acme"))
	prepare := func(db *sql.DB, name, write string) {
		t.Helper()
		tx, err := db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer tx.Rollback() // it has ended, which the driver does not know
		for _, statement := range []string{write, "PREPARE TRANSACTION '" + name + "'"} {
			if _, err := tx.ExecContext(t.Context(), statement); err != nil {
				t.Fatalf("%s: %v", statement, err)
			}
		}
	}
	prepare(admin, "elsewhere", "CREATE TABLE elsewhere (id int)") // which is in another database
	prepare(w.system, "late", "INSERT INTO customers (id, tenant_id) VALUES ('late', '"+string(tenant.ID)+"')")
	if _, err := l.Erase(t.Context(), tenant.ID); err == nil || !strings.Contains(err.Error(), "prepared") || !strings.Contains(err.Error(), "erase again") {
		t.Fatalf("got %v", err)
	}
	if _, err := w.system.ExecContext(t.Context(), "COMMIT PREPARED 'late'"); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Erase(t.Context(), tenant.ID); err != nil {
		t.Fatal(err)
	}
	if got := w.rows(tenant); got != "0 0 0" {
		t.Errorf("there are rows after the receipt: %s", got)
	}
	if _, err := admin.ExecContext(t.Context(), "ROLLBACK PREPARED 'elsewhere'"); err != nil { // it would keep the server from its end
		t.Error(err)
	}
}

// TestErasingWaitsForNobodyElse: not for transactions of other databases, nor for who
// waits for the tenant.
func TestErasingWaitsForNobodyElse(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationRLS}}, func(t *testing.T, w *world) {
		elsewhere, err := open(t, "pgx", servers.PostgresAdmin(t)).BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		defer elsewhere.Rollback()
		if _, err := elsewhere.ExecContext(t.Context(), "SELECT pg_current_xact_id()"); err != nil {
			t.Fatal(err)
		}
		l := w.lifecycle(func(c *manager.LifecycleConfig) { c.EraseWait = 3 * time.Second })
		tenant := w.provision(l, newTenant("acme"))
		won := 0
		for _, err := range atOnce(4, func(int) error {
			_, err := l.Erase(t.Context(), tenant.ID)
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, tenancy.ErrNotFound) {
				t.Error(err)
			}
		}
		if won != 1 {
			t.Errorf("%d have erased it", won)
		}
	})
}

// pidOf is the server's process of a transaction.
func pidOf(tb testing.TB, tx *sql.Tx) (pid string) {
	tb.Helper()
	if err := tx.QueryRowContext(tb.Context(), "SELECT pg_backend_pid()::text").Scan(&pid); err != nil {
		tb.Fatal(err)
	}
	return pid
}
