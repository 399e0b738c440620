package drivertest

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
)

var errPlacing = errors.New("drivertest: no place")

// places has tenants whose places are missing, impossible or decided by the
// configuration.
func places(t *testing.T, c Cell) {
	t.Run("missing", func(t *testing.T) { missing(t, c) })
	t.Run("invalid", func(t *testing.T) {
		f := c.open(t)
		for what, at := range f.invalid() {
			errs := f.everyCall(tenancy.NewContext(t.Context(), at), f)
			_, errs["Tx"] = f.Tx(tenancy.NewContext(t.Context(), at))
			for method, err := range errs {
				wantError(t, what+": "+method, err, tenancy.ErrInvalidPlacement)
			}
		}
		if n := f.home.calls.Load(); n != 0 {
			t.Errorf("%d calls came to the home, want nothing sent", n)
		}
	})
	t.Run("Config.Place", func(t *testing.T) { placed(t, c) })
	t.Run("Config.Place fails", func(t *testing.T) {
		for what, place := range map[string]func(tenancy.Tenant) (tenancy.Tenant, error){
			"an error":        func(a tenancy.Tenant) (tenancy.Tenant, error) { return a, errPlacing },
			"another tenant":  func(tenancy.Tenant) (tenancy.Tenant, error) { return c.Tenants[1], nil },
			"no place at all": func(a tenancy.Tenant) (tenancy.Tenant, error) { return a, nil },
		} {
			f := c.open(t, func(config *driver.Config) { config.Place = place })
			want := tenancy.ErrInvalidPlacement
			if what == "an error" {
				want = errPlacing
			}
			for method, err := range f.everyCall(tenancy.NewContext(t.Context(), bare(c.Tenants[0])), f) {
				wantError(t, what+": "+method, err, want)
			}
			if n := f.home.calls.Load(); n != 0 {
				t.Errorf("%s: %d calls came to the home, want nothing sent", what, n)
			}
		}
	})
}

// bare is the tenant without anything that says where it is.
func bare(t tenancy.Tenant) tenancy.Tenant {
	t.Isolation, t.Placement = "", tenancy.Placement{}
	return t
}

// missing has statements of tenants without a place: they name the tenant, and
// come nowhere else.
func missing(t *testing.T, c Cell) {
	f := c.open(t)
	for _, absent := range c.Missing {
		ctx := tenancy.NewContext(t.Context(), absent)
		errs := f.everyCall(ctx, f)
		began, err := f.Tx(ctx)
		if err == nil {
			err = f.add(ctx, tx{began, t}.check().raw())
			_ = began.Rollback()
		}
		errs["Tx"] = err
		for method, err := range errs {
			wantError(t, method, err, tenancy.ErrNotProvisioned)
			if err != nil && !strings.Contains(err.Error(), absent.String()) {
				t.Errorf("%s: the error does not name %s: %v", method, absent, err)
			}
		}
	}
	if owners, err := f.sees(system(t), f); err != nil || len(owners) > 0 {
		t.Errorf("the home has rows of %q (%v), want none", owners, err)
	}
	f.wantIdle(t)
}

// invalid returns records that the driver cannot follow, and what is wrong with them.
func (f *fixture) invalid() map[string]tenancy.Tenant {
	at := func(isolation tenancy.Isolation) tenancy.Tenant {
		t := bare(f.Tenants[0])
		t.Isolation = isolation
		return t
	}
	found := map[string]tenancy.Tenant{
		"an isolation that is none": at("nowhere"),
		"a schema without name":     at(tenancy.IsolationSchema),
		"a database without URL":    at(tenancy.IsolationDatabase),
	}
	if !f.home.Switches(tenancy.IsolationRLS) {
		found["row-level security where the home has none"] = at(tenancy.IsolationRLS)
	}
	if !f.home.Switches(tenancy.IsolationSchema) && f.Dialect() != dialect.SQLite {
		t := at(tenancy.IsolationSchema)
		t.Placement.Schema = "drivertest"
		found["a schema where the home does not switch"] = t
	}
	return found
}

// placed has Config.Place complete the records.
func placed(t *testing.T, c Cell) {
	var calls atomic.Int64
	f := c.open(t, func(config *driver.Config) {
		config.Place = func(a tenancy.Tenant) (tenancy.Tenant, error) {
			calls.Add(1)
			for _, at := range c.Tenants {
				if at.ID == a.ID {
					a.Isolation, a.Placement = at.Isolation, at.Placement
					if a.Isolation == "" {
						a.Isolation = tenancy.IsolationShared
					}
				}
			}
			return a, nil
		}
	})
	for i, at := range c.Tenants {
		ctx := tenancy.NewContext(t.Context(), bare(at))
		for range i + 1 {
			if err := f.add(ctx, f); err != nil {
				t.Fatal(err)
			}
		}
		x := f.begin(ctx, t)
		if err := f.add(ctx, x.raw()); err != nil {
			t.Fatal(err)
		}
		if err := x.Commit(); err != nil {
			t.Fatal(err)
		}
	}
	asked := calls.Load()
	for i := range c.Tenants {
		f.wantOwn(c.as(t, i), t, f, i+2) // by the whole record
		if got, err := f.Place(bare(c.Tenants[i])); err != nil || got.Placement.Schema != c.Tenants[i].Placement.Schema {
			t.Errorf("Place: %v", err)
		}
	}
	if asked == 0 {
		t.Error("Config.Place was never asked")
	}
}
