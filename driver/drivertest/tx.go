package drivertest

import (
	"context"
	"database/sql"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// transactions has transactions that belong to one scope each.
func transactions(t *testing.T, c Cell) {
	t.Run("pinned", func(t *testing.T) {
		f := c.open(t)
		for i := range c.Tenants {
			f.pins(t, i)
		}
	})
	t.Run("System", func(t *testing.T) {
		f := c.open(t)
		x := f.begin(system(t), t)
		for i := range c.Tenants {
			for method, err := range f.everyCall(c.as(t, i), x.raw()) {
				wantError(t, method, err, tenancy.ErrCrossTenant)
			}
		}
		if _, err := f.sees(system(t), x.raw()); err != nil {
			t.Errorf("the transaction does not go on: %v", err)
		}
		if err := x.Rollback(); err != nil {
			t.Error(err)
		}
	})
	t.Run("rolled back", func(t *testing.T) { eachTenant(t, c, (*fixture).rollsBack) })
	t.Run("savepoints", func(t *testing.T) { eachTenant(t, c, (*fixture).savepoints) })
	t.Run("options", func(t *testing.T) { eachTenant(t, c, (*fixture).options) })
	t.Run("cancelled", func(t *testing.T) { eachTenant(t, c, (*fixture).cancelledTx) })
}

// eachTenant runs a part for each tenant, after which no connection is in use.
func eachTenant(t *testing.T, c Cell, part func(*fixture, context.Context, *testing.T)) {
	t.Helper()
	f := c.open(t)
	for i := range c.Tenants {
		f.batch += "x" // each starts without rows
		part(f, c.as(t, i), t)
	}
	f.wantIdle(t)
}

// pins has statements of other scopes in a transaction of a tenant.
func (f *fixture) pins(t *testing.T, n int) {
	t.Helper()
	own, next := f.as(t, n), f.as(t, (n+1)%len(f.Tenants))
	x := f.begin(own, t)
	if err := f.add(own, x.raw()); err != nil {
		t.Fatal(err)
	}
	refused := map[string]error{}
	for method, err := range f.everyCall(next, x.raw()) {
		wantError(t, "another tenant's "+method, err, tenancy.ErrCrossTenant)
		refused[method] = err
	}
	for method, err := range f.everyCall(system(t), x.raw()) {
		wantError(t, "a System scope's "+method, err, tenancy.ErrCrossTenant)
	}
	for meaning, ctx := range unusable(t.Context(), f.Tenants[n]) {
		for method, err := range f.everyCall(ctx, x.raw()) {
			wantError(t, "nobody's "+method, err, meaning)
		}
	}
	moved := f.Tenants[n]
	moved.Isolation, moved.Placement.Schema = tenancy.IsolationSchema, "drivertest_elsewhere"
	for method, err := range f.everyCall(tenancy.NewContext(t.Context(), moved), x.raw()) {
		wantError(t, "a moved tenant's "+method, err, tenancy.ErrInvalidPlacement)
	}
	f.wantOwn(own, t, x.raw(), 1)
	renamed := f.Tenants[n]
	renamed.Name, renamed.Version = "renamed meanwhile", renamed.Version+1
	f.wantOwn(tenancy.NewContext(t.Context(), renamed), t, x.raw(), 1)
	if err := x.Commit(); err != nil {
		t.Fatalf("commit: %v", err)
	}
	f.wantOwn(own, t, f, 1)
}

func (f *fixture) rollsBack(ctx context.Context, t *testing.T) {
	t.Helper()
	x := f.begin(ctx, t)
	if err := f.add(ctx, x.raw()); err != nil {
		t.Fatal(err)
	}
	f.wantOwn(ctx, t, x.raw(), 1)
	if err := x.Rollback(); err != nil {
		t.Fatal(err)
	}
	f.wantOwn(ctx, t, f, 0)
}

func (f *fixture) savepoints(ctx context.Context, t *testing.T) {
	t.Helper()
	x := f.begin(ctx, t)
	step := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	run := func(query string) error { _, err := x.raw().ExecContext(ctx, query); return err }
	step(f.add(ctx, x.raw()))
	step(run("SAVEPOINT one"))
	step(f.add(ctx, x.raw()))
	step(run("ROLLBACK TO SAVEPOINT one"))
	f.wantOwn(ctx, t, x.raw(), 1)
	step(run("RELEASE SAVEPOINT one"))
	step(f.add(ctx, x.raw()))
	step(x.Commit())
	f.wantOwn(ctx, t, f, 2)
}

func (f *fixture) options(ctx context.Context, t *testing.T) {
	t.Helper()
	if err := f.add(ctx, f); err != nil {
		t.Fatal(err)
	}
	if f.ReadOnly {
		began, err := f.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		x := tx{began, t}.check()
		f.wantOwn(ctx, t, x.raw(), 1)
		if err := f.add(ctx, x.raw()); err == nil {
			t.Error("a read-only transaction writes")
		}
		if err := x.Rollback(); err != nil {
			t.Error(err)
		}
	}
	if f.Dialect() == dialect.SQLite {
		return // it has one level
	}
	began, err := f.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
	if err != nil {
		t.Fatal(err)
	}
	x := tx{began, t}.check()
	f.wantOwn(ctx, t, x.raw(), 1)
	if err := x.Commit(); err != nil {
		t.Error(err)
	}
}

// cancelledTx has a transaction whose context ends in the middle.
func (f *fixture) cancelledTx(ctx context.Context, t *testing.T) {
	t.Helper()
	ended, cancel := context.WithCancel(ctx)
	x := f.begin(ended, t)
	if err := f.add(ended, x.raw()); err != nil {
		t.Fatal(err)
	}
	cancel()
	if err := x.Commit(); err == nil {
		t.Error("a transaction commits whose context is over")
	}
	f.wantOwn(ctx, t, f, 0)
}
