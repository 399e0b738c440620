package lifecycle_test

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// newTenant returns what a tenant is made from.
func newTenant(name string) registry.NewTenant {
	return registry.NewTenant{Identifier: name, Name: name}
}

// provision makes a tenant, and its rows.
func (w *world) provision(l *manager.Lifecycle, n registry.NewTenant) tenancy.Tenant {
	w.t.Helper()
	tenant, err := l.Provision(w.t.Context(), n)
	if err != nil {
		w.t.Fatalf("%s: %v", n.Identifier, err)
	}
	if tenant.Status != tenancy.StatusActive {
		w.t.Fatalf("%s: its status is %s", n.Identifier, tenant.Status)
	}
	w.fill(tenant)
	return tenant
}

// place lends the tables of a tenant, as their owner, and what names of tables begin with.
func (w *world) place(t tenancy.Tenant, do func(db *sql.DB, before string)) {
	w.t.Helper()
	if w.keeper == nil {
		do(w.db, "")
		return
	}
	if w.isolation == tenancy.IsolationSchema && w.dialect != dialect.SQLite {
		do(w.db, quoted(w.dialect, t.Placement.Schema)+".")
		return
	}
	opened, err := w.open()(w.t.Context(), t)
	if err != nil {
		w.t.Fatal(err)
	}
	defer opened.DB.Close()
	do(opened.DB, "")
}

// fill writes rows that refer to each other: 3 customers, 2 orders, 1 line.
func (w *world) fill(t tenancy.Tenant) {
	w.t.Helper()
	w.place(t, func(db *sql.DB, before string) {
		tx, err := db.BeginTx(w.t.Context(), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		defer tx.Rollback()
		if w.dialect == dialect.Postgres { // whose owner is held by row-level security too
			if _, err := tx.ExecContext(w.t.Context(), "SELECT set_config('tenancy.tenant_id', $1, true)", string(t.ID)); err != nil {
				w.t.Fatal(err)
			}
		}
		id := strings.ReplaceAll(string(t.ID), "'", "''")
		for _, row := range []struct{ table, column, id, to string }{
			{"customers", "parent_id", "c1", ""},
			{"customers", "parent_id", "c2", "c1"},
			{"customers", "parent_id", "c3", "c2"},
			{"orders", "customer_id", "o1", "c1"},
			{"orders", "customer_id", "o2", "c3"},
			{"lines", "order_id", "l1", "o1"},
		} {
			to := "NULL"
			if row.to != "" {
				to = "'" + row.to + id + "'"
			}
			query := fmt.Sprintf("INSERT INTO %s%s (id, tenant_id, %s) VALUES ('%s', '%s', %s)", before, quoted(w.dialect, row.table), row.column, row.id+id, id, to)
			if _, err := tx.ExecContext(w.t.Context(), query); err != nil {
				w.t.Fatalf("%s: %v", query, err)
			}
		}
		if err := tx.Commit(); err != nil {
			w.t.Fatal(err)
		}
	})
}

// rows counts a tenant's rows in its tables, by table.
func (w *world) rows(t tenancy.Tenant) string {
	w.t.Helper()
	var counts []string
	w.place(t, func(db *sql.DB, before string) {
		tx, err := db.BeginTx(w.t.Context(), nil)
		if err != nil {
			w.t.Fatal(err)
		}
		defer tx.Rollback()
		if w.dialect == dialect.Postgres {
			if _, err := tx.ExecContext(w.t.Context(), "SELECT set_config('tenancy.tenant_id', $1, true)", string(t.ID)); err != nil {
				w.t.Fatal(err)
			}
		}
		for _, table := range []string{"customers", "orders", "lines"} {
			var n int
			query := "SELECT count(*) FROM " + before + quoted(w.dialect, table) + " WHERE tenant_id = '" + strings.ReplaceAll(string(t.ID), "'", "''") + "'"
			if err := tx.QueryRowContext(w.t.Context(), query).Scan(&n); err != nil {
				w.t.Fatalf("%s: %v", query, err)
			}
			counts = append(counts, fmt.Sprint(n))
		}
	})
	return strings.Join(counts, " ")
}

// full is what rows returns after fill.
const full = "3 2 1"

// there reports whether there is a namespace of that name.
func (w *world) there(name string) bool {
	w.t.Helper()
	switch {
	case w.dialect == dialect.SQLite:
		_, err := os.Stat(w.dir + "/" + strings.TrimSuffix(name, ".db") + ".db")
		return err == nil
	case w.dialect == dialect.MySQL:
		return len(column(w.t, w.db, "SELECT schema_name FROM information_schema.schemata WHERE schema_name = ?", name)) > 0
	case w.isolation == tenancy.IsolationDatabase:
		return len(column(w.t, w.db, "SELECT datname FROM pg_database WHERE datname = $1", name)) > 0
	default:
		return len(column(w.t, w.db, "SELECT nspname FROM pg_namespace WHERE nspname = $1", name)) > 0
	}
}

// namespaces returns all namespaces of the world that begin with a text.
func (w *world) namespaces(before string) []string {
	w.t.Helper()
	switch {
	case w.dialect == dialect.SQLite:
		entries, err := os.ReadDir(w.dir)
		if err != nil {
			w.t.Fatal(err)
		}
		var names []string
		for _, entry := range entries {
			if name, ok := strings.CutSuffix(entry.Name(), ".db"); ok && strings.HasPrefix(name, before) {
				names = append(names, name)
			}
		}
		return names
	case w.dialect == dialect.MySQL:
		return column(w.t, w.db, "SELECT schema_name FROM information_schema.schemata WHERE LEFT(schema_name, ?) = ?", len(before), before)
	case w.isolation == tenancy.IsolationDatabase:
		return column(w.t, w.db, "SELECT datname FROM pg_database WHERE left(datname, $1) = $2 AND pg_get_userbyid(datdba) = current_user", len(before), before)
	default:
		return column(w.t, w.db, "SELECT nspname FROM pg_namespace WHERE left(nspname, $1) = $2", len(before), before)
	}
}

// exec runs a statement of the owner.
func (w *world) exec(query string) {
	w.t.Helper()
	if _, err := w.db.ExecContext(context.WithoutCancel(w.t.Context()), query); err != nil {
		w.t.Fatalf("%s: %v", query, err)
	}
}
