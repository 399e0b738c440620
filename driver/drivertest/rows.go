package drivertest

import (
	"context"
	"crypto/rand"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
)

// rows has each tenant write and read, by every method.
func rows(t *testing.T, c Cell) {
	f := c.open(t)
	for i := range c.Tenants {
		ctx := c.as(t, i)
		for range i + 1 { // each has another number of rows
			if err := f.add(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		query, args := f.insert(ctx, rand.Text())
		var result entsql.Result
		if err := f.Exec(ctx, query, args, &result); err != nil {
			t.Fatal(err)
		}
		if n, err := result.RowsAffected(); n != 1 || err != nil {
			t.Errorf("Exec affected %d rows (%v), want 1", n, err)
		}
	}
	for i := range c.Tenants {
		f.wantOwn(c.as(t, i), t, f, i+2)
	}
	f.writesOwn(t)
	for i := range c.Tenants {
		f.wantOwn(c.as(t, i), t, f, map[bool]int{true: 0, false: i + 2}[i == 1])
	}
}

// writesOwn has one tenant update and delete all that it reaches.
func (f *fixture) writesOwn(t *testing.T) {
	t.Helper()
	ctx, d := f.as(t, 1), entsql.Dialect(f.Dialect())
	for _, statement := range []entsql.Querier{
		d.Update(items).Schema(f.ofTenants).Set("batch", f.batch).Where(f.where(ctx)),
		d.Delete(items).Schema(f.ofTenants).Where(f.where(ctx)),
	} {
		query, args := statement.Query()
		result, err := f.ExecContext(ctx, query, args...)
		if err != nil {
			t.Fatal(err)
		}
		// MySQL counts the rows that an UPDATE changed, which here is none.
		if n, err := result.RowsAffected(); n != 3 && n != 0 || err != nil {
			t.Errorf("%s: %d rows (%v), want the tenant's 3", query, n, err)
		}
	}
}

// debug has all methods through ent's decorator, which has to find them.
func debug(t *testing.T, c Cell) {
	f := c.open(t)
	statements := 0
	drv, ok := dialect.DebugWithContext(f.Driver, func(context.Context, ...any) { statements++ }).(queryer)
	if !ok {
		t.Fatal("ent's Debug driver has no ExecContext")
	}
	ctx := c.as(t, 0)
	if err := f.add(ctx, drv); err != nil {
		t.Fatal(err)
	}
	f.wantOwn(ctx, t, drv, 1)
	for method, err := range f.everyCall(t.Context(), drv) {
		wantError(t, method, err, tenancy.ErrNoTenant)
	}
	b, ok := drv.(beginner)
	if !ok {
		t.Fatal("ent's Debug driver has no BeginTx")
	}
	began, err := b.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	x := tx{began, t}.check()
	f.wantOwn(ctx, t, x.raw(), 1)
	for method, err := range f.everyCall(c.as(t, 1), x.raw()) {
		wantError(t, method, err, tenancy.ErrCrossTenant)
	}
	if err := x.Commit(); err != nil || statements == 0 {
		t.Errorf("commit: %v, after %d statements that were logged", err, statements)
	}
}

// givenBack has statements that end in every way, after which no connection may
// be in use.
func givenBack(t *testing.T, c Cell) {
	f := c.open(t)
	for i := range c.Tenants {
		ctx := c.as(t, i)
		for range 5 {
			if err := f.add(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		f.closedEarly(ctx, t)
		f.cancelled(ctx, t)
		f.failing(ctx, t)
		f.wantOwn(ctx, t, f, 5)
	}
	f.wantIdle(t)
}

func (f *fixture) closedEarly(ctx context.Context, t *testing.T) {
	t.Helper()
	query, args := f.list(ctx)
	for range 3 {
		var found entsql.Rows
		if err := f.Query(ctx, query, args, &found); err != nil {
			t.Fatal(err)
		}
		if !found.Next() {
			t.Errorf("no rows: %v", found.Err())
		}
		if err := found.Close(); err != nil {
			t.Error(err)
		}
		if f.QueryInTx {
			continue
		}
		some, err := f.QueryContext(ctx, query, args...)
		if err != nil {
			t.Fatal(err)
		}
		if !some.Next() {
			t.Errorf("no rows: %v", some.Err())
		}
		if err := some.Close(); err != nil { //nolint:sqlclosecheck // closing them early is the test
			t.Error(err)
		}
	}
}

func (f *fixture) cancelled(ctx context.Context, t *testing.T) {
	t.Helper()
	ended, cancel := context.WithCancel(ctx)
	query, args := f.list(ctx)
	var some entsql.Rows
	if err := f.Query(ended, query, args, &some); err != nil {
		cancel()
		t.Fatal(err)
	}
	cancel()
	for some.Next() { // what has arrived may be read, and then it ends
		continue
	}
	_ = some.Close()
	_ = some.Err() // may be that the context is over
	for method, err := range f.everyCall(ended, f) {
		wantError(t, method, err, context.Canceled)
	}
	if began, err := f.Tx(ended); err == nil {
		_ = began.Rollback()
		t.Error("a transaction began under a context that is over")
	}
}

func (f *fixture) failing(ctx context.Context, t *testing.T) {
	t.Helper()
	id := rand.Text()
	query, args := f.insert(ctx, id)
	// The second time the key is taken. Both are undone, so that it counts for nothing.
	x := f.begin(ctx, t)
	_, first := x.raw().ExecContext(ctx, query, args...)
	_, second := x.raw().ExecContext(ctx, query, args...)
	if err := x.Rollback(); first != nil || second == nil || err != nil {
		t.Errorf("a key twice: %v, then %v; rollback: %v", first, second, err)
	}
	d := entsql.Dialect(f.Dialect())
	query, args = d.Select("no_such_column").From(d.Table(items).Schema(f.ofTenants)).Query()
	var some entsql.Rows
	if err := f.Query(ctx, query, args, &some); err == nil {
		found := some.Next()
		_ = some.Close()
		if some.Err() == nil {
			t.Errorf("a column that is not there has rows: %t", found)
		}
	}
}
