package lifecycle_test

import (
	"database/sql"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// makeForeign makes a namespace that somebody else has, with a table of one row,
// and returns what counts it.
func (w *world) makeForeign(name string) (count func() string) {
	w.t.Helper()
	const table = "CREATE TABLE theirs (id varchar(10))"
	if w.dialect == dialect.SQLite {
		db := open(w.t, "sqlite", "file:"+filepath.ToSlash(filepath.Join(w.dir, name+".db")))
		for _, statement := range []string{table, "INSERT INTO theirs VALUES ('x')"} {
			if _, err := db.ExecContext(w.t.Context(), statement); err != nil {
				w.t.Fatal(err)
			}
		}
		return func() string { return strings.Join(column(w.t, db, "SELECT count(*) FROM theirs"), "") }
	}
	if w.dialect == dialect.Postgres && w.isolation == tenancy.IsolationDatabase {
		w.exec(`CREATE DATABASE "` + name + `"`)
		inside := func(do func(*sql.DB)) {
			u := *w.url
			u.Path = "/" + name
			db, err := sql.Open("pgx", u.String())
			if err != nil {
				w.t.Fatal(err)
			}
			defer db.Close()
			do(db)
		}
		inside(func(db *sql.DB) {
			if _, err := db.ExecContext(w.t.Context(), table+"; INSERT INTO theirs VALUES ('x')"); err != nil {
				w.t.Fatal(err)
			}
		})
		return func() (n string) {
			inside(func(db *sql.DB) { n = strings.Join(column(w.t, db, "SELECT count(*) FROM theirs"), "") })
			return n
		}
	}
	qualified := quoted(w.dialect, name) + ".theirs"
	w.exec("CREATE SCHEMA " + quoted(w.dialect, name))
	w.exec(strings.Replace(table, "theirs", qualified, 1))
	w.exec("INSERT INTO " + qualified + " VALUES ('x')")
	return func() string { return strings.Join(column(w.t, w.db, "SELECT count(*) FROM "+qualified), "") }
}

// TestForeignNamespacesAreLeftAlone: one that has no mark, and one of another tenant.
func TestForeignNamespacesAreLeftAlone(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		ctx, l := t.Context(), w.lifecycle()
		count := w.makeForeign(w.prefix + "acme")
		n := newTenant("acme")
		n.ID = "acme"
		tenant, err := l.Provision(ctx, n)
		if !errors.Is(err, tenancy.ErrForeignNamespace) || tenant.Status != tenancy.StatusProvisioning {
			t.Fatalf("got %s and %v", tenant.Status, err)
		}
		for i, call := range []func() error{
			func() error { _, err := l.Resume(ctx, tenant.ID); return err },
			func() error { _, err := w.keeper.Make(ctx, tenant, "any"); return err },
			func() error { return w.keeper.Verify(ctx, tenant) },
			func() error { _, err := w.keeper.Drop(ctx, tenant); return err },
			func() error { _, err := l.Erase(ctx, tenant.ID); return err },
			func() error { _, err := l.Erase(ctx, tenant.ID); return err },
		} {
			if err := call(); !errors.Is(err, tenancy.ErrForeignNamespace) {
				t.Errorf("call %d: got %v", i, err)
			}
		}
		if got := count(); got != "1" {
			t.Errorf("the foreign table has %s rows", got)
		}
		if _, err := w.config.Store.ByID(ctx, tenant.ID); err != nil {
			t.Errorf("the record that says so is gone: %v", err)
		}

		other := w.provision(l, newTenant("other"))
		thief := other
		for _, id := range []tenancy.ID{"thief", other.ID[:len(other.ID)-1], other.ID + "0", tenancy.ID(strings.ToUpper(string(other.ID)))} {
			thief.ID = id
			if _, err := w.keeper.Drop(ctx, thief); !errors.Is(err, tenancy.ErrForeignNamespace) {
				t.Errorf("%s drops another's: %v", id, err)
			}
			if _, err := w.keeper.Make(ctx, thief, ""); !errors.Is(err, tenancy.ErrForeignNamespace) {
				t.Errorf("%s gets another's: %v", id, err)
			}
		}
		if got := w.rows(other); got != full {
			t.Errorf("the other has rows %s", got)
		}
	})
}

// TestErasingSparesLinkedRows links a row of one tenant to another's, as raw SQL or data of before can where keys are not composite: the
// database would change it with the row that it refers to.
func TestErasingSparesLinkedRows(t *testing.T) {
	cells := []cell{{dialect.MySQL, tenancy.IsolationShared}, {dialect.SQLite, tenancy.IsolationShared}, {dialect.Postgres, tenancy.IsolationRLS}}
	in(t, cells, func(t *testing.T, w *world) {
		l, all, run := w.linkable()
		acme, beside := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside"))
		run("INSERT INTO customers (id, tenant_id) VALUES ('acmes', '" + string(acme.ID) + "')")
		run("INSERT INTO customers (id, tenant_id, parent_id) VALUES ('linked', '" + string(beside.ID) + "', 'acmes')")
		_, err := l.Erase(t.Context(), acme.ID)
		if !errors.Is(err, tenancy.ErrCrossTenant) || !strings.Contains(err.Error(), "1 rows of other tenants in customers") {
			t.Errorf("got %v", err)
		}
		if got := column(t, all, "SELECT parent_id FROM customers WHERE id = 'linked'"); len(got) != 1 || got[0] != "acmes" {
			t.Errorf("the row of the other one refers to %q", got)
		}
		run("UPDATE customers SET parent_id = NULL WHERE id = 'linked'")
		if _, err := l.Erase(t.Context(), acme.ID); err != nil {
			t.Errorf("detached: %v", err)
		}
		if got := column(t, all, "SELECT id FROM customers WHERE id IN ('linked', 'acmes')"); len(got) != 1 || got[0] != "linked" {
			t.Errorf("left are %q", got)
		}
	})
}

// withSystem is the driver of shared tables, with a role that sees all rows for System scopes.
func (w *world) withSystem() dialect.Driver {
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, w.app), driver.Config{System: entsql.OpenDB(dialect.Postgres, w.system)})
	if err != nil {
		w.t.Fatal(err)
	}
	return drv
}

// TestNobodyIsGivenAReservedName, and nobody brings a place along.
func TestNobodyIsGivenAReservedName(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		ctx, l := t.Context(), w.lifecycle()
		for _, name := range []string{"public", "PUBLIC", "pg_catalog", "information_schema", "mysql", "sys", "tenancy_x", "tenancy_new_x", "", "a`b", "x$tenancy$", `a"b`} {
			tenant := tenancy.Tenant{ID: "acme", Isolation: w.isolation, Placement: tenancy.Placement{Schema: name}}
			if _, err := w.keeper.Make(ctx, tenant, ""); !errors.Is(err, tenancy.ErrInvalidPlacement) {
				t.Errorf("making %q: %v", name, err)
			}
			if _, err := w.keeper.Drop(ctx, tenant); !errors.Is(err, tenancy.ErrInvalidPlacement) {
				t.Errorf("dropping %q: %v", name, err)
			}
		}
		n := newTenant("acme")
		n.Placement.Schema = "public"
		if _, err := l.Provision(ctx, n); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("with a place of its own: %v", err)
		}
		n = newTenant("acme")
		n.Isolation = tenancy.IsolationDatabase
		if _, err := l.Provision(ctx, n); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("with an isolation that nobody keeps: %v", err)
		}
		if _, err := w.config.Store.ByIdentifier(ctx, "acme"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("there is a record: %v", err)
		}
	})
}

// TestIDsThatLookAlikeStayApart: by case, by - and _, by length, by letters that
// look the same or that some database takes for the same.
func TestIDsThatLookAlikeStayApart(t *testing.T) {
	long := strings.Repeat("a", 254)
	ids := []tenancy.ID{
		"a-b", "a--b", "a_b", "A-b", "A-B", "a-b-", "-a-b", "a.b", "a b", "é", "e\u0301", "É", "ß", "ss", "o'neill", `o"neill`, `a\b`, "a%b", "100", "a$tenancy$b",
		tenancy.ID(long + "b"), tenancy.ID(long + "c"), "public", "日本",
	}
	in(t, []cell{{dialect.Postgres, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationSchema}, {dialect.SQLite, tenancy.IsolationDatabase}}, func(t *testing.T, w *world) {
		names := map[string]tenancy.ID{}
		for _, id := range ids {
			tenant := tenancy.Tenant{ID: id, Isolation: w.isolation}
			var err error
			if tenant.Placement, err = w.keeper.Plan(tenant); err != nil {
				t.Fatalf("%s: %v", id, err)
			}
			name := w.keeper.Name(tenant)
			if other, taken := names[name]; taken || name != strings.ToLower(name) || len(strings.TrimSuffix(name, ".db")) > 63 {
				t.Errorf("%q and %q are both %q", id, other, name)
			}
			names[name] = id
			for range 2 {
				if _, err := w.keeper.Make(t.Context(), tenant, ""); err != nil {
					t.Errorf("%q: %v", id, err)
				}
			}
			if err := w.keeper.Verify(t.Context(), tenant); err != nil {
				t.Errorf("%q: %v", id, err)
			}
		}
		for name, id := range names {
			tenant := tenancy.Tenant{ID: id, Isolation: w.isolation}
			tenant.Placement, _ = w.keeper.Plan(tenant)
			if dropped, err := w.keeper.Drop(t.Context(), tenant); err != nil || !dropped || w.there(name) {
				t.Errorf("dropping %q: %t, %v", id, dropped, err)
			}
		}
	})
}

// TestRenamedIdentifierReused: names go by ids, and ids are nobody else's.
func TestRenamedIdentifierReused(t *testing.T) {
	in(t, []cell{{dialect.SQLite, tenancy.IsolationSchema}, {dialect.Postgres, tenancy.IsolationSchema}, {dialect.MySQL, tenancy.IsolationDatabase}}, func(t *testing.T, w *world) {
		l := w.lifecycle()
		first := w.provision(l, newTenant("acme"))
		first.Identifier = "acme-renamed"
		first, err := w.config.Store.Update(t.Context(), first)
		if err != nil {
			t.Fatal(err)
		}
		second, err := l.Provision(t.Context(), newTenant("acme"))
		if err != nil {
			t.Fatal(err)
		}
		if got := w.rows(second); got != "0 0 0" {
			t.Errorf("the second has rows %s", got)
		}
		w.fill(second)
		w.eraseOne(l, second)
		if got := w.rows(first); got != full {
			t.Errorf("the first has rows %s", got)
		}
	})
}

// TestPlacementIsPinned: a tenant is where its record says, whatever names are
// derived since.
func TestPlacementIsPinned(t *testing.T) {
	in(t, []cell{{dialect.SQLite, tenancy.IsolationSchema}, {dialect.Postgres, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		tenant := w.provision(w.lifecycle(), newTenant("acme"))
		w.prefix = "other_"
		config := w.wire(w.db)
		l := w.lifecycle(func(c *manager.LifecycleConfig) { c.Namespaces = config.Namespaces })
		if err := config.Namespaces[w.isolation].Verify(t.Context(), tenant); err != nil {
			t.Error(err)
		}
		w.eraseOne(l, tenant)
	})
}

// TestSymbolicLinkIsForeign: what is behind it belongs to somebody.
func TestSymbolicLinkIsForeign(t *testing.T) {
	in(t, []cell{{dialect.SQLite, tenancy.IsolationSchema}}, func(t *testing.T, w *world) {
		target := filepath.Join(t.TempDir(), "precious")
		if err := os.WriteFile(target, []byte("precious"), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Symlink(target, filepath.Join(w.dir, w.prefix+"acme.db")); err != nil {
			t.Fatal(err)
		}
		_, err := w.lifecycle().Provision(t.Context(), registry.NewTenant{ID: "acme", Identifier: "acme", Name: "Acme"})
		if text, _ := os.ReadFile(target); !errors.Is(err, tenancy.ErrForeignNamespace) || string(text) != "precious" {
			t.Errorf("got %v, and %q", err, text)
		}
	})
}

// TestKeepersRefuseAnotherServer: what is dropped is on the server of the URL.
func TestKeepersRefuseAnotherServer(t *testing.T) {
	in(t, []cell{{dialect.Postgres, tenancy.IsolationDatabase}, {dialect.MySQL, tenancy.IsolationDatabase}}, func(t *testing.T, w *world) {
		tenant := tenancy.Tenant{ID: "acme", Isolation: w.isolation}
		var err error
		if tenant.Placement, err = w.keeper.Plan(tenant); err != nil {
			t.Fatal(err)
		}
		moved := strings.NewReplacer("127.0.0.1", "10.0.0.1").Replace(tenant.Placement.DatabaseURL.Reveal())
		tenant.Placement.DatabaseURL = tenancy.NewSecret(moved)
		if _, err := w.keeper.Drop(t.Context(), tenant); !errors.Is(err, tenancy.ErrInvalidPlacement) || strings.Contains(err.Error(), "10.0.0.1") {
			t.Errorf("got %v", err)
		}
	})
}

// linkable has customers' keys without the tenant in them, so that rows of two tenants can be linked, and returns a
// Lifecycle that finds such links, the pool that sees all rows, and what runs SQL there.
func (w *world) linkable() (l *manager.Lifecycle, all *sql.DB, run func(query string)) {
	w.t.Helper()
	l, all = w.lifecycle(), w.db
	if w.dialect == dialect.Postgres {
		all = w.system
		l = w.lifecycle(func(c *manager.LifecycleConfig) { c.Shared.Driver = w.withSystem() })
		w.exec("ALTER TABLE customers DROP CONSTRAINT customers_tenant_id_parent_id_fkey")
		w.exec("ALTER TABLE customers ADD FOREIGN KEY (parent_id) REFERENCES customers (id) ON DELETE SET NULL")
	}
	return l, all, func(query string) {
		w.t.Helper()
		if _, err := all.ExecContext(w.t.Context(), query); err != nil {
			w.t.Fatal(err)
		}
	}
}
