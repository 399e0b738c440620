package driver_test

import (
	"slices"
	"testing"

	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/schema"
)

// shop is tables as ent generates them, with foreign keys between all halves.
func shop() ([]*entschema.Table, schema.Metadata) {
	table := func(name string, columns ...string) *entschema.Table {
		t := &entschema.Table{Name: name, Comment: "about " + name, Pos: name + ".go", Annotation: &entsql.Annotation{Charset: "utf8mb4"}}
		for _, column := range append([]string{"id"}, columns...) {
			t.Columns = append(t.Columns, &entschema.Column{Name: column, Type: field.TypeInt})
		}
		t.PrimaryKey = t.Columns[:1]
		return t
	}
	key := func(symbol string, from *entschema.Table, column string, to *entschema.Table) {
		i := slices.IndexFunc(from.Columns, func(c *entschema.Column) bool { return c.Name == column })
		from.ForeignKeys = append(from.ForeignKeys, &entschema.ForeignKey{
			Symbol: symbol, Columns: from.Columns[i : i+1], RefTable: to, RefColumns: to.Columns[:1], OnDelete: entschema.Cascade,
		})
	}
	orders, items := table("orders", "country"), table("items", "order")
	countries, regions := table("countries", "region", "favorite"), table("regions")
	report := table("report")
	report.View = true
	key("orders_country", orders, "country", countries)
	key("items_order", items, "order", orders)
	key("countries_favorite", countries, "favorite", orders)
	key("countries_region", countries, "region", regions)
	orders.Indexes = []*entschema.Index{{Name: "by_country", Columns: orders.Columns[1:2]}}
	return []*entschema.Table{orders, countries, items, regions, report},
		schema.Metadata{Tables: []schema.Table{{Name: "items"}, {Name: "orders"}, {Name: "report"}}}
}

func TestSplitTables(t *testing.T) {
	t.Parallel()
	all, metadata := shop()
	tenants, globals, err := driver.SplitTables(all, metadata)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]string{"orders": nil, "items": {"items_order"}, "report": nil, "countries": {"countries_region"}, "regions": nil}
	if len(tenants) != 3 || len(globals) != 2 {
		t.Fatalf("%d tables of tenants and %d global ones, want 3 and 2", len(tenants), len(globals))
	}
	for i, got := range slices.Concat(tenants, globals) {
		original := all[slices.IndexFunc(all, func(t *entschema.Table) bool { return t.Name == got.Name })]
		if global := got.Name == "countries" || got.Name == "regions"; global != (i >= len(tenants)) {
			t.Errorf("%s is in the wrong half", got.Name)
		}
		var symbols []string
		for _, key := range got.ForeignKeys {
			symbols = append(symbols, key.Symbol)
			if !slices.Contains(tenants, key.RefTable) && !slices.Contains(globals, key.RefTable) {
				t.Errorf("%s refers to a table that is not a copy", key.Symbol)
			}
		}
		if !slices.Equal(symbols, keys[got.Name]) {
			t.Errorf("%s has the keys %q, want %q", got.Name, symbols, keys[got.Name])
		}
		if got == original || got.Columns[0] == original.Columns[0] || got.Annotation == original.Annotation {
			t.Errorf("%s is no copy", got.Name)
		}
		if got.Comment != original.Comment || got.Pos != original.Pos || got.View != original.View || len(got.Indexes) != len(original.Indexes) {
			t.Errorf("%s has lost something", got.Name)
		}
	}
	if n := len(all[0].ForeignKeys); n != 1 {
		t.Errorf("the original has %d keys left", n)
	}
}

func TestSplitTablesOfAnotherClient(t *testing.T) {
	t.Parallel()
	all, metadata := shop()
	for name, m := range map[string]schema.Metadata{
		"none":    {},
		"unknown": {Tables: append(metadata.Tables, schema.Table{Name: "invoices"})},
	} {
		if _, _, err := driver.SplitTables(all, m); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	all[0].ForeignKeys[0].RefTable = &entschema.Table{Name: "elsewhere"}
	if _, _, err := driver.SplitTables(all, metadata); err == nil {
		t.Error("a reference to a table that is not given: no error")
	}
}
