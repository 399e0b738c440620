package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/registry"
)

// atOnce calls do from several goroutines, and returns their errors.
func atOnce(n int, do func(i int) error) []error {
	errs := make([]error, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { errs[i] = do(i) })
	}
	wg.Wait()
	return errs
}

// TestOneOfManyGetsTheIdentifier: and there is one namespace then.
func TestOneOfManyGetsTheIdentifier(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		won := 0
		for _, err := range atOnce(6, func(int) error {
			_, err := w.lifecycle().Provision(t.Context(), newTenant("acme"))
			return err
		}) {
			if err == nil {
				won++
			} else if !errors.Is(err, tenancy.ErrExists) {
				t.Error(err)
			}
		}
		if made := w.namespaces(w.prefix); won != 1 || len(made) != 1 {
			t.Errorf("%d got it, and there is %q", won, made)
		}
	})
}

// TestManyResumeOne: each waits for the other, and all of them but one come too late.
func TestManyResumeOne(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		broken := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Verify = func(context.Context, tenancy.Tenant) error { return errors.New("mine") }
		})
		tenant, err := broken.Provision(t.Context(), newTenant("acme"))
		if err == nil {
			t.Fatal("it is not broken")
		}
		hooks, won, l := 0, 0, w.lifecycle()
		var mu sync.Mutex
		errs := atOnce(4, func(int) error {
			if w.dialect != dialect.SQLite { // processes of their own
				l := w.lifecycle(func(c *manager.LifecycleConfig) {
					c.Hooks = map[manager.Action]manager.Hook{manager.ActionProvision: {After: func(context.Context, tenancy.Tenant) error {
						mu.Lock()
						defer mu.Unlock()
						hooks++
						return nil
					}}}
				})
				_, err := l.Resume(t.Context(), tenant.ID)
				return err
			}
			_, err := l.Resume(t.Context(), tenant.ID)
			return err
		})
		for _, err := range errs {
			if err == nil {
				won++
			} else if !errors.Is(err, tenancy.ErrInvalidTransition) {
				t.Error(err)
			}
		}
		if won != 1 || w.dialect != dialect.SQLite && hooks != 1 {
			t.Errorf("%d have finished it, and the hook was called %d times", won, hooks)
		}
	})
}

// TestKeepersMakeOneNamespaceTogether, without any lock around them.
func TestKeepersMakeOneNamespaceTogether(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		tenant := tenancy.Tenant{ID: "a_B", Isolation: w.isolation}
		var err error
		if tenant.Placement, err = w.keeper.Plan(tenant); err != nil {
			t.Fatal(err)
		}
		workers := 4
		if w.dialect == dialect.SQLite {
			workers = 1 // files are for one process and one at a time
		}
		made := 0
		var mu sync.Mutex
		for _, err := range atOnce(workers, func(int) error {
			m, err := w.keeper.Make(t.Context(), tenant, "")
			mu.Lock()
			defer mu.Unlock()
			if m.New && err == nil {
				made++
			}
			return err
		}) {
			if err != nil {
				t.Error(err)
			}
		}
		if err := w.keeper.Verify(t.Context(), tenant); err != nil || made != 1 {
			t.Errorf("made %d times: %v", made, err)
		}
		for _, err := range atOnce(workers, func(int) error { _, err := w.keeper.Drop(t.Context(), tenant); return err }) {
			if err != nil {
				t.Error(err)
			}
		}
		if left := append(w.namespaces(w.prefix), w.namespaces("tenancy_new_")...); len(left) > 0 && w.dialect != dialect.MySQL {
			t.Errorf("left over is %q", left)
		}
	})
}

// TestSparesUnderManySignUps: each gets a namespace of its own, from the spares as
// long as there are any, with all its tables.
func TestSparesUnderManySignUps(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		spares, tenants := 8, 16
		switch {
		case w.dialect == dialect.SQLite:
			spares = 1
		case w.isolation == tenancy.IsolationDatabase:
			spares, tenants = 3, 5
		}
		w.db.SetMaxOpenConns(12) // more would be for the server to refuse
		l := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Spares.Count = map[tenancy.Isolation]int{w.isolation: spares}
			c.Lock = namespace.NewLocker() // which does not take the connections
		})
		if err := l.FillSpares(t.Context()); err != nil {
			t.Fatal(err)
		}
		if ready := w.ready(l); ready != spares {
			t.Fatalf("%d are ready", ready)
		}
		made := make([]tenancy.Tenant, tenants)
		for _, err := range atOnce(tenants, func(i int) (err error) {
			made[i], err = l.Provision(t.Context(), newTenant(fmt.Sprintf("tenant-%d", i)))
			return err
		}) {
			if err != nil {
				t.Fatal(err)
			}
		}
		names := map[string]bool{}
		for _, tenant := range made {
			w.fill(tenant)
			names[w.keeper.Name(tenant)] = true
		}
		for _, tenant := range made {
			if got := w.rows(tenant); got != full {
				t.Errorf("%s has rows %s", tenant, got)
			}
			if err := w.keeper.Verify(t.Context(), tenant); err != nil {
				t.Error(err)
			}
		}
		left := w.ready(l)
		if len(names) != tenants || w.dialect != dialect.SQLite && left != 0 {
			t.Errorf("%d tenants have %d namespaces, and %d spares are left", tenants, len(names), left)
		}
		if err := l.FillSpares(t.Context()); err != nil || w.ready(l) != spares {
			t.Errorf("filled again, %d are ready: %v", w.ready(l), err)
		}
		w.eraseOne(l, made[0])
		if got := w.rows(made[1]); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
	})
}

// ready counts the spares that are ready for the lifecycle's migrations.
func (w *world) ready(*manager.Lifecycle) int {
	w.t.Helper()
	all, err := w.keeper.(namespace.Spares).List(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	n := 0
	for _, spare := range all {
		if spare.Version != "" {
			n++
		}
	}
	return n
}

// TestSparesMoveOnWithTheMigrations: a stale one is nobody's, and is brought up to date.
func TestSparesMoveOnWithTheMigrations(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		count := func(c *manager.LifecycleConfig) { c.Spares.Count = map[tenancy.Isolation]int{w.isolation: 2} }
		if err := w.lifecycle(count).FillSpares(t.Context()); err != nil {
			t.Fatal(err)
		}
		newer := w.runner(w.db, directory(t, w.dialect, "ALTER TABLE customers ADD COLUMN email varchar(100) NULL;\n"))
		l := w.lifecycle(count, func(c *manager.LifecycleConfig) { c.Migrations = newer })
		first := w.provision(l, newTenant("first")) // not from the stale ones
		if n := w.ready(l); n != 2 {
			t.Errorf("%d stale ones are left", n)
		}
		if err := l.FillSpares(t.Context()); err != nil {
			t.Fatal(err)
		}
		second := w.provision(l, newTenant("second"))
		for _, tenant := range []tenancy.Tenant{first, second} {
			if result, err := newer.ApplyTo(t.Context(), tenant); err != nil || result.From != "20260102000000" {
				t.Errorf("%s is at %q: %v", tenant, result.From, err)
			}
		}
		if n := w.ready(l); w.dialect != dialect.SQLite && n != 1 {
			t.Errorf("%d are left", n)
		}
		none := w.lifecycle(func(c *manager.LifecycleConfig) { c.Spares.Count = map[tenancy.Isolation]int{w.isolation: 0} })
		if err := none.FillSpares(t.Context()); err != nil || len(w.namespaces("tenancy_warm_"+w.prefix)) > 1 {
			t.Errorf("drained, %q are left: %v", w.namespaces("tenancy_warm_"+w.prefix), err)
		}
	})
}

// TestKeepSparesFillsUpBehindSignUps in its own time, and ends with its context.
func TestKeepSparesFillsUpBehindSignUps(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		l := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Spares = manager.SparesConfig{Count: map[tenancy.Isolation]int{w.isolation: 1}, Interval: time.Hour}
		})
		done := make(chan struct{})
		go func() { defer close(done); l.KeepSpares(ctx) }()
		for i := range 2 {
			for w.ready(l) == 0 {
				time.Sleep(10 * time.Millisecond)
			}
			w.provision(l, newTenant(fmt.Sprintf("tenant-%d", i)))
		}
		stop()
		<-done
	})
}

// TestAnErasureThatDiedElsewhereIsGoneOnWith by a process that has known the tenant
// from before, and that nobody tells of anything: the tenant comes back in no way, and
// the receipt says what there was.
func TestAnErasureThatDiedElsewhereIsGoneOnWith(t *testing.T) {
	in(t, []cell{
		{dialect.Postgres, tenancy.IsolationSchema},
		{dialect.Postgres, tenancy.IsolationRLS},
		{dialect.MySQL, tenancy.IsolationSchema},
		{dialect.MySQL, tenancy.IsolationShared},
		{dialect.SQLite, tenancy.IsolationDatabase},
	}, func(t *testing.T, w *world) {
		ctx, tenant := t.Context(), w.provision(w.lifecycle(), newTenant("acme"))
		cached, err := registry.NewCache(w.config.Store, registry.CacheConfig{TTL: time.Hour})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(cached.Close)
		other := w.lifecycle(func(c *manager.LifecycleConfig) { c.Store = cached })
		if _, err := other.Delete(ctx, tenant.ID); err != nil {
			t.Fatal(err)
		}
		if was, err := cached.ByID(ctx, tenant.ID); err != nil || was.Status != tenancy.StatusDeleted {
			t.Fatal(was.Status, err)
		}
		if _, err := w.lifecycle(func(c *manager.LifecycleConfig) { c.Store = dying{c.Store} }).Erase(ctx, tenant.ID); !errors.Is(err, errDied) {
			t.Fatalf("it has not died: %v", err)
		}
		refused := func(what string, do func(context.Context, tenancy.ID) (tenancy.Tenant, error)) {
			t.Helper()
			if got, err := do(ctx, tenant.ID); !errors.Is(err, tenancy.ErrInvalidTransition) || !strings.Contains(err.Error(), "is being erased") {
				t.Errorf("%s: it is %s, %v", what, got.Status, err)
			}
		}
		refused("restoring", other.Restore)
		if _, err := w.config.Store.SetStatus(ctx, tenant.ID, tenancy.StatusSuspended); err != nil { // past the lifecycle
			t.Fatal(err)
		}
		refused("activating", other.Activate)
		if _, err := w.config.Store.MergeMetadata(ctx, tenant.ID, map[string]any{manager.ProvisioningKey: "begun"}); err != nil {
			t.Fatal(err)
		}
		refused("resuming", other.Resume)
		w.eraseOne(other, tenant)
	})
}

// TestAnErasureOfWhatIsNotWhole: a schema that a role cannot use is dropped all the same,
// and its tenant is not served any more, whatever the drop is followed by.
func TestAnErasureOfWhatIsNotWhole(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		ctx, tenant := t.Context(), w.provision(w.lifecycle(), newTenant("acme"))
		w.exec("REVOKE USAGE ON SCHEMA " + quoted(w.dialect, w.keeper.Name(tenant)) + " FROM " + w.roles[0])
		if w.keeper.Verify(ctx, tenant) == nil {
			t.Fatal("it is whole")
		}
		dies := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Forget = append(c.Forget, func(context.Context, tenancy.ID) error { return errDied })
		})
		if _, err := dies.Erase(ctx, tenant.ID); !errors.Is(err, errDied) || w.there(w.keeper.Name(tenant)) {
			t.Fatalf("it has not died behind the drop: %v", err)
		}
		if got, err := w.lifecycle().Restore(ctx, tenant.ID); !errors.Is(err, tenancy.ErrInvalidTransition) {
			t.Errorf("it is %s, %v", got.Status, err)
		}
		receipt, err := w.lifecycle().Erase(ctx, tenant.ID)
		if err != nil || !receipt.Dropped {
			t.Errorf("the receipt says dropped %t: %v", receipt.Dropped, err)
		}
	})
}

var errDied = errors.New("died")

// dying is the registry of a process that dies before the last step of an erasure.
type dying struct{ registry.Store }

func (dying) Erase(context.Context, tenancy.ID) error { return errDied }
