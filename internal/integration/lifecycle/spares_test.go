package lifecycle_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
)

// serve makes an account of MySQL that serves requests and has nothing else, and a
// keeper that grants to it.
func (w *world) serve() {
	w.t.Helper()
	if w.dialect != dialect.MySQL {
		return
	}
	name, password := strings.TrimSuffix(w.prefix, "_"), "Aa1-"+rand.Text()
	w.exec("CREATE USER '" + name + "'@'%' IDENTIFIED BY '" + password + "'")
	w.t.Cleanup(func() { w.exec("DROP USER '" + name + "'@'%'") })
	w.users = []string{name + "@%"}
	dsn := w.dsn.Clone()
	dsn.User, dsn.Passwd, dsn.DBName = name, password, ""
	w.app = open(w.t, "mysql", dsn.FormatDSN())
	w.config = w.wire(w.db)
	w.keeper = w.config.Namespaces[w.isolation]
}

// served says why who serves requests cannot read a tenant's table.
func (w *world) served(t tenancy.Tenant) error {
	w.t.Helper()
	query, db := "SELECT count(*) FROM "+quoted(w.dialect, w.keeper.Name(t))+".customers", w.app
	if w.dialect == dialect.Postgres && w.isolation == tenancy.IsolationDatabase {
		u := *w.appURL
		u.Path = "/" + w.keeper.Name(t)
		var err error
		if db, err = sql.Open("pgx", u.String()); err != nil {
			w.t.Fatal(err)
		}
		defer db.Close()
		query = "SELECT count(*) FROM customers"
	}
	var n int
	return db.QueryRowContext(tenancy.NewContext(w.t.Context(), t), query).Scan(&n)
}

// TestASpareWhoseMakerDied is not handed out, wherever that was, and not left over.
func TestASpareWhoseMakerDied(t *testing.T) {
	in(t, overNetwork(), func(t *testing.T, w *world) {
		w.serve()
		spare := func(keeper namespace.Spares) error {
			_, err := keeper.Spare(t.Context())
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
			dead = w.dies(at, func(dying namespace.Spares) error { return dying.Discard(t.Context(), all[0].Tenant) })
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

// dies does something with the spares of a process that dies before it sends one
// of its messages, and reports false if that was after the last one.
func (w *world) dies(at int, do func(namespace.Spares) error) bool {
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
	err = do(keeper.(namespace.Spares))
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
