package lifecycle_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/registry"
)

// TestASpareWhoseMakerDied is not handed out, wherever that was, and not left over.
func TestASpareWhoseMakerDied(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		w.serve()
		spare := func(keeper namespace.Keeper) error {
			_, err := keeper.(namespace.Spares).Spare(t.Context())
			return err
		}
		for at := 1; w.dies(at, spare); at++ {
			l := w.filled(1)
			if all := w.namespaces("tenancy_warm_" + w.prefix); len(all) != 1 || w.ready(l) != 1 {
				t.Errorf("message %d: there are spares %q, and %d are ready", at, all, w.ready(l))
			}
			tenant, err := l.Provision(t.Context(), newTenant("acme"))
			if err == nil {
				err = w.served(tenant)
			}
			if err != nil {
				t.Errorf("message %d: who got a spare: %v", at, err)
			}
			if w.publicMayConnect(tenant) {
				t.Errorf("message %d: everybody may connect to the database", at)
			}
			w.eraseOne(l, tenant)
		}
		w.noneLeft()
	})
}

// TestASpareThatWasNotDiscardedToTheEnd is nobody's either, and goes the next time.
func TestASpareThatWasNotDiscardedToTheEnd(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		keeper, version := w.keeper.(namespace.Spares), w.dirs.Sum()
		for at, dead := 1, true; dead; at++ {
			w.filled(1)
			all, err := keeper.List(t.Context())
			if err != nil || len(all) != 1 {
				t.Fatal(all, err)
			}
			dead = w.dies(at, func(dying namespace.Keeper) error {
				return dying.(namespace.Spares).Discard(t.Context(), all[0].Tenant)
			})
			tenant := tenancy.Tenant{ID: tenancy.ID(fmt.Sprint("acme", at)), Isolation: w.isolation}
			if tenant.Placement, err = w.keeper.Plan(tenant); err != nil {
				t.Fatal(err)
			}
			made, err := w.keeper.Make(t.Context(), tenant, version)
			if tenant.Placement = made.Placement; err == nil {
				err = w.keeper.Verify(t.Context(), tenant)
			}
			if err != nil {
				t.Errorf("message %d: making a tenant's: %v", at, err)
			}
			if _, err := w.keeper.Drop(t.Context(), tenant); err != nil {
				t.Errorf("message %d: dropping it: %v", at, err)
			}
			w.noneLeft()
		}
	})
}

// forgetful is a store that fails to keep what was changed.
type forgetful struct{ registry.Store }

var errForgotten = errors.New("forgotten")

func (forgetful) Update(context.Context, tenancy.Tenant) (tenancy.Tenant, error) {
	return tenancy.Tenant{}, errForgotten
}

// TestASpareThatWasTakenBeforeADeployment has a process end between taking a spare and
// saying so, and another one, with one more migration, finish the tenant.
func TestASpareThatWasTakenBeforeADeployment(t *testing.T) {
	in(t, overNetwork()[2:], func(t *testing.T, w *world) { // where a spare keeps its name
		w.filled(1)
		tenant, err := w.lifecycle(func(c *manager.LifecycleConfig) { c.Store = forgetful{c.Store} }).Provision(t.Context(), newTenant("acme"))
		if !errors.Is(err, errForgotten) {
			t.Fatal(err)
		}
		runner := w.runner(w.db, directory(t, w.dialect, "ALTER TABLE "+quoted(w.dialect, "orders")+" ADD COLUMN label varchar(10);\n"))
		tenant, err = w.lifecycle(func(c *manager.LifecycleConfig) { c.Migrations = runner }).Resume(t.Context(), tenant.ID)
		if err != nil || tenant.Status != tenancy.StatusActive {
			t.Fatal(tenant.Status, err)
		}
		ready, err := runner.Requires("")
		if err == nil {
			err = ready(t.Context(), tenant)
		}
		if err != nil {
			t.Error("it is served:", err)
		}
	})
}

// filled is a Lifecycle that has filled up the spares.
func (w *world) filled(count int) *manager.Lifecycle {
	w.t.Helper()
	l := w.lifecycle(func(c *manager.LifecycleConfig) { c.Spares.Count = map[tenancy.Isolation]int{w.isolation: count} })
	if err := l.FillSpares(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	return l
}

// noneLeft has all spares discarded.
func (w *world) noneLeft() {
	w.t.Helper()
	w.filled(0)
	if left := w.namespaces("tenancy_warm_" + w.prefix); len(left) > 0 {
		w.t.Errorf("left over: %q", left)
	}
}

// dies does something with the keeper of a process that dies before it sends one
// of its messages, and reports false if that was after the last one.
func (w *world) dies(at int, do func(namespace.Keeper) error) bool {
	w.t.Helper()
	f := &fuse{}
	f.left.Store(never)
	db := w.fusedDB(f)
	defer db.Close()
	if err := db.PingContext(w.t.Context()); err != nil {
		w.t.Fatal(err)
	}
	keeper, err := w.newKeeper(db)
	if err != nil {
		w.t.Fatal(err)
	}
	f.left.Store(int64(at))
	err = do(keeper)
	if !f.blown.Load() && err != nil {
		w.t.Fatal(err)
	}
	return f.blown.Load()
}

// publicMayConnect reports whether a database of PostgreSQL is open to all roles.
func (w *world) publicMayConnect(t tenancy.Tenant) bool {
	w.t.Helper()
	if w.dialect != dialect.Postgres || w.isolation != tenancy.IsolationDatabase {
		return false
	}
	return len(column(w.t, w.db, "SELECT datname FROM pg_database WHERE datname = $1 AND has_database_privilege('public', oid, 'CONNECT')", w.keeper.Name(t))) > 0
}

// TestASpareIsDiscardedBehindItsMaker lets a process without a common Lock find a
// spare that another one is still making.
func TestASpareIsDiscardedBehindItsMaker(t *testing.T) {
	in(t, []cell{{dialect.MySQL, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		spares := w.keeper.(namespace.Spares)
		ctx, stop := context.WithCancel(t.Context())
		defer stop()
		made := make(chan error, 1)
		go func() {
			for range 20 {
				if _, err := spares.Spare(ctx); err != nil {
					made <- err
					return
				}
			}
			made <- nil
		}()
		for done := false; !done; {
			select {
			case err := <-made:
				if err != nil {
					t.Errorf("making: %v", err)
				}
				done = true
			default:
			}
			w.discardAll(spares)
		}
		if left := w.namespaces("tenancy_warm_" + w.prefix); len(left) > 0 {
			t.Errorf("left over: %q", left)
		}
	})
}

// discardAll discards whatever is listed.
func (w *world) discardAll(spares namespace.Spares) {
	w.t.Helper()
	all, err := spares.List(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	for _, spare := range all {
		if err := spares.Discard(w.t.Context(), spare.Tenant); err != nil {
			w.t.Errorf("discarding: %v", err)
		}
	}
}

// TestSparesOfOneApplication are not another's, whose prefix begins with the same letters.
func TestSparesOfOneApplication(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		const version = "v1"
		prefix, own := w.prefix, w.keeper
		for _, longer := range []string{prefix + "eu_", prefix + "a"} {
			w.prefix = longer
			other, err := w.newKeeper(w.db)
			if err != nil {
				t.Fatal(err)
			}
			w.prefix = prefix
			theirs := w.readySpare(other, version)
			spares := own.(namespace.Spares)
			if all, err := spares.List(t.Context()); err != nil || len(all) != 0 {
				t.Errorf("%s lists %v of %s, %v", prefix, all, longer, err)
			}
			if err := spares.Ready(t.Context(), theirs, ""); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("%s changes one of %s: %v", prefix, longer, err)
			}
			if err := spares.Discard(t.Context(), theirs); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("%s discards one of %s: %v", prefix, longer, err)
			}
			tenant := tenancy.Tenant{ID: tenancy.ID("for-" + strings.ReplaceAll(longer, "_", "-")), Isolation: w.isolation}
			if tenant.Placement, err = own.Plan(tenant); err != nil {
				t.Fatal(err)
			}
			if made, err := own.Make(t.Context(), tenant, version); err != nil || made.Version != "" {
				t.Errorf("%s gives away one of %s: %+v, %v", prefix, longer, made, err)
			}
			if all, err := other.(namespace.Spares).List(t.Context()); err != nil || len(all) != 1 || all[0].Version != version {
				t.Fatalf("%s has %v, %v", longer, all, err)
			}
			if err := other.(namespace.Spares).Discard(t.Context(), theirs); err != nil {
				t.Error(err)
			}
		}
		mine := w.readySpare(own, version)
		if err := own.(namespace.Spares).Discard(t.Context(), mine); err != nil {
			t.Errorf("its own: %v", err)
		}
	})
}

// readySpare makes a spare that is ready for a version.
func (w *world) readySpare(keeper namespace.Keeper, version string) tenancy.Tenant {
	w.t.Helper()
	spares := keeper.(namespace.Spares)
	spare, err := spares.Spare(w.t.Context())
	if err == nil {
		err = spares.Ready(w.t.Context(), spare, version)
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return spare
}
