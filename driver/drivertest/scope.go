package drivertest

import (
	"context"
	"errors"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

// unusable returns contexts under which nothing may be sent, and why.
func unusable(ctx context.Context, t tenancy.Tenant) map[error]context.Context {
	suspended, long := t, t
	suspended.Status = tenancy.StatusSuspended
	long.ID = "\x00"
	return map[error]context.Context{
		tenancy.ErrNoTenant:  ctx,
		tenancy.ErrNoReason:  tenancy.System(ctx, " "),
		tenancy.ErrInactive:  tenancy.NewContext(ctx, suspended),
		tenancy.ErrInvalidID: tenancy.NewContext(ctx, long),
	}
}

// everyCall calls every method that sends something.
func (f *fixture) everyCall(ctx context.Context, on queryer) map[string]error {
	insert, args := f.insert(ctx, "never")
	list, arguments := f.list(ctx)
	errs := make(map[string]error)
	var found entsql.Rows
	errs["Exec"] = on.Exec(ctx, insert, args, nil)
	errs["Query"] = on.Query(ctx, list, arguments, &found)
	_, errs["ExecContext"] = on.ExecContext(ctx, insert, args...)
	if f.QueryInTx && !isTx(on) {
		return errs
	}
	some, err := on.QueryContext(ctx, list, arguments...)
	if err == nil {
		_ = some.Close() //nolint:sqlclosecheck // there should be none, which is reported
		err = errors.Join(some.Err(), errors.New("rows were returned"))
	}
	errs["QueryContext"] = err
	return errs
}

func isTx(on queryer) bool { _, ok := on.(dialect.Tx); return ok }

// scopes has statements under contexts that name nobody.
func scopes(t *testing.T, c Cell) {
	t.Run("refused", func(t *testing.T) {
		f := c.open(t)
		for meaning, ctx := range unusable(t.Context(), c.Tenants[0]) {
			errs := f.everyCall(ctx, f)
			_, errs["Tx"] = f.Tx(ctx)
			_, errs["BeginTx"] = f.BeginTx(ctx, nil)
			_, errs["global"] = f.things(ctx, f)
			for method, err := range errs {
				wantError(t, method, err, meaning)
			}
		}
		if n := f.home.calls.Load(); n != 0 || f.Stats().Pools != 0 {
			t.Errorf("%d calls came to the home and %d pools were opened, want nothing sent", n, f.Stats().Pools)
		}
	})
	t.Run("System", func(t *testing.T) { systems(t, c) })
	t.Run("misconfigured", func(t *testing.T) {
		if _, err := driver.New(nil, driver.Config{}); err == nil {
			t.Error("New without a home must fail")
		}
		home := c.Home(t)
		defer func() { _ = home.Close() }()
		if _, err := driver.New(home, driver.Config{System: other{home}}); err == nil {
			t.Error("New with a System of another dialect must fail")
		}
	})
}

// other is a driver of another dialect.
type other struct{ dialect.Driver }

func (other) Dialect() string { return "other" }

// systems has statements of a System scope: of the home, and of all in it.
func systems(t *testing.T, c Cell) {
	f := c.open(t)
	want := 0
	for i := range c.Tenants {
		if err := f.add(c.as(t, i), f); err != nil {
			t.Fatal(err)
		}
		if f.sharesHome(c.Tenants[i]) {
			want++
		}
	}
	owners, err := f.sees(system(t), f)
	if err != nil || len(owners) != want {
		t.Errorf("System sees the rows of %q (%v), want those of the %d tenants that share the home's tables", owners, err, want)
	}
}

// sharesHome reports whether the tenant's rows are in the home's own tables.
func (f *fixture) sharesHome(t tenancy.Tenant) bool {
	return t.Isolation == "" || t.Isolation == tenancy.IsolationShared || t.Isolation == tenancy.IsolationRLS
}

// atHome reports whether the tenant's statements go to the home.
func (f *fixture) atHome(t tenancy.Tenant) bool {
	return f.sharesHome(t) || t.Isolation == tenancy.IsolationSchema && f.Dialect() != dialect.SQLite
}
