package lifecycle_test

import (
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/schema"
)

// tree is a table whose rows refer to rows of the same table by two keys.
type tree struct {
	table  string
	action string // ON DELETE
	null   bool   // its columns may be null
	root   bool   // and only in one row of a tenant
	rows   int
}

func (tr tree) metadata() schema.Metadata {
	table := schema.Table{Name: tr.table, Entity: "Tree", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"}}
	for _, column := range []string{"parent", "order"} {
		table.ForeignKeys = append(table.ForeignKeys, schema.ForeignKey{
			Symbol: tr.table + column, Column: column, RefTable: tr.table, RefColumn: "id", RefTenantColumn: "tenant_id", OnDelete: tr.action,
		})
	}
	return schema.Metadata{Tables: []schema.Table{table}}
}

// TestErasingTrees erases rows that refer to rows of the same table, in a long line and, where the columns may be null, in circles:
// servers check such keys row by row, and follow a chain of cascades only so far.
func TestErasingTrees(t *testing.T) {
	in(t, everywhere()[len(namespaces()):], func(t *testing.T, w *world) {
		for i, tr := range []tree{
			{action: "NO ACTION", null: true, rows: 1200},
			{action: "RESTRICT", null: true, rows: 1200},
			{action: "CASCADE", null: true, rows: 1200},
			{action: "SET NULL", null: true, rows: 1200},
			{action: "CASCADE", null: true, root: true, rows: 10},
			{action: "NO ACTION", rows: 40},
			{action: "CASCADE", rows: 10},
		} {
			if w.dialect == dialect.MySQL && !tr.null && tr.action == "NO ACTION" {
				continue // InnoDB lets nobody delete a row that refers to itself, as the first one has to
			}
			tr.table = fmt.Sprint("trees", i)
			w.make(tr)
			l := w.lifecycle(func(c *manager.LifecycleConfig) { c.Shared.Metadata = tr.metadata() })
			acme, beside := w.grow(tr, "acme"), w.grow(tr, "beside")
			before := w.fingerprint(tr, beside)
			receipt, err := l.Erase(t.Context(), acme.ID)
			if err != nil || receipt.Rows[0].Rows != int64(tr.rows) || !receipt.Intact() {
				t.Errorf("%+v: got %+v, %v", tr, receipt.Rows, err)
			}
			if left := w.fingerprint(tr, acme); err == nil && left != "0 0 0" {
				t.Errorf("%+v: left are %s", tr, left)
			}
			if after := w.fingerprint(tr, beside); after != before {
				t.Errorf("%+v: the other had %s, and has %s", tr, before, after)
			}
		}
	})
}

// make makes the table.
func (w *world) make(tr tree) {
	w.t.Helper()
	null := map[bool]string{true: "NULL", false: "NOT NULL"}[tr.null]
	keys := ""
	for _, column := range []string{"parent", "order"} {
		keys += ", FOREIGN KEY (" + quoted(w.dialect, column) + ") REFERENCES " + tr.table + " (id) ON DELETE " + tr.action
	}
	if tr.root {
		keys += ", CHECK (parent IS NOT NULL OR id % 100000 = 1)"
	}
	w.exec("CREATE TABLE " + tr.table + " (id int NOT NULL PRIMARY KEY, tenant_id varchar(100) NOT NULL, parent int " + null + ", " +
		quoted(w.dialect, "order") + " int " + null + keys + ")")
	if w.dialect == dialect.Postgres {
		w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON " + tr.table + " TO PUBLIC")
	}
}

// grow makes a tenant with a line of rows, each the parent of the next one. Where nothing may be null the first one refers to itself,
// and else each has the next one in its other column, so that two and two are a circle.
func (w *world) grow(tr tree, name string) tenancy.Tenant {
	w.t.Helper()
	n := newTenant(name + tr.table)
	n.ID, n.Isolation = tenancy.ID(n.Identifier), w.isolation
	tenant, err := w.config.Store.Create(w.t.Context(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	first := map[string]int{"acme": 1, "beside": 100_001}[name]
	values := make([]string, tr.rows)
	for i := range values {
		id := first + i
		parent, other := fmt.Sprint(id-1), "NULL"
		switch {
		case i == 0 && tr.null:
			parent = "NULL"
		case i == 0:
			parent = fmt.Sprint(id)
		}
		if !tr.null {
			other = fmt.Sprint(max(id-2, first))
		}
		values[i] = fmt.Sprintf("(%d, '%s', %s, %s)", id, tenant.ID, parent, other)
	}
	w.exec("INSERT INTO " + tr.table + " VALUES " + strings.Join(values, ", "))
	if tr.null {
		order := quoted(w.dialect, "order")
		w.exec(fmt.Sprintf("UPDATE %s SET %s = id + 1 WHERE tenant_id = '%s' AND id < %d", tr.table, order, tenant.ID, first+tr.rows-1))
	}
	return tenant
}

// fingerprint is how many rows a tenant has, and what they refer to.
func (w *world) fingerprint(tr tree, t tenancy.Tenant) string {
	w.t.Helper()
	var rows, parents, others int
	err := w.db.QueryRowContext(w.t.Context(), fmt.Sprintf("SELECT count(*), COALESCE(sum(parent), 0), COALESCE(sum(%s), 0) FROM %s WHERE tenant_id = '%s'",
		quoted(w.dialect, "order"), tr.table, t.ID)).Scan(&rows, &parents, &others)
	if err != nil {
		w.t.Fatal(err)
	}
	return fmt.Sprint(rows, parents, others)
}
