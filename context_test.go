package tenancy_test

import (
	"context"
	"errors"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
)

func mustTenant(t *testing.T, ctx context.Context) tenancy.ID { //nolint:revive // reads as an assertion about ctx
	t.Helper()
	tenant, err := tenancy.FromContext(ctx)
	if err != nil {
		t.Fatalf("FromContext: %v", err)
	}
	return tenant.ID
}

func TestContextNestsAndRestores(t *testing.T) {
	t.Parallel()
	outer := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "outer"})
	inner := tenancy.NewContext(outer, tenancy.Tenant{ID: "inner"})
	system := tenancy.System(inner, "a test")
	back := tenancy.NewContext(system, tenancy.Tenant{ID: "back"})

	if id := mustTenant(t, inner); id != "inner" {
		t.Errorf("inner context acts for %q", id)
	}
	if id := mustTenant(t, outer); id != "outer" {
		t.Errorf("outer context acts for %q", id)
	}
	if id := mustTenant(t, back); id != "back" {
		t.Errorf("context within a System scope acts for %q", id)
	}
	if _, err := tenancy.FromContext(system); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("a System scope has a tenant: %v", err)
	}
	scope, err := tenancy.ScopeFromContext(system)
	if err != nil || !scope.System() || scope.Reason() != "a test" || scope.Arg() != nil {
		t.Errorf("System scope = %+v, %v", scope, err)
	}
}

func TestContextRefuses(t *testing.T) {
	t.Parallel()
	ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "outer"})
	for name, test := range map[string]struct {
		ctx  context.Context
		want error
	}{
		"nothing":              {t.Context(), tenancy.ErrNoTenant},
		"no id":                {tenancy.NewContext(ctx, tenancy.Tenant{Identifier: "acme"}), tenancy.ErrNoTenant},
		"bad id":               {tenancy.NewContext(ctx, tenancy.Tenant{ID: "a\x00"}), tenancy.ErrInvalidID},
		"suspended":            {tenancy.NewContext(ctx, tenancy.Tenant{ID: "a", Status: tenancy.StatusSuspended}), tenancy.ErrInactive},
		"deleted":              {tenancy.NewContext(ctx, tenancy.Tenant{ID: "a", Status: tenancy.StatusDeleted}), tenancy.ErrInactive},
		"in other letters":     {tenancy.NewContext(ctx, tenancy.Tenant{ID: "a", Status: "Suspended"}), tenancy.ErrInactive},
		"of an own Lookup":     {tenancy.NewContext(ctx, tenancy.Tenant{ID: "a", Status: "disabled"}), tenancy.ErrInactive},
		"System without words": {tenancy.System(ctx, ""), tenancy.ErrNoReason},
		"System with blanks":   {tenancy.System(ctx, " \t"), tenancy.ErrNoReason},
	} {
		if _, err := tenancy.FromContext(test.ctx); !errors.Is(err, test.want) {
			t.Errorf("%s: FromContext = %v, want %v", name, err, test.want)
		}
		if scope, err := tenancy.ScopeFromContext(test.ctx); !errors.Is(err, test.want) || scope != nil {
			t.Errorf("%s: ScopeFromContext = %v, %v, want %v", name, scope, err, test.want)
		}
	}
	for _, status := range []tenancy.Status{"", tenancy.StatusActive, tenancy.StatusProvisioning} {
		mustTenant(t, tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a", Status: status}))
	}
}

func TestContextIsACopy(t *testing.T) {
	t.Parallel()
	tenant := tenancy.Tenant{ID: "a"}
	ctx := tenancy.NewContext(t.Context(), tenant)
	tenant.ID = "b"
	got, _ := tenancy.FromContext(ctx)
	got.ID = "c"
	if id := mustTenant(t, ctx); id != "a" {
		t.Errorf("the context's tenant became %q", id)
	}
}

func TestContextsAreApart(t *testing.T) {
	t.Parallel()
	base := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "base"})
	var wg sync.WaitGroup
	for _, id := range []tenancy.ID{"a", "b", "c", "d"} {
		wg.Go(func() {
			ctx := tenancy.NewContext(base, tenancy.Tenant{ID: id})
			for range 1000 {
				if tenant, err := tenancy.FromContext(ctx); err != nil || tenant.ID != id {
					t.Errorf("context of %q acts for %q, %v", id, tenant.ID, err)
					return
				}
			}
		})
	}
	wg.Wait()
}
