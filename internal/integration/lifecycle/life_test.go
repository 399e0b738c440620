package lifecycle_test

import (
	"errors"
	"slices"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/manager"
)

// TestALife takes a tenant through all of it, beside another that nothing becomes of.
func TestALife(t *testing.T) {
	in(t, everywhere(), func(t *testing.T, w *world) {
		ctx, l := t.Context(), w.lifecycle(func(c *manager.LifecycleConfig) {
			if w.dialect == dialect.Postgres {
				c.Verify = manager.VerifyPostgres(w.app, metadata(), postgres.Config{})
			}
		})
		beside, acme := w.provision(l, newTenant("beside")), w.provision(l, newTenant("acme"))
		for _, tenant := range []tenancy.Tenant{beside, acme} {
			if got := w.rows(tenant); got != full {
				t.Errorf("%s has rows %s", tenant, got)
			}
			if _, ok := tenant.MetadataValue(manager.ProvisioningKey); ok {
				t.Errorf("%s says that it is being provisioned", tenant)
			}
		}
		for _, step := range []struct {
			do   func() (tenancy.Tenant, error)
			want tenancy.Status
			err  error
		}{
			{func() (tenancy.Tenant, error) { return l.Activate(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Resume(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Restore(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Suspend(ctx, acme.ID) }, tenancy.StatusSuspended, nil},
			{func() (tenancy.Tenant, error) { return l.Suspend(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Activate(ctx, acme.ID) }, tenancy.StatusActive, nil},
			{func() (tenancy.Tenant, error) { return l.Delete(ctx, acme.ID) }, tenancy.StatusDeleted, nil},
			{func() (tenancy.Tenant, error) { return l.Delete(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Activate(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Suspend(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Resume(ctx, acme.ID) }, "", tenancy.ErrInvalidTransition},
			{func() (tenancy.Tenant, error) { return l.Restore(ctx, acme.ID) }, tenancy.StatusSuspended, nil},
			{func() (tenancy.Tenant, error) { return l.Activate(ctx, acme.ID) }, tenancy.StatusActive, nil},
			{func() (tenancy.Tenant, error) { return l.Suspend(ctx, "nobody") }, "", tenancy.ErrNotFound},
			{func() (tenancy.Tenant, error) { return l.Resume(ctx, "nobody") }, "", tenancy.ErrNotFound},
			{func() (tenancy.Tenant, error) { return l.Delete(ctx, "") }, "", tenancy.ErrInvalidID},
		} {
			got, err := step.do()
			if !errors.Is(err, step.err) || err == nil && got.Status != step.want {
				t.Fatalf("got %s and %v, want %s and %v", got.Status, err, step.want, step.err)
			}
		}
		if got := w.rows(acme); got != full {
			t.Errorf("afterwards it has rows %s", got)
		}
		w.eraseOne(l, acme)
		if _, err := l.Erase(ctx, acme.ID); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("erasing it again: %v", err)
		}
		if got := w.rows(beside); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
		// Its name is free, and whoever gets it finds nothing.
		again := w.provision(l, newTenant("acme"))
		if got := w.rows(again); got != full || again.ID == acme.ID {
			t.Errorf("who comes after it has rows %s", got)
		}
	})
}

// eraseOne erases a tenant that has what fill has written, and looks at the receipt.
func (w *world) eraseOne(l *manager.Lifecycle, tenant tenancy.Tenant) {
	w.t.Helper()
	receipt, err := l.Erase(w.t.Context(), tenant.ID)
	if err != nil {
		w.t.Fatal(err)
	}
	if receipt.TenantID != tenant.ID || receipt.Identifier != tenant.Identifier || receipt.ErasedAt.IsZero() || !receipt.Intact() {
		w.t.Errorf("got %+v", receipt)
	}
	if w.keeper != nil {
		if !receipt.Dropped || receipt.Namespace == "" || len(receipt.Rows) > 0 || w.there(receipt.Namespace) {
			w.t.Errorf("got %+v", receipt)
		}
		return
	}
	want := []manager.ErasedRows{{Table: "lines", Rows: 1}, {Table: "orders", Rows: 2}, {Table: "customers", Rows: 3}}
	if !slices.Equal(receipt.Rows, want) || w.rows(tenant) != "0 0 0" {
		w.t.Errorf("got %+v, and left %s", receipt, w.rows(tenant))
	}
}
