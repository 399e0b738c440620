package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	typedent "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent"
	typedmigrate "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/migrate"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/runtime" // the schema's hooks and defaults
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/schema"
)

// TestErasingAnIDThatTheColumnCannotHold leaves alone the rows of the tenant whose id the database would take it for, and succeeds:
// nobody can have written a row for it.
func TestErasingAnIDThatTheColumnCannotHold(t *testing.T) {
	const lower = "0190c6a2-7d3e-7000-8000-00000000abcd"
	types := []struct {
		column schema.ColumnType
		sql    map[string]string
		own    string   // the id that has a row
		others []string // those that the database, or a parser, could take for it, and one that is of another kind
	}{
		{
			column: schema.Int64, sql: map[string]string{dialect.Postgres: "bigint", dialect.MySQL: "bigint", dialect.SQLite: "bigint"},
			own: "7", others: []string{"007", "+7", "7.0", "7e0", lower},
		},
		{
			column: schema.UUID, sql: map[string]string{dialect.Postgres: "uuid", dialect.MySQL: "char(36)", dialect.SQLite: "uuid"},
			own: lower, others: []string{strings.ToUpper(lower), "{" + lower + "}", strings.ReplaceAll(lower, "-", ""), "acme"},
		},
	}
	in(t, everywhere()[len(namespaces()):], func(t *testing.T, w *world) {
		for _, column := range types {
			m := schema.Metadata{Tables: []schema.Table{{
				Name: "notes_" + string(column.column), Entity: "Note", TenantColumn: "tenant_id", ColumnType: column.column, PrimaryKey: []string{"id"},
				ForeignKeys: []schema.ForeignKey{{
					Symbol: "notes_parent", Column: "parent_id", RefTable: "notes_" + string(column.column), RefColumn: "id", RefTenantColumn: "tenant_id", OnDelete: "CASCADE",
				}},
			}}}
			all := w.notes(m.Tables[0], column.sql[w.dialect], column.own)
			l := w.lifecycle(func(c *manager.LifecycleConfig) { c.Shared.Metadata = m })
			for i, id := range append(column.others, column.own) {
				n := newTenant("tenant-" + string(column.column) + "-" + string(rune('a'+i)))
				n.ID, n.Isolation = tenancy.ID(id), w.isolation
				if _, err := w.config.Store.Create(t.Context(), n); err != nil {
					t.Fatal(err)
				}
				receipt, err := l.Erase(t.Context(), n.ID)
				if err != nil {
					t.Errorf("%s: %q: %v", column.column, id, err)
				}
				want, left := int64(0), 2
				if id == column.own {
					want, left = 2, 0
				}
				if len(receipt.Rows) != 1 || receipt.Rows[0].Rows != want {
					t.Errorf("%s: the receipt of %q says %+v", column.column, id, receipt.Rows)
				}
				if got := len(all()); got != left {
					t.Fatalf("%s: after erasing %q there are %d rows of %q", column.column, id, got, column.own)
				}
			}
		}
	})
}

// TestErasingRowsByUUID has the tenant column as ent makes it, which is uuid on MariaDB, and char(36) on MySQL.
func TestErasingRowsByUUID(t *testing.T) {
	const acme, beside = "0190c6a2-7d3e-7000-8000-00000000abcd", "0190c6a2-7d3e-7000-8000-00000000abce"
	in(t, everywhere()[len(namespaces()):], func(t *testing.T, w *world) {
		m := schema.Metadata{Tables: slices.DeleteFunc(slices.Clone(typedmigrate.Tenancy.Tables), func(t schema.Table) bool { return t.ColumnType != schema.UUID })}
		client := w.typed(m)
		l := w.lifecycle(func(c *manager.LifecycleConfig) { c.Shared.Metadata = m })
		a, b := w.known(acme), w.known(beside)
		for _, ctx := range []context.Context{a, b} {
			client.Doc.Create().SetTitle("whole").AddTags(client.Tag.Create().SetName("tag").SaveX(ctx)).ExecX(ctx)
		}
		receipt, err := l.Erase(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		for _, rows := range receipt.Rows {
			if rows.Rows != 1 {
				t.Errorf("the receipt says %+v", receipt.Rows)
			}
		}
		if docs, tags := client.Doc.Query().CountX(a), client.Tag.Query().CountX(a); docs != 0 || tags != 0 {
			t.Errorf("%d docs and %d tags are left", docs, tags)
		}
		if doc := client.Doc.Query().WithTags().OnlyX(b); len(doc.Edges.Tags) != 1 {
			t.Errorf("the other has %d tags", len(doc.Edges.Tags))
		}
	})
}

// known puts a tenant into the registry, and returns a context that acts for it.
func (w *world) known(id tenancy.ID) context.Context {
	w.t.Helper()
	n := newTenant("t-" + string(id))
	n.ID, n.Isolation = id, w.isolation
	tenant, err := w.config.Store.Create(w.t.Context(), n)
	if err != nil {
		w.t.Fatal(err)
	}
	return tenancy.NewContext(w.t.Context(), tenant)
}

// oneMigrates is for ent's auto-migration, which writes to the description of the tables: a
// package has one for all its clients.
var oneMigrates sync.Mutex //nolint:gochecknoglobals // since those descriptions are

// migration is Create of the Schema that ent generates.
type migration = func(context.Context, ...entschema.MigrateOption) error

// autoMigrate has ent make the tables of an application, and lets everybody use them.
func (w *world) autoMigrate(m schema.Metadata, create func(dialect.Driver) migration) {
	w.t.Helper()
	owner, options := entsql.OpenDB(w.dialect, w.db), []entschema.MigrateOption(nil)
	if w.isolation == tenancy.IsolationRLS {
		options = postgres.MigrateOptions(owner, m)
	}
	oneMigrates.Lock()
	defer oneMigrates.Unlock()
	if err := create(owner)(w.t.Context(), options...); err != nil {
		w.t.Fatal(err)
	}
	if w.dialect == dialect.Postgres {
		w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO PUBLIC")
	}
}

// typed makes the tables of an application whose tenant columns are of other types than text, and returns its client.
func (w *world) typed(m schema.Metadata) *typedent.Client {
	w.t.Helper()
	w.autoMigrate(m, func(d dialect.Driver) migration { return typedmigrate.NewSchema(d).Create })
	return typedent.NewClient(typedent.Driver(w.config.Shared.Driver))
}

// notes makes a table with a tenant column of another type, and two rows of one tenant, and returns what finds those.
func (w *world) notes(table schema.Table, columnType, id string) (all func() []string) {
	w.t.Helper()
	w.exec("CREATE TABLE " + table.Name + " (id int NOT NULL PRIMARY KEY, tenant_id " + columnType + " NOT NULL, parent_id int NULL, " +
		"FOREIGN KEY (parent_id) REFERENCES " + table.Name + " (id) ON DELETE CASCADE)")
	w.exec("INSERT INTO " + table.Name + " VALUES (1, '" + id + "', NULL), (2, '" + id + "', 1)")
	db := w.db
	if w.dialect == dialect.Postgres {
		db = w.system
		w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON " + table.Name + " TO PUBLIC")
		if w.isolation == tenancy.IsolationRLS {
			for _, statement := range postgres.Policies(schema.Metadata{Tables: []schema.Table{table}}) {
				w.exec(statement)
			}
		}
	}
	return func() []string { return column(w.t, db, "SELECT id FROM "+table.Name) }
}

// TestPoliciesTakeAnIDForNoOther: SQL text of a tenant whose id the tenant column
// cannot hold sees no rows of the tenant that a cast takes it for.
func TestPoliciesTakeAnIDForNoOther(t *testing.T) {
	const lower = "0190c6a2-7d3e-7000-8000-00000000abcd"
	in(t, []cell{{dialect.Postgres, tenancy.IsolationRLS}}, func(t *testing.T, w *world) {
		for _, c := range []struct {
			column  schema.ColumnType
			sqlType string
			own     string
			others  []tenancy.ID
		}{
			{schema.Int64, "bigint", "7", []tenancy.ID{"007", "+7"}},
			{schema.UUID, "uuid", lower, []tenancy.ID{tenancy.ID(strings.ToUpper(lower)), "{" + lower + "}"}},
		} {
			table := schema.Table{Name: "notes_" + string(c.column), Entity: "Note", TenantColumn: "tenant_id", ColumnType: c.column, PrimaryKey: []string{"id"}}
			w.notes(table, c.sqlType, c.own)
			for _, id := range c.others {
				tenant := tenancy.Tenant{ID: id, Identifier: "other", Name: "Other", Status: tenancy.StatusActive, Isolation: w.isolation}
				var rows entsql.Rows
				err := w.config.Shared.Driver.Query(tenancy.NewContext(t.Context(), tenant), "SELECT count(*) FROM "+table.Name, []any{}, &rows)
				if err != nil {
					t.Fatal(err)
				}
				n, err := entsql.ScanInt64(&rows)
				if err = errors.Join(err, rows.Close()); err != nil || n != 0 {
					t.Errorf("tenant %q reads %d rows of tenant %q: %v", id, n, c.own, err)
				}
			}
		}
	})
}
