package migratediff_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/schema"
)

// evolving is a project of few tables, which a test changes from one diff to the next.
type evolving struct{ users, orders *entschema.Table }

// newEvolving has users with a unique name and an age that is checked, and orders of users.
func newEvolving() evolving {
	name := &entschema.Column{Name: "name", Type: field.TypeString, Size: 100}
	age := &entschema.Column{Name: "age", Type: field.TypeInt, Default: 0}
	users := tenants("users", name, age)
	users.Indexes = append(users.Indexes, &entschema.Index{Name: "users_tenant_id_name", Unique: true, Columns: []*entschema.Column{users.Columns[1], name}})
	users.Annotation = &entsql.Annotation{Checks: map[string]string{"positive_age": "age >= 0"}}
	orders := tenants("orders", &entschema.Column{Name: "note", Type: field.TypeString, Size: 100, Nullable: true})
	refer(orders, "owner_id", users)
	return evolving{users, orders}
}

// tenants returns a table with rows of tenants.
func tenants(name string, columns ...*entschema.Column) *entschema.Table {
	id := &entschema.Column{Name: "id", Type: field.TypeInt, Increment: true}
	tenant := &entschema.Column{Name: "tenant_id", Type: field.TypeString, Size: 255}
	return &entschema.Table{
		Name: name, PrimaryKey: []*entschema.Column{id}, Columns: append([]*entschema.Column{id, tenant}, columns...),
		Indexes: []*entschema.Index{{Name: name + "_tenant_id", Columns: []*entschema.Column{tenant}}},
	}
}

// refer adds an edge, by a column that is made if there is none.
func refer(from *entschema.Table, column string, to *entschema.Table) {
	i := slices.IndexFunc(from.Columns, func(c *entschema.Column) bool { return c.Name == column })
	if i < 0 {
		i = len(from.Columns)
		from.Columns = append(from.Columns, &entschema.Column{Name: column, Type: field.TypeInt, Nullable: true})
	}
	from.ForeignKeys = append(from.ForeignKeys, &entschema.ForeignKey{
		Symbol: from.Name + "_" + to.Name + "_" + column, Columns: []*entschema.Column{from.Columns[i]}, RefTable: to, RefColumns: to.PrimaryKey, OnDelete: entschema.NoAction,
	})
}

// lose takes a column away, and all that is about it.
func lose(t *entschema.Table, column string) {
	is := func(c *entschema.Column) bool { return c.Name == column }
	t.Columns = slices.DeleteFunc(t.Columns, is)
	t.Indexes = slices.DeleteFunc(t.Indexes, func(i *entschema.Index) bool { return slices.ContainsFunc(i.Columns, is) })
	t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(k *entschema.ForeignKey) bool { return slices.ContainsFunc(k.Columns, is) })
}

// having is the configuration with these tables, of which those with a tenant column are of tenants.
func having(config diff.Config, tables ...*entschema.Table) diff.Config {
	isTenants := func(t *entschema.Table) bool {
		return slices.ContainsFunc(t.Columns, func(c *entschema.Column) bool { return c.Name == "tenant_id" })
	}
	config.Tables, config.Tenancy = tables, schema.Metadata{}
	for _, t := range tables {
		if !isTenants(t) {
			continue
		}
		described := schema.Table{Name: t.Name, TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"}}
		for _, key := range t.ForeignKeys {
			if isTenants(key.RefTable) {
				described.ForeignKeys = append(described.ForeignKeys, schema.ForeignKey{
					Symbol: key.Symbol, Column: key.Columns[0].Name, RefTable: key.RefTable.Name, RefColumn: "id", RefTenantColumn: "tenant_id",
				})
			}
		}
		config.Tenancy.Tables = append(config.Tenancy.Tables, described)
	}
	return config
}

// byHand adds a file to a directory, and sums it.
func byHand(tb testing.TB, config diff.Config, directory, text string) {
	tb.Helper()
	path := filepath.Join(config.Dir, directory)
	all := files(tb, path)
	const format = "20060102150405"
	last, err := time.Parse(format, all[len(all)-1].Version())
	must(tb, err)
	must(tb, os.WriteFile(filepath.Join(path, last.Add(time.Second).Format(format)+"_by_hand.sql"), []byte(text+";\n"), 0o600))
	must(tb, diff.Hash(config.Dir))
}

// runs makes files for what has changed, runs all of both directories in new
// places, and fails where something is left to do.
func runs(t *testing.T, config diff.Config) {
	t.Helper()
	named(t, config, "change")
	for _, directory := range []string{diff.TenantDir, diff.SharedDir} {
		apply(t, database(t, config.Dialect), filepath.Join(config.Dir, directory), 0)
	}
	if err := diff.Check(t.Context(), config); err != nil {
		t.Errorf("a second diff: %v", err)
	}
}
