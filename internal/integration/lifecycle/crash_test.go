package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// overNetwork are the cells whose messages can be cut.
func overNetwork() []cell {
	return []cell{
		{dialect.Postgres, tenancy.IsolationSchema},
		{dialect.Postgres, tenancy.IsolationDatabase},
		{dialect.MySQL, tenancy.IsolationSchema},
		{dialect.MySQL, tenancy.IsolationDatabase},
	}
}

// deaths calls try with a process that dies at one message after the other, before
// and after it is sent, until it lives to the end. Without TENANCY_TEST_SLOW a part
// of them is tried, another one each time.
func (w *world) deaths(try func(name string, config manager.LifecycleConfig) error) {
	w.t.Helper()
	step := 1
	if os.Getenv("TENANCY_TEST_SLOW") == "" {
		step = 7
		if w.isolation == tenancy.IsolationDatabase && w.dialect == dialect.Postgres {
			step = 17 // making a database takes its time
		}
	}
	for at := 1 + os.Getpid()%step; ; at += step {
		alive := false
		for _, after := range []bool{false, true} {
			f := &fuse{after: after}
			f.left.Store(never)
			db := w.fusedDB(f)
			if err := db.PingContext(w.t.Context()); err != nil {
				w.t.Fatal(err)
			}
			f.left.Store(int64(at))
			err := try(fmt.Sprintf("n%d-%t", at, after), w.wire(db))
			db.Close()
			if err == nil && !f.blown.Load() {
				alive = true
				break
			}
		}
		if alive {
			if at < 6 {
				w.t.Fatalf("it sends %d messages only: the fuse does not work", at)
			}
			return
		}
	}
}

// TestProvisioningIsResumedWhereverItDied cuts a process off at each of its
// messages to the server. What another process finds it can finish, beside a tenant
// that nothing becomes of, and nothing is left over.
func TestProvisioningIsResumedWhereverItDied(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		l := w.lifecycle()
		beside := w.provision(l, newTenant("beside"))
		tenants := 1
		w.deaths(func(name string, config manager.LifecycleConfig) error {
			dying := w.lifecycle(func(c *manager.LifecycleConfig) { *c = config })
			_, err := dying.Provision(t.Context(), newTenant(name))
			found, find := w.config.Store.ByIdentifier(t.Context(), name)
			if errors.Is(find, tenancy.ErrNotFound) {
				return errors.Join(err, find) // it died before it was begun
			}
			if find != nil {
				t.Fatal(find)
			}
			tenants++
			if found.Status != tenancy.StatusActive { // it died before the end
				if found.Status != tenancy.StatusProvisioning {
					t.Fatalf("%s: its status is %s", name, found.Status)
				}
				found, find = l.Resume(t.Context(), found.ID)
				if errors.Is(find, tenancy.ErrInvalidTransition) { // the server was still at its last message
					find = nil
				}
				if find != nil || found.Status != tenancy.StatusActive {
					t.Fatalf("%s: after %v: resuming: %s, %v", name, err, found.Status, find)
				}
			}
			w.fill(found)
			if got := w.rows(found); got != full {
				t.Errorf("%s has rows %s", name, got)
			}
			return err
		})
		if got := w.rows(beside); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
		if left, made := w.namespaces("tenancy_new_"), w.namespaces(w.prefix); w.dialect == dialect.Postgres && len(left) > 0 || len(made) != tenants {
			t.Errorf("there are %d tenants with %q, and left over is %q", tenants, made, left)
		}
	})
}

// TestProvisioningIsGivenUpWhereverItDied: who does not want to finish it erases it.
func TestProvisioningIsGivenUpWhereverItDied(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		l := w.lifecycle()
		beside := w.provision(l, newTenant("beside"))
		w.deaths(func(name string, config manager.LifecycleConfig) error {
			_, err := w.lifecycle(func(c *manager.LifecycleConfig) { *c = config }).Provision(t.Context(), newTenant(name))
			found, find := w.config.Store.ByIdentifier(t.Context(), name)
			if errors.Is(find, tenancy.ErrNotFound) {
				return errors.Join(err, find) // it died before it was begun
			}
			if find != nil {
				t.Fatal(find)
			}
			if receipt, giveUp := l.Erase(t.Context(), found.ID); giveUp != nil || !receipt.Intact() {
				t.Errorf("%s: after %v: giving up: %+v, %v", name, err, receipt, giveUp)
			}
			return err
		})
		if got := w.rows(beside); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
		if left, made := w.namespaces("tenancy_new_"), w.namespaces(w.prefix); len(made) != 1 || w.dialect == dialect.Postgres && len(left) > 0 {
			t.Errorf("left over is %q beside %q", left, made)
		}
	})
}

// TestErasingIsFinishedWhereverItDied is the same for the end of a tenant.
func TestErasingIsFinishedWhereverItDied(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		l := w.lifecycle()
		beside := w.provision(l, newTenant("beside"))
		w.deaths(func(name string, config manager.LifecycleConfig) error {
			tenant := w.provision(l, newTenant(name))
			_, err := w.lifecycle(func(c *manager.LifecycleConfig) { *c = config }).Erase(t.Context(), tenant.ID)
			if err != nil {
				receipt, again := l.Erase(t.Context(), tenant.ID)
				gone := errors.Is(again, tenancy.ErrNotFound) // it died after the last step
				if again != nil && !gone || !gone && (!receipt.Dropped || !receipt.Intact()) {
					t.Fatalf("%s: after %v: %+v, %v", name, err, receipt, again)
				}
			}
			if name := w.keeper.Name(tenant); w.there(name) {
				t.Errorf("%s is still there", name)
			}
			return err
		})
		if got := w.rows(beside); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
	})
}

// TestEachStepCanFail fails one step after the other, by its own error and by the
// end of the context, and looks at what the operator sees.
func TestEachStepCanFail(t *testing.T) {
	in(t, []cell{
		{dialect.SQLite, tenancy.IsolationSchema},
		{dialect.SQLite, tenancy.IsolationDatabase},
		{dialect.SQLite, tenancy.IsolationShared},
		{dialect.Postgres, tenancy.IsolationSchema},
		{dialect.MySQL, tenancy.IsolationSchema},
	}, func(t *testing.T, w *world) {
		l := w.lifecycle()
		beside := w.provision(l, newTenant("beside"))
		errMine := errors.New("mine")
		for _, test := range []struct {
			step string
			fail func(*manager.LifecycleConfig, context.CancelCauseFunc)
		}{
			{"verify", func(c *manager.LifecycleConfig, _ context.CancelCauseFunc) {
				c.Verify = func(context.Context, tenancy.Tenant) error { return errMine }
			}},
			{"hook", func(c *manager.LifecycleConfig, _ context.CancelCauseFunc) {
				c.Hooks = map[manager.Action]manager.Hook{manager.ActionProvision: {After: func(context.Context, tenancy.Tenant) error { return errMine }}}
			}},
			{"activate", func(c *manager.LifecycleConfig, end context.CancelCauseFunc) {
				c.Hooks = map[manager.Action]manager.Hook{manager.ActionProvision: {After: func(context.Context, tenancy.Tenant) error {
					end(errMine)
					return nil
				}}}
			}},
			{"activate", func(c *manager.LifecycleConfig, _ context.CancelCauseFunc) { c.Store = failing{c.Store, errMine} }},
		} {
			ctx, end := context.WithCancelCause(t.Context())
			n := newTenant(fmt.Sprintf("at-%s-%d", test.step, len(w.events)))
			tenant, err := w.lifecycle(func(c *manager.LifecycleConfig) { test.fail(c, end) }).Provision(ctx, n)
			end(nil)
			if !errors.Is(err, errMine) || tenant.Status != tenancy.StatusProvisioning {
				t.Fatalf("%s: got %s and %v", test.step, tenant.Status, err)
			}
			kept, _ := tenant.MetadataValue(manager.ProvisioningKey)
			if said, ok := kept.(map[string]any); !ok || said["step"] != test.step || said["error"] != err.Error() {
				t.Errorf("%s: the record says %v", test.step, kept)
			}
			if _, err := l.Activate(t.Context(), tenant.ID); !errors.Is(err, tenancy.ErrNotProvisioned) {
				t.Errorf("%s: activating it: %v", test.step, err)
			}
			if tenant, err = l.Resume(t.Context(), tenant.ID); err != nil || tenant.Status != tenancy.StatusActive {
				t.Fatalf("%s: resuming: %s, %v", test.step, tenant.Status, err)
			}
			w.fill(tenant)
			w.eraseOne(l, tenant)
		}
		if got := w.rows(beside); got != full {
			t.Errorf("the one beside has rows %s", got)
		}
	})
}

// failing is a store that does not update.
type failing struct {
	registry.Store
	err error
}

func (f failing) Update(context.Context, tenancy.Tenant) (tenancy.Tenant, error) {
	return tenancy.Tenant{}, f.err
}

// TestWhatIsUnfinishedCanBeDeletedAndRestored: it is still unfinished then.
func TestWhatIsUnfinishedCanBeDeletedAndRestored(t *testing.T) {
	in(t, []cell{{dialect.SQLite, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		ctx, l := t.Context(), w.lifecycle()
		broken := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Verify = func(context.Context, tenancy.Tenant) error { return errors.New("mine") }
		})
		tenant, err := broken.Provision(ctx, newTenant("acme"))
		if err == nil {
			t.Fatal("it is not broken")
		}
		if _, err := l.Delete(ctx, tenant.ID); err != nil {
			t.Fatal(err)
		}
		if tenant, err = l.Restore(ctx, tenant.ID); err != nil || tenant.Status != tenancy.StatusSuspended {
			t.Fatal(tenant.Status, err)
		}
		if _, err := l.Activate(ctx, tenant.ID); !errors.Is(err, tenancy.ErrNotProvisioned) {
			t.Errorf("activating: %v", err)
		}
		if tenant, err = l.Resume(ctx, tenant.ID); err != nil || tenant.Status != tenancy.StatusActive {
			t.Errorf("resuming: %s, %v", tenant.Status, err)
		}
	})
}

// TestErasingFilesIsFinishedWhereverItDied: rows can be in what SQLite has beside the
// file, which is removed after it.
func TestErasingFilesIsFinishedWhereverItDied(t *testing.T) {
	in(t, []cell{{dialect.SQLite, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationDatabase}}, func(t *testing.T, w *world) {
		l, beside := w.lifecycle(), []string{"", "-wal", "-shm", "-journal"}
		for died := range beside {
			tenant := w.provision(l, newTenant("acme"))
			path, err := w.files.Path(tenant)
			if err != nil {
				t.Fatal(err)
			}
			for i, suffix := range beside {
				if i > 0 {
					err = os.WriteFile(path+suffix, []byte("rows of acme"), 0o600)
				}
				if i <= died {
					err = errors.Join(err, os.Remove(path+suffix))
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := l.Erase(t.Context(), tenant.ID); err != nil {
				t.Error(err)
			}
			if left, _ := filepath.Glob(path + "*"); len(left) > 0 {
				t.Errorf("died behind %q: left are %q", beside[died], left)
			}
		}
	})
}
