package sqlite_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"slices"
	"testing"

	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

const (
	// endless calls begun of the test, and writes until it is interrupted, with which
	// SQLite rolls its transaction back.
	endless = "INSERT INTO memos (tenant_id, text) WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT 'nobody', begun() FROM n"
	again   = " INTO memos (id, tenant_id, text) SELECT id, tenant_id, text FROM memos"
)

// TestTransactionThatSQLiteEnds has a statement fail with which SQLite ends the
// transaction, and goes on as a program does that does not look at errors.
func TestTransactionThatSQLiteEnds(t *testing.T) {
	t.Parallel()
	for _, lean := range []bool{false, true} {
		for how, query := range map[string]string{"interrupted": endless, "on conflict": "INSERT OR ROLLBACK" + again} {
			t.Run(fmt.Sprintf("%s, without optional methods %t", how, lean), func(t *testing.T) {
				t.Parallel()
				w, begun := newInterrupted(t, lean)
				for _, tenant := range w.all() {
					testEnded(t, w, tenant, begun, func(ctx context.Context, tx *ent.Tx) error {
						_, err := tx.ExecContext(ctx, query)
						return err
					})
					testEnded(t, w, tenant, begun, func(ctx context.Context, tx *ent.Tx) error {
						_, err := column(tx.QueryContext(ctx, query+" RETURNING text"))
						return err
					})
				}
			})
		}
	}
}

// newInterrupted returns a world whose SQL can call a function of the test.
func newInterrupted(t *testing.T, lean bool) (w *world, begun *func()) {
	t.Helper()
	begun = new(func())
	d := &modernc.Driver{}
	d.MustRegisterScalarFunction("begun", 0, func(*modernc.FunctionContext, []sqldriver.Value) (sqldriver.Value, error) {
		(*begun)()
		return "", nil
	})
	w = newWorld(t)
	if w.config.Driver = d; lean {
		w.config.Driver = bare{d}
	}
	var err error
	w.files, err = sqlite.New(w.config)
	must(t, err)
	w.open(t)
	return w, begun
}

func testEnded(t *testing.T, w *world, tenant tenancy.Tenant, begun *func(), fail func(context.Context, *ent.Tx) error) {
	t.Helper()
	ctx := as(t, tenant)
	for _, commit := range []bool{true, false} {
		tx, err := w.client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.Create().SetText("first").Exec(ctx))
		short, cancel := context.WithCancel(ctx)
		*begun = cancel
		cause := fail(short, tx)
		cancel()
		if cause == nil {
			t.Fatalf("%s: the statement did not fail", tenant)
		}
		if err := tx.Memo.Create().SetText("second").Exec(ctx); !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("%s: what follows in the transaction: %v", tenant, err)
		}
		if _, err := tx.ExecContext(ctx, "SAVEPOINT a"); !errors.Is(err, sql.ErrTxDone) {
			t.Errorf("%s: a savepoint: %v", tenant, err)
		}
		if commit {
			if err := tx.Commit(); !errors.Is(err, sql.ErrTxDone) || errors.Is(cause, context.Canceled) != errors.Is(err, context.Canceled) {
				t.Errorf("%s: Commit: %v, after %v", tenant, err, cause)
			}
		} else if err := tx.Rollback(); err != nil {
			t.Errorf("%s: Rollback: %v", tenant, err)
		}
		if n := w.client.Memo.Query().CountX(ctx); n != 0 {
			t.Errorf("%s: %d memos are left of the transaction", tenant, n)
		}
	}
	must(t, w.client.Memo.Create().SetText("after").Exec(ctx))
	if n := w.client.Memo.Delete().ExecX(ctx); n != 1 {
		t.Errorf("%s: %d memos were written after the transaction, want 1", tenant, n)
	}
}

// TestTransactionThatSQLiteKeeps has a statement fail with which nothing else ends.
func TestTransactionThatSQLiteKeeps(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.Create().SetText("first").Exec(ctx))
		for _, query := range []string{"INSERT" + again, "INSERT OR FAIL" + again, "SELECT nothing", "SELECT"} {
			if _, err := tx.ExecContext(ctx, query); err == nil {
				t.Fatalf("%s: %s did not fail", tenant, query)
			}
			if _, err := column(tx.QueryContext(ctx, query)); err == nil {
				t.Fatalf("%s: %s did not fail as a query", tenant, query)
			}
		}
		must(t, tx.Memo.Create().SetText("second").Exec(ctx))
		must(t, tx.Commit())
		if texts := w.client.Memo.Query().AllX(ctx); len(texts) != 2 {
			t.Errorf("%s: %d memos were written, want both", tenant, len(texts))
		}
	}
}

// TestTransactionWithOpenRows has a query interrupted while rows are open, when SQLite does not tell what became of the transaction.
func TestTransactionWithOpenRows(t *testing.T) {
	t.Parallel()
	w, begun := newInterrupted(t, false)
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.CreateBulk(tx.Memo.Create().SetText("first"), tx.Memo.Create().SetText("second")).Exec(ctx))
		rows, err := tx.QueryContext(ctx, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM n")
		must(t, err)
		if !rows.Next() {
			t.Fatalf("%s: there are no rows: %v", tenant, rows.Err())
		}
		short, cancel := context.WithCancel(ctx)
		*begun = cancel
		if _, err := column(tx.QueryContext(short, "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(begun()) FROM n")); err == nil {
			t.Fatalf("%s: the query was not interrupted", tenant)
		}
		cancel()
		must(t, rows.Close()) //nolint:sqlclosecheck // before the transaction goes on
		must(t, tx.Memo.Create().SetText("third").Exec(ctx))
		must(t, tx.Commit())
		if n := w.client.Memo.Delete().ExecX(ctx); n != 3 {
			t.Errorf("%s: %d memos were written, want 3", tenant, n)
		}
	}
}

// TestColumnsInATransaction looks at what is told of columns there as elsewhere.
func TestColumnsInATransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := as(t, w.shared)
	const query = "SELECT id, text FROM memos"
	rows, err := w.drv.QueryContext(ctx, query)
	must(t, err)
	want := columnTypes(t, rows)
	tx, err := w.client.Tx(ctx)
	must(t, err)
	rows, err = tx.QueryContext(ctx, query)
	must(t, err)
	if got := columnTypes(t, rows); !slices.Equal(got, want) {
		t.Errorf("the columns are %+v, want %+v", got, want)
	}
	must(t, tx.Rollback())
}

func columnTypes(t *testing.T, rows *sql.Rows) (found []string) {
	t.Helper()
	defer rows.Close()
	types, err := rows.ColumnTypes()
	must(t, err)
	for _, c := range types {
		length, variable := c.Length()
		null, known := c.Nullable()
		precision, scale, decimal := c.DecimalSize()
		found = append(found, fmt.Sprint(c.Name(), c.DatabaseTypeName(), c.ScanType(), length, variable, null, known, precision, scale, decimal))
	}
	must(t, rows.Err())
	return found
}
