package tenancy_test

import (
	"context"
	"slices"
	"testing"

	"github.com/entenancy/tenancy"
)

// noting is an Observer that writes down what it is told, and by which name.
type noting struct {
	name string
	told *[]string
}

type notedBy string

func (n noting) note(what string) { *n.told = append(*n.told, n.name+" "+what) }

func (n noting) StatementStart(ctx context.Context, _ tenancy.StatementStart) context.Context {
	n.note("statement")
	return context.WithValue(ctx, notedBy(n.name), true)
}

func (n noting) StatementEnd(ctx context.Context, _ tenancy.StatementEnd) {
	n.note("statement end")
	if ctx.Value(notedBy("a")) == nil || ctx.Value(notedBy("b")) == nil {
		n.note("misses a start's context")
	}
}

func (n noting) RequestStart(ctx context.Context) context.Context {
	n.note("request")
	return context.WithValue(ctx, notedBy(n.name), true)
}

func (n noting) RequestEnd(context.Context, tenancy.RequestEnd)        { n.note("request end") }
func (n noting) SystemScope(context.Context, *tenancy.Scope)           { n.note("system") }
func (n noting) Lifecycle(_ context.Context, e tenancy.LifecycleEvent) { n.note(e.Action) }

func TestObserversTellAllAndEndInReverse(t *testing.T) {
	t.Parallel()
	var told []string
	o := tenancy.Observers(noting{"a", &told}, nil, noting{"b", &told})

	ctx := o.StatementStart(t.Context(), tenancy.StatementStart{})
	o.StatementEnd(ctx, tenancy.StatementEnd{})
	o.RequestEnd(o.RequestStart(ctx), tenancy.RequestEnd{})
	o.SystemScope(ctx, nil)
	o.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "suspend"})

	want := []string{
		"a statement", "b statement", "b statement end", "a statement end",
		"a request", "b request", "b request end", "a request end",
		"a system", "b system", "a suspend", "b suspend",
	}
	if !slices.Equal(told, want) {
		t.Errorf("got %q\nwant %q", told, want)
	}
	if _, nop := tenancy.Observers(nil).(tenancy.NopObserver); !nop {
		t.Error("Observers of none is not a NopObserver")
	}
}

func TestAScopeIsMarkedUsedOnce(t *testing.T) {
	t.Parallel()
	ctx := tenancy.System(t.Context(), "a test")
	derived, cancel := context.WithCancel(ctx)
	defer cancel()
	var uses []bool
	for _, ctx := range []context.Context{ctx, derived, tenancy.System(ctx, "another")} {
		scope, err := tenancy.ScopeFromContext(ctx)
		if err != nil {
			t.Fatal(err)
		}
		uses = append(uses, scope.MarkUsed())
	}
	if want := []bool{true, false, true}; !slices.Equal(uses, want) {
		t.Errorf("got %v, want %v", uses, want)
	}
}

func TestDetachKeepsTheTenantAndDropsTheEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "a", Status: tenancy.StatusActive}))
	detached := tenancy.Detach(ctx)
	cancel()
	if err := detached.Err(); err != nil {
		t.Errorf("the detached context is over: %v", err)
	}
	if tenant, err := tenancy.FromContext(detached); err != nil || tenant.ID != "a" {
		t.Errorf("got %v, %v", tenant, err)
	}
	if _, err := tenancy.FromContext(tenancy.Detach(t.Context())); err == nil {
		t.Error("Detach of a context without a tenant has one")
	}
}
