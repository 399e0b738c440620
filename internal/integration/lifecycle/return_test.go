package lifecycle_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
)

// sharedEverywhere are the cells whose tenants have no namespace.
func sharedEverywhere() []cell {
	return append(inSharedTables(), cell{dialect.SQLite, tenancy.IsolationShared})
}

// comesBack restores a tenant, serves it again, and looks that it has all that it had.
func (w *world) comesBack(l *manager.Lifecycle, tenant tenancy.Tenant) {
	w.t.Helper()
	for _, call := range []func(context.Context, tenancy.ID) (tenancy.Tenant, error){l.Restore, l.Activate} {
		if got, err := call(w.t.Context(), tenant.ID); err != nil {
			w.t.Fatalf("it is %s: %v", got.Status, err)
		}
	}
	if got := w.rows(tenant); got != full {
		w.t.Errorf("it has rows %s", got)
	}
}

// staysGone looks that nobody can take an erasure back.
func (w *world) staysGone(l *manager.Lifecycle, tenant tenancy.Tenant) {
	w.t.Helper()
	if got, err := l.Restore(w.t.Context(), tenant.ID); !errors.Is(err, tenancy.ErrInvalidTransition) || !strings.Contains(err.Error(), "is being erased") {
		w.t.Errorf("it is %s: %v", got.Status, err)
	}
}

// TestAnErasureThatDeletedNothingIsTakenBack: a key that this library knows of, or one
// that it does not, keeps the rows.
func TestAnErasureThatDeletedNothingIsTakenBack(t *testing.T) {
	in(t, sharedEverywhere(), func(t *testing.T, w *world) {
		l, _, run := w.linkable()
		acme, beside := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside"))
		run("INSERT INTO customers (id, tenant_id, parent_id) VALUES ('linked', '" + string(beside.ID) + "', 'c1" + string(acme.ID) + "')")
		if _, err := l.Erase(t.Context(), acme.ID); !errors.Is(err, tenancy.ErrCrossTenant) {
			t.Errorf("got %v", err)
		}
		w.comesBack(l, acme)
		run("DELETE FROM customers WHERE id = 'linked'")

		w.exec("CREATE TABLE visits (customer_id varchar(100), FOREIGN KEY (customer_id) REFERENCES customers (id))" + charset(w.dialect))
		w.exec("INSERT INTO visits VALUES ('c1" + string(acme.ID) + "')")
		if _, err := l.Erase(t.Context(), acme.ID); err == nil || errors.Is(err, tenancy.ErrCrossTenant) {
			t.Errorf("got %v", err)
		}
		w.comesBack(l, acme)

		w.exec("DELETE FROM visits")
		w.eraseOne(l, acme)
	})
}

// TestASchemaThatIsInUseIsTakenBack has somebody read a table of the schema for longer than Drop waits.
func TestASchemaThatIsInUseIsTakenBack(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		l := w.lifecycle()
		acme := w.provision(l, newTenant("acme"))
		tx, err := w.db.BeginTx(t.Context(), nil)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := tx.ExecContext(t.Context(), "LOCK TABLE "+acme.Placement.Schema+".customers IN ACCESS SHARE MODE"); err != nil {
			t.Error(err)
		}
		if _, err := l.Erase(t.Context(), acme.ID); !errors.Is(err, migrate.ErrLocked) {
			t.Errorf("got %v", err)
		}
		if err := tx.Rollback(); err != nil {
			t.Error(err)
		}
		w.comesBack(l, acme)
		w.eraseOne(l, acme)
	})
}

// charset is that of the tables, at the end of CREATE TABLE.
func charset(d string) string {
	if d == dialect.MySQL {
		return " CHARSET utf8mb4 COLLATE utf8mb4_bin"
	}
	return ""
}

// TestACommitThatNobodyKnowsOfIsNotTakenBack, also by a call after it that surely
// deletes nothing.
func TestACommitThatNobodyKnowsOfIsNotTakenBack(t *testing.T) {
	in(t, sharedEverywhere(), func(t *testing.T, w *world) {
		l, tenant := w.lifecycle(), w.provision(w.lifecycle(), newTenant("acme"))
		for _, cut := range []cutOff{{atCommit: true}, {}} {
			dies := w.lifecycle(func(c *manager.LifecycleConfig) {
				cut.Driver = c.Shared.Driver
				c.Shared.Driver = cut
			})
			if _, err := dies.Erase(t.Context(), tenant.ID); !errors.Is(err, errDied) {
				t.Fatalf("it has not died: %v", err)
			}
			w.staysGone(l, tenant)
		}
		if got := w.rows(tenant); got != "0 0 0" {
			t.Fatalf("it was not committed: %s", got)
		}
		w.eraseOne(l, tenant)
	})
}

// cutOff is a driver whose transactions cannot begin, or are committed and nobody is told.
type cutOff struct {
	dialect.Driver
	atCommit bool
}

func (d cutOff) Tx(ctx context.Context) (dialect.Tx, error) {
	if !d.atCommit {
		return nil, errDied
	}
	tx, err := d.Driver.Tx(ctx)
	return cutOffTx{tx}, err
}

type cutOffTx struct{ dialect.Tx }

func (tx cutOffTx) Commit() error { return errors.Join(tx.Tx.Commit(), errDied) }

// TestAnErasureThatCannotLookIsTakenBack: the server of the namespaces is away. That says
// nothing of a namespace, and no receipt says that there was one.
func TestAnErasureThatCannotLookIsTakenBack(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		ctx, l := t.Context(), w.lifecycle()
		closed := w.fusedDB(&fuse{})
		if err := closed.Close(); err != nil {
			t.Fatal(err)
		}
		keeper, err := w.newKeeper(closed)
		if err != nil {
			t.Fatal(err)
		}
		away := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Namespaces = map[tenancy.Isolation]namespace.Keeper{w.isolation: keeper}
		})
		tenant := w.provision(l, newTenant("acme"))
		if _, err := away.Erase(ctx, tenant.ID); err == nil {
			t.Fatal("it is not away")
		}
		w.comesBack(l, tenant)
		w.eraseOne(l, tenant)

		planned := tenancy.Tenant{ID: "never", Isolation: w.isolation}
		n := registry.NewTenant{ID: planned.ID, Identifier: "never", Name: "Never", Isolation: w.isolation}
		if n.Placement, err = w.keeper.Plan(planned); err != nil {
			t.Fatal(err)
		}
		if _, err := w.config.Store.Create(ctx, n); err != nil {
			t.Fatal(err)
		}
		if _, err := away.Erase(ctx, n.ID); err == nil {
			t.Fatal("it is not away")
		}
		if receipt, err := l.Erase(ctx, n.ID); err != nil || receipt.Dropped {
			t.Errorf("of what was never made: %+v, %v", receipt, err)
		}
	})
}

// TestAnErasureThatMustNotDropIsTakenBack: somebody migrates the database.
func TestAnErasureThatMustNotDropIsTakenBack(t *testing.T) {
	in(t, onMySQL()[:1], func(t *testing.T, w *world) {
		l, tenant := w.lifecycle(), w.provision(w.lifecycle(), newTenant("acme"))
		migrating, err := w.db.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer migrating.Close()
		var got int
		if err := migrating.QueryRowContext(t.Context(), "SELECT GET_LOCK(?, 0)", migrate.LockName(w.keeper.Name(tenant))).Scan(&got); err != nil || got != 1 {
			t.Fatal(got, err)
		}
		if _, err := l.Erase(t.Context(), tenant.ID); !errors.Is(err, migrate.ErrLocked) {
			t.Fatalf("got %v", err)
		}
		w.comesBack(l, tenant)
	})
}

// TestAnExportIsOfAllThatThereWas: the hook before Erase finds the tenant's rows and no
// service any more, and is not called again where they may be gone.
func TestAnExportIsOfAllThatThereWas(t *testing.T) {
	in(t, everywhere(), func(t *testing.T, w *world) {
		ctx, errRefused := t.Context(), errors.New("refused")
		var exports []string
		var refuses, dies bool
		l := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Hooks = map[manager.Action]manager.Hook{manager.ActionErase: {Before: func(_ context.Context, tenant tenancy.Tenant) error {
				now, err := w.config.Store.ByID(ctx, tenant.ID)
				if err != nil || now.Status != tenancy.StatusDeleted || tenant.Status != tenancy.StatusDeleted {
					t.Errorf("it may still be served, and is %s: %v", now.Status, err)
				}
				exports = append(exports, w.rows(tenant)) //nolint:contextcheck // as somebody who is not held to the tenant
				if refuses {
					return errRefused
				}
				return nil
			}}}
			c.Forget = append(c.Forget, func(context.Context, tenancy.ID) error {
				if dies {
					return errDied
				}
				return nil
			})
		})
		tenant := w.provision(l, newTenant("acme"))
		refuses = true
		if _, err := l.Erase(ctx, tenant.ID); !errors.Is(err, errRefused) {
			t.Fatalf("got %v", err)
		}
		w.comesBack(l, tenant)
		refuses, dies = false, true
		if _, err := l.Erase(ctx, tenant.ID); !errors.Is(err, errDied) {
			t.Fatalf("it has not died: %v", err)
		}
		refuses, dies = true, false
		w.eraseOne(l, tenant)
		if len(exports) != 2 || exports[0] != full || exports[1] != full {
			t.Errorf("exported was %q", exports)
		}
	})
}

// TestARestoredTenantHasTodaysTables: migrations have left it out since it was deleted.
func TestARestoredTenantHasTodaysTables(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		ctx, tenant := t.Context(), w.provision(w.lifecycle(), newTenant("acme"))
		with := func(file string) (*manager.Lifecycle, func(context.Context, tenancy.Tenant) error) {
			runner := w.runner(w.db, directory(t, w.dialect, file))
			ready, err := runner.Requires("")
			if err != nil {
				t.Fatal(err)
			}
			return w.lifecycle(func(c *manager.LifecycleConfig) { c.Migrations = runner }), ready
		}
		broken, _ := with("ALTER TABLE nothing ADD COLUMN note int;\n")
		today, ready := with("ALTER TABLE customers ADD COLUMN note int;\n")
		if _, err := today.Delete(ctx, tenant.ID); err != nil {
			t.Fatal(err)
		}
		if _, err := broken.Restore(ctx, tenant.ID); err == nil || !strings.Contains(err.Error(), "20260102000000_step.sql") {
			t.Errorf("got %v", err)
		}
		if now, err := w.config.Store.ByID(ctx, tenant.ID); err != nil || now.Status != tenancy.StatusDeleted {
			t.Errorf("it is %s: %v", now.Status, err)
		}
		w.comesBack(today, tenant)
		if err := ready(ctx, tenant); err != nil {
			t.Error(err)
		}
	})
}
