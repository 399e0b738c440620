package manager_test

import (
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/schema"
)

// told writes down what an observer and hooks are told.
type told struct {
	mu  sync.Mutex
	all []string
}

func (o *told) note(what string) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.all = append(o.all, what)
}

func (o *told) Lifecycle(_ context.Context, e tenancy.LifecycleEvent) {
	outcome := "done"
	if e.Err != nil {
		outcome = "failed"
	}
	o.note(e.Action + " " + outcome + " " + string(e.Tenant.Status))
}

// hooks notes each call, and for whom its context acts.
func (o *told) hooks() map[manager.Action]manager.Hook {
	all := map[manager.Action]manager.Hook{}
	for _, action := range []manager.Action{
		manager.ActionProvision, manager.ActionSuspend, manager.ActionActivate, manager.ActionDelete, manager.ActionRestore, manager.ActionErase,
	} {
		hook := func(when string) func(context.Context, tenancy.Tenant) error {
			return func(ctx context.Context, t tenancy.Tenant) error {
				acting, err := tenancy.FromContext(ctx)
				if err == nil && acting.ID != t.ID {
					err = errors.New("it acts for another")
				}
				o.note(when + " " + string(action) + " " + string(t.Status))
				return err
			}
		}
		all[action] = manager.Hook{Before: hook("before"), After: hook("after")}
	}
	return all
}

func newLifecycle(t *testing.T, configure func(*manager.LifecycleConfig)) (*manager.Lifecycle, registry.Store) {
	t.Helper()
	config := manager.LifecycleConfig{Store: registry.NewMemoryStore(registry.MemoryConfig{})}
	configure(&config)
	l, err := manager.NewLifecycle(config)
	if err != nil {
		t.Fatal(err)
	}
	return l, config.Store
}

func TestHooksActForTheTenantAndTheObserverIsTold(t *testing.T) {
	t.Parallel()
	var o told
	l, _ := newLifecycle(t, func(c *manager.LifecycleConfig) { c.Hooks, c.Observer = o.hooks(), &o })
	acme, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	for _, call := range []func(context.Context, tenancy.ID) (tenancy.Tenant, error){l.Suspend, l.Activate, l.Delete, l.Restore} {
		if _, err := call(t.Context(), acme.ID); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := l.Erase(t.Context(), acme.ID); err == nil {
		t.Error("it erases rows of tables that nobody has named")
	}
	want := []string{
		"before provision ", "after provision provisioning", "provision done active",
		"before suspend active", "after suspend suspended", "suspend done suspended",
		"before activate suspended", "after activate active", "activate done active",
		"before delete active", "after delete deleted", "delete done deleted",
		"before restore deleted", "after restore suspended", "restore done suspended",
		"erase failed suspended",
	}
	if !slices.Equal(o.all, want) {
		t.Errorf("got  %q\nwant %q", o.all, want)
	}
}

func TestAHookRefuses(t *testing.T) {
	t.Parallel()
	errMine := errors.New("mine")
	refuse := manager.Hook{Before: func(context.Context, tenancy.Tenant) error { return errMine }}
	l, store := newLifecycle(t, func(c *manager.LifecycleConfig) {
		c.Hooks = map[manager.Action]manager.Hook{manager.ActionProvision: refuse, manager.ActionDelete: refuse}
	})
	if _, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); !errors.Is(err, errMine) {
		t.Errorf("got %v", err)
	}
	if _, err := store.ByIdentifier(t.Context(), "acme"); !errors.Is(err, tenancy.ErrNotFound) {
		t.Errorf("there is a record: %v", err)
	}
	kept, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Delete(t.Context(), kept.ID); !errors.Is(err, errMine) {
		t.Errorf("got %v", err)
	}
	if now, err := store.ByID(t.Context(), kept.ID); err != nil || now.Status != tenancy.StatusActive {
		t.Errorf("it is %s: %v", now.Status, err)
	}
}

// TestNobodySaysWhatIsThisPackagesToSay: whoever makes a tenant does not make one that
// is unfinished or half erased for ever.
func TestNobodySaysWhatIsThisPackagesToSay(t *testing.T) {
	t.Parallel()
	l, _ := newLifecycle(t, func(*manager.LifecycleConfig) {})
	acme, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{
		manager.ProvisioningKey: "forged", "tenancy_erasing": true, "seats": 5,
	}})
	if err != nil {
		t.Fatal(err)
	}
	if got := acme.Metadata(); len(got) != 1 || got["seats"] == nil {
		t.Errorf("it has %v", got)
	}
	for _, call := range []func(context.Context, tenancy.ID) (tenancy.Tenant, error){l.Delete, l.Restore, l.Activate} {
		if _, err := call(t.Context(), acme.ID); err != nil {
			t.Error(err)
		}
	}
}

func TestIsolationIsAMatterOfPolicy(t *testing.T) {
	t.Parallel()
	l, _ := newLifecycle(t, func(c *manager.LifecycleConfig) {
		c.DefaultIsolation = tenancy.IsolationShared
		c.Isolation = func(n registry.NewTenant) (tenancy.Isolation, error) {
			switch n.Plan {
			case "gold":
				return tenancy.IsolationRLS, nil
			case "stolen":
				return "", errors.New("not this one")
			default:
				return "", nil
			}
		}
	})
	for plan, want := range map[string]tenancy.Isolation{"gold": tenancy.IsolationRLS, "": tenancy.IsolationShared} {
		got, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "acme-" + plan + "x", Name: "Acme", Plan: plan})
		if err != nil || got.Isolation != want {
			t.Errorf("plan %q: got %q, %v", plan, got.Isolation, err)
		}
	}
	if _, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "acme-s", Name: "Acme", Plan: "stolen"}); err == nil {
		t.Error("the policy's error is lost")
	}
}

func TestNewLifecycleNamesTheField(t *testing.T) {
	t.Parallel()
	store := registry.NewMemoryStore(registry.MemoryConfig{})
	for field, config := range map[string]manager.LifecycleConfig{
		"Store":            {},
		"DefaultIsolation": {Store: store, DefaultIsolation: "glass"},
		"Namespaces":       {Store: store, Namespaces: map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationRLS: nil}},
		"Hooks":            {Store: store, Hooks: map[manager.Action]manager.Hook{"resurrect": {}}},
		"Shared":           {Store: store, Shared: manager.SharedTables{Metadata: schema.Metadata{Tables: []schema.Table{{Name: "orders"}}}}},
		"Spares.Count":     {Store: store, Spares: manager.SparesConfig{Count: map[tenancy.Isolation]int{tenancy.IsolationSchema: 1}}},
		"Spares.Interval":  {Store: store, Spares: manager.SparesConfig{Interval: -time.Second}},
		"EraseWait":        {Store: store, EraseWait: -time.Second},
	} {
		if l, err := manager.NewLifecycle(config); l != nil || err == nil || !strings.Contains(err.Error(), "LifecycleConfig."+field) {
			t.Errorf("%s: got %v", field, err)
		}
	}
}

func TestReceiptIsIntactUntilItIsChanged(t *testing.T) {
	t.Parallel()
	receipt := manager.Receipt{TenantID: "a", Rows: []manager.ErasedRows{{Table: "orders", Rows: 3}}}
	text, err := json.Marshal(receipt)
	if err != nil {
		t.Fatal(err)
	}
	if receipt.Intact() || !strings.Contains(string(text), `"rows":[{"table":"orders","rows":3}]`) {
		t.Errorf("got %s", text)
	}
}

// emptyDatabase has no tables.
type emptyDatabase struct{ dialect.Driver }

func (emptyDatabase) Dialect() string { return dialect.SQLite }

func (emptyDatabase) Query(context.Context, string, any, any) error {
	return errors.New("no such table")
}

// TestIDsThatNoTenantColumnHolds: two of them would be one in the database, or none.
func TestIDsThatNoTenantColumnHolds(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		column schema.ColumnType
		id     tenancy.ID
		holds  string // what the error says that the column holds, empty for no error
	}{
		{schema.Int64, "7", ""},
		{schema.Int64, "-7", ""},
		{schema.Int64, "9223372036854775807", ""},
		{schema.Int64, "9223372036854775808", "a decimal integer"},
		{schema.Int64, "007", "a decimal integer"},
		{schema.Int64, "+7", "a decimal integer"},
		{schema.Int64, "-0", "a decimal integer"},
		{schema.Int64, "7.0", "a decimal integer"},
		{schema.Int64, "", "a decimal integer"}, // the UUID that it would get
		{schema.UUID, "", ""},
		{schema.UUID, "0190c6a2-7d3e-7000-8000-00000000abcd", ""},
		{schema.UUID, "0190C6A2-7D3E-7000-8000-00000000ABCD", "a UUID"},
		{schema.UUID, "0190c6a27d3e7000800000000000abcd", "a UUID"},
		{schema.UUID, "{0190c6a2-7d3e-7000-8000-00000000abcd}", "a UUID"},
		{schema.UUID, "acme", "a UUID"},
		{schema.String, "007", ""},
		{"", "007", ""},
	} {
		l, store := newLifecycle(t, func(c *manager.LifecycleConfig) {
			c.Shared = manager.SharedTables{Driver: emptyDatabase{}, Metadata: schema.Metadata{Tables: []schema.Table{
				{Name: "labels", TenantColumn: "tenant_id", ColumnType: schema.String},
				{Name: "orders", TenantColumn: "org_id", ColumnType: test.column},
			}}}
		})
		_, err := l.Provision(t.Context(), registry.NewTenant{ID: test.id, Identifier: "acme", Name: "Acme"})
		if test.holds == "" {
			if !errors.Is(err, tenancy.ErrNotProvisioned) { // it got as far as the tables
				t.Errorf("%s %q: %v", test.column, test.id, err)
			}
			continue
		}
		if !errors.Is(err, tenancy.ErrInvalidID) || !strings.Contains(err.Error(), test.holds) || !strings.Contains(err.Error(), `"org_id"`) {
			t.Errorf("%s %q: got %v", test.column, test.id, err)
		}
		if _, err := store.ByIdentifier(t.Context(), "acme"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("%s %q: there is a record: %v", test.column, test.id, err)
		}
	}
}

// TestAPanicIsNoSuccess: it goes on to the caller, and the observer hears of an error.
func TestAPanicIsNoSuccess(t *testing.T) {
	t.Parallel()
	panics := func(context.Context, tenancy.Tenant) error { panic("mine") }
	for name, hook := range map[string]manager.Hook{"before": {Before: panics}, "after": {After: panics}} {
		var o told
		l, store := newLifecycle(t, func(c *manager.LifecycleConfig) {
			c.Observer = &o
			c.Hooks = map[manager.Action]manager.Hook{manager.ActionProvision: hook, manager.ActionSuspend: hook}
		})
		acme, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive})
		if err != nil {
			t.Fatal(err)
		}
		for _, call := range []func() error{
			func() error { _, err := l.Suspend(t.Context(), acme.ID); return err },
			func() error {
				_, err := l.Provision(t.Context(), registry.NewTenant{Identifier: "other", Name: "Other"})
				return err
			},
		} {
			func() {
				defer func() {
					if got := recover(); got != "mine" {
						t.Errorf("%s: got the panic %v", name, got)
					}
				}()
				t.Errorf("%s: it returned %v", name, call())
			}()
		}
		if len(o.all) != 2 || !strings.HasPrefix(o.all[0], "suspend failed") || !strings.HasPrefix(o.all[1], "provision failed") {
			t.Errorf("%s: the observer was told %q", name, o.all)
		}
		if _, err := l.Delete(t.Context(), acme.ID); err != nil { // and the lock is free
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestAHookDoesNotWaitForItself: its own tenant is the one thing that it cannot act on,
// over another tenant neither.
func TestAHookDoesNotWaitForItself(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second)
	defer stop()
	var l *manager.Lifecycle
	var own, other []error
	hook := func(ctx context.Context, t tenancy.Tenant) error { //nolint:unparam // a hook, which may fail
		_, err := l.Delete(ctx, t.ID)
		own = append(own, err)
		return nil
	}
	l, store := newLifecycle(t, func(c *manager.LifecycleConfig) {
		c.Hooks = map[manager.Action]manager.Hook{
			manager.ActionProvision: {Before: hook, After: hook},
			manager.ActionSuspend: {Before: hook, After: func(ctx context.Context, _ tenancy.Tenant) error {
				_, err := l.Delete(ctx, "beside")
				other = append(other, err)
				return nil
			}},
			manager.ActionDelete: {Before: func(ctx context.Context, _ tenancy.Tenant) error {
				_, err := l.Activate(ctx, "acme")
				own = append(own, err)
				return nil
			}},
		}
	})
	if _, err := store.Create(ctx, registry.NewTenant{ID: "beside", Identifier: "beside", Name: "Beside", Status: tenancy.StatusActive}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Provision(ctx, registry.NewTenant{ID: "acme", Identifier: "acme", Name: "Acme"}); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Suspend(ctx, "acme"); err != nil {
		t.Fatal(err)
	}
	if len(own) != 4 || len(other) != 1 || other[0] != nil {
		t.Fatalf("on its own tenant %q, on another %v", own, other)
	}
	for i, err := range own {
		if err == nil || !strings.Contains(err.Error(), "when that has returned") {
			t.Errorf("call %d: got %v", i, err)
		}
	}
	if now, err := store.ByID(ctx, "acme"); err != nil || now.Status != tenancy.StatusSuspended {
		t.Errorf("it is %s: %v", now.Status, err)
	}
	if _, err := l.Activate(ctx, "acme"); err != nil { // when it has returned
		t.Error(err)
	}
}
