package drivertest

import (
	"context"
	"crypto/rand"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// countThings is a query of everybody's table.
func (f *fixture) countThings() string {
	d := entsql.Dialect(f.Dialect())
	query, _ := d.Select("id").From(d.Table(things).Schema(f.ofAll)).Query()
	return query
}

func (f *fixture) addThing(ctx context.Context, on queryer) error {
	query, args := entsql.Dialect(f.Dialect()).Insert(things).Schema(f.ofAll).Columns("id").Values(rand.Text()).Query()
	_, err := on.ExecContext(ctx, query, args...)
	return err
}

func (f *fixture) things(ctx context.Context, on queryer) (int, error) {
	var some entsql.Rows
	if err := on.Query(ctx, f.countThings(), []any{}, &some); err != nil {
		return 0, err
	}
	all, err := texts(some)
	return len(all), err
}

// joined is a query over both tables.
func (f *fixture) joined() (string, []any) {
	d := entsql.Dialect(f.Dialect())
	t, g := d.Table(items).Schema(f.ofTenants).As("i"), d.Table(things).Schema(f.ofAll).As("g")
	return d.Select(g.C("id")).From(t).Join(g).OnP(entsql.Not(entsql.ColumnsEQ(t.C("id"), g.C("id")))).Where(entsql.EQ(t.C("batch"), f.batch)).Query()
}

// globals has everybody's table read and written from all places.
func globals(t *testing.T, c Cell) {
	f := c.open(t)
	if err := f.addThing(system(t), f); err != nil {
		t.Fatal(err)
	}
	for i := range c.Tenants {
		want, err := f.things(system(t), f)
		if err != nil {
			t.Fatal(err)
		}
		f.readsGlobals(c.as(t, i), t, f.atHome(c.Tenants[i]), want)
	}
	f.wantIdle(t)
}

// readsGlobals has a tenant read everybody's rows, which are so many.
func (f *fixture) readsGlobals(ctx context.Context, t *testing.T, atHome bool, want int) {
	t.Helper()
	see := func(on queryer) {
		t.Helper()
		if n, err := f.things(ctx, on); n != want || err != nil {
			t.Errorf("a tenant sees %d of everybody's %d rows: %v", n, want, err)
		}
	}
	see(f)
	x := f.begin(ctx, t)
	see(x.raw())
	if err := f.add(ctx, x.raw()); err != nil {
		t.Error(err)
	}
	spans := !atHome && f.Dialect() != dialect.SQLite
	f.joins(ctx, t, x.raw(), spans, want)
	if spans {
		wantError(t, "a write of everybody's in a tenant's transaction", f.addThing(ctx, x.raw()), driver.ErrSpansDatabases)
		var none entsql.Rows
		wantError(t, "a lock on everybody's in a tenant's transaction", x.raw().Query(ctx, f.countThings()+"\nfor update", []any{}, &none), driver.ErrSpansDatabases)
	}
	f.wantOwn(ctx, t, x.raw(), 1)
	if err := x.Commit(); err != nil {
		t.Error(err)
	}
	f.joins(ctx, t, f, spans, want)
	f.batch += "x"
}

// joins has one statement over both tables, whose rows are as many as
// everybody's, or which spans two databases.
func (f *fixture) joins(ctx context.Context, t *testing.T, on queryer, spans bool, want int) {
	t.Helper()
	query, args := f.joined()
	var some entsql.Rows
	err := on.Query(ctx, query, args, &some)
	switch {
	case spans:
		wantError(t, "a join", err, driver.ErrSpansDatabases)
	case err != nil:
		t.Errorf("a join: %v", err)
	default:
		if all, err := texts(some); len(all) != want || err != nil {
			t.Errorf("a join sees %d rows (%v), want %d", len(all), err, want)
		}
	}
}

// replicas has a replica of the home, which reads may go to and nothing else.
func replicas(t *testing.T, c Cell) {
	replica := &seen{Driver: c.Home(t)}
	f := c.open(t, func(config *driver.Config) { config.Replicas = []dialect.Driver{replica} })
	for i, tenant := range c.Tenants {
		ctx := driver.Replica(c.as(t, i))
		if err := f.add(ctx, f); err != nil {
			t.Fatal(err)
		}
		x := f.begin(ctx, t)
		f.wantOwn(ctx, t, x.raw(), 1)
		if err := x.Commit(); err != nil {
			t.Fatal(err)
		}
		f.wantOwn(c.as(t, i), t, f, 1)
		f.locks(ctx, t)
		if n := replica.calls.Load(); n != 0 {
			t.Fatalf("%d calls came to the replica, want reads that ask for it only", n)
		}
		f.wantOwn(ctx, t, f, 1)
		if n := replica.calls.Swap(0); (n == 2) != f.atHome(tenant) {
			t.Errorf("%d of 2 reads of %s came to the home's replica", n, tenant)
		}
	}
	for method, err := range f.everyCall(driver.Replica(t.Context()), f) {
		wantError(t, method, err, tenancy.ErrNoTenant)
	}
}

// locks reads for update.
func (f *fixture) locks(ctx context.Context, t *testing.T) {
	t.Helper()
	if f.Dialect() == dialect.SQLite {
		return
	}
	query, args := f.list(ctx)
	for _, lock := range []string{" FOR UPDATE", "\nfor update"} {
		var some entsql.Rows
		if err := f.Query(ctx, query+lock, args, &some); err != nil {
			t.Fatal(err)
		}
		if _, err := texts(some); err != nil {
			t.Error(err)
		}
	}
}
