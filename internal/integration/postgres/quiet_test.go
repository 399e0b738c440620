package postgres_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// watchers counts the goroutines by which database/sql watches the contexts of rows.
func watchers() int {
	stacks := make([]byte, 1<<20)
	return strings.Count(string(stacks[:runtime.Stack(stacks, true)]), "created by database/sql.(*Rows).initContextClose")
}

// TestNoGoroutineForAQuery is not parallel, so that no other test has rows open.
func TestNoGoroutineForAQuery(t *testing.T) { //nolint:paralleltest // see above
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, db), driver.Config{})
	must(t, err)
	before := watchers()
	by := func(query func(ctx context.Context, text string, args []any, rows *entsql.Rows) error) int {
		t.Helper()
		var rows entsql.Rows
		must(t, query(w.as(t, 0), "SELECT name FROM items, generate_series(1, $1)", []any{10_000}, &rows))
		defer rows.Close()
		if !rows.Next() {
			t.Fatal("no rows")
		}
		return watchers() - before
	}
	if n := by(func(ctx context.Context, text string, args []any, rows *entsql.Rows) (err error) {
		rows.ColumnScanner, err = db.QueryContext(ctx, text, args...) //nolint:rowserrcheck // only who watches it matters
		return err
	}); n != 1 {
		t.Errorf("database/sql watches %d contexts, and the test does not see what it is about", n)
	}
	for ; watchers() > before; time.Sleep(time.Millisecond) { // it ends a little after the rows
		continue
	}
	if n := by(func(ctx context.Context, text string, args []any, rows *entsql.Rows) error {
		return drv.Query(ctx, text, args, rows)
	}); n != 0 {
		t.Errorf("a query through the driver has %d goroutines", n)
	}
}

// TestQueryEndsWithItsContext ends the context of a query through the driver while it waits for a connection, while it runs, and while its
// rows are read.
func TestQueryEndsWithItsContext(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, db), driver.Config{})
	must(t, err)
	for number := range w.tenants {
		held, err := db.Conn(t.Context())
		must(t, err)
		ctx, cancel := context.WithTimeout(w.as(t, number), 30*time.Millisecond)
		var rows entsql.Rows
		wantErr(t, drv.Query(ctx, "SELECT $1", []any{"waits"}, &rows), context.DeadlineExceeded)
		cancel()
		must(t, held.Close())
		w.sees(t, number, db)

		ctx, cancel = context.WithTimeout(w.as(t, number), 30*time.Millisecond)
		wantErr(t, drv.Query(ctx, "SELECT pg_sleep($1)", []any{10}, &rows), context.DeadlineExceeded)
		cancel()
		w.sees(t, number, db)

		ctx, cancel = context.WithCancel(w.as(t, number))
		must(t, drv.Query(ctx, "SELECT repeat('x', 1000), pg_sleep(x / 100 * 0.01) FROM generate_series(1, $1::int) x", []any{10_000}, &rows))
		cancel()
		for rows.Next() {
			continue // what has come already
		}
		if err := errors.Join(rows.Err(), rows.Close()); !errors.Is(err, context.Canceled) {
			t.Errorf("the rows ended with %v", err)
		}
		w.sees(t, number, db)
	}
	nothingStays(t, db)
}
