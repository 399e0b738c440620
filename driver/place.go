package driver

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// place is whose statement it is and where it goes.
type place struct {
	scope  *tenancy.Scope // of the context that the statement goes with
	system bool
	tenant tenancy.Tenant // with its placement; zero in a System scope
	own    bool           // in a database of the tenant's own, and not in the home
	asked  string         // the statement as the client sent it; none for the beginning of a transaction
}

// same reports whether a transaction of p may run a statement of o.
func (p *place) same(o *place) bool {
	return p.system == o.system && p.tenant.ID == o.tenant.ID
}

// samePlace reports whether two records of a tenant say that its rows are in the same
// place. It does not compare URLs by Secret.Equal, which allocates: neither is chosen by
// someone who could learn from the time that it takes.
func samePlace(a, b *tenancy.Tenant) bool {
	return a.Isolation == b.Isolation && a.Placement.Schema == b.Placement.Schema &&
		a.Placement.DatabaseURL.Reveal() == b.Placement.DatabaseURL.Reveal()
}

// placeIn reads the scope of ctx and sets p, which is zero, to its place. The
// context that it returns has the tenant with its placement, for the home to read.
func (d *Driver) placeIn(ctx context.Context, p *place) (context.Context, error) {
	scope, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		return ctx, fmt.Errorf("driver: nothing was sent: %w", err)
	}
	p.scope = scope
	if scope.System() {
		p.system = true
		d.tellSystem(ctx, scope)
		return ctx, nil
	}
	p.tenant = scope.Tenant()
	if !placed(p.tenant) && (d.config.Place != nil || p.tenant.Isolation != "") {
		if p.tenant, err = d.Place(p.tenant); err != nil {
			return ctx, err
		}
		ctx = tenancy.NewContext(ctx, p.tenant)
		if p.scope, err = tenancy.ScopeFromContext(ctx); err != nil {
			return ctx, fmt.Errorf("driver: Config.Place: %w", err)
		}
	}
	if p.own, err = d.owns(p.tenant); err == nil {
		err = d.ready.admit(ctx, p)
	}
	return ctx, err
}

// isolation is that of the place, empty in a System scope.
func (p *place) isolation() tenancy.Isolation {
	if p.tenant.Isolation == "" && !p.system {
		return tenancy.IsolationShared
	}
	return p.tenant.Isolation
}

// placed reports whether the tenant's record says where its rows are.
func placed(t tenancy.Tenant) bool {
	switch t.Isolation {
	case tenancy.IsolationShared, tenancy.IsolationRLS:
		return true
	case tenancy.IsolationSchema:
		return t.Placement.Schema != ""
	case tenancy.IsolationDatabase:
		return t.Placement.DatabaseURL.Reveal() != ""
	default:
		return false
	}
}

// Place is the package's Place with [Config].Place.
func (d *Driver) Place(t tenancy.Tenant) (tenancy.Tenant, error) { return Place(t, d.config.Place) }

// Place returns the tenant with its isolation and placement, as place completes
// them where its record does not have them; place is as [Config].Place and may
// be nil. It is the one rule of where a tenant is, for the driver and for
// migrations. It fails with tenancy.ErrInvalidPlacement, or with the error of place.
func Place(t tenancy.Tenant, place func(tenancy.Tenant) (tenancy.Tenant, error)) (tenancy.Tenant, error) {
	if placed(t) {
		return t, nil
	}
	if place == nil {
		if t.Isolation == "" {
			t.Isolation = tenancy.IsolationShared
			return t, nil
		}
		return t, fmt.Errorf("driver: %w: %s: its isolation is %q and its placement is empty; provision it with a manager.Lifecycle, put the placement into its record, or set Config.Place", tenancy.ErrInvalidPlacement, t, t.Isolation)
	}
	at, err := place(t)
	switch {
	case err != nil:
		return t, fmt.Errorf("driver: placing %s: %w", t, err)
	case at.ID != t.ID:
		return t, fmt.Errorf("driver: %w: Config.Place returned another tenant than %s", tenancy.ErrInvalidPlacement, t)
	case !placed(at):
		return t, fmt.Errorf("driver: %w: %s: its isolation is %q, its record's placement is empty, and Config.Place (a Manager's App.Place) does not say where it is; put the placement into its record", tenancy.ErrInvalidPlacement, t, at.Isolation)
	}
	return at, nil
}

// owns reports whether the tenant has a database of its own, and fails where
// there is no way to its isolation.
func (d *Driver) owns(t tenancy.Tenant) (bool, error) {
	switch t.Isolation {
	case "", tenancy.IsolationShared:
		return false, nil
	case tenancy.IsolationDatabase:
		return true, d.opens(t)
	case tenancy.IsolationSchema:
		if d.dialect == dialect.SQLite {
			return true, d.opens(t)
		}
		if d.schema {
			return false, nil
		}
	case tenancy.IsolationRLS:
		if d.rls {
			return false, nil
		}
	}
	return false, fmt.Errorf("driver: %w: %s: the home does not switch to tenants with isolation %q", tenancy.ErrInvalidPlacement, t, t.Isolation)
}

func (d *Driver) opens(t tenancy.Tenant) error {
	if d.pools == nil {
		return fmt.Errorf("driver: %w: %s has a database of its own, and Config.Databases is empty", tenancy.ErrInvalidPlacement, t)
	}
	return nil
}
