package driver

import (
	"context"
	"errors"
	"testing"

	"github.com/entenancy/tenancy"
)

func TestForgottenTenantGetsANewPool(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	old := fakeTenant(1)
	old.Version = 7
	must(t, ps.run(t.Context(), fakeTenant(2), nil))
	g, ended := ps.start(t, old)
	ps.forget(old.ID)
	ps.forget(old.ID)
	ps.forget("nobody")

	again := old // under the id of the one before, with a record of its own
	again.Version = 1
	must(t, ps.run(t.Context(), again, nil))
	if o.count() != 3 {
		t.Errorf("Open was called %d times, want 3: once for each tenant, and again for the one that came again", o.count())
	}
	if open, _, _, _ := o.server.state(); open != 3 {
		t.Errorf("%d connections are open, want those of both tenants and that of the old statement", open)
	}
	close(g.end)
	if err := receive(t, ended); err != nil {
		t.Errorf("the statement that was under way ended with %v", err)
	}
	until(t, "the old connection is closed", func() bool { open, _, _, _ := o.server.state(); return open == 2 })
	if s := ps.stats(); s.Pools != 2 || s.Replaced != 1 {
		t.Errorf("the statistics are %+v, want 2 pools, and 1 replaced", s)
	}
}

// TestForgetWhileOpening has a tenant forgotten whose pool is only being opened.
func TestForgetWhileOpening(t *testing.T) {
	t.Parallel()
	ps, o := newFake(t, Databases{})
	come := make(chan struct{})
	o.open = func(_ context.Context, call int, _ tenancy.Tenant) error {
		if call == 1 {
			<-come
		}
		return nil
	}
	ended := make(chan error, 1)
	go func() { ended <- ps.run(t.Context(), fakeTenant(1), nil) }()
	until(t, "it is asked for", func() bool { return o.count() == 1 })
	ps.forget(fakeTenant(1).ID)
	close(come)
	must(t, receive(t, ended))
	if o.count() != 2 {
		t.Errorf("Open was called %d times, want 2: what was opened for the tenant before is not used", o.count())
	}
	until(t, "the first pool is closed", func() bool { return ps.server(t).Pools == 1 })
}

func TestForgetAfterClose(t *testing.T) {
	t.Parallel()
	ps, _ := newFake(t, Databases{})
	must(t, ps.run(t.Context(), fakeTenant(1), nil))
	must(t, ps.close())
	ps.forget(fakeTenant(1).ID)
	if err := ps.run(t.Context(), fakeTenant(1), nil); !errors.Is(err, errClosed) {
		t.Errorf("a statement after close got %v", err)
	}
}
