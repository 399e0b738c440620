package postgres_test

import (
	"fmt"
	"strings"
	"testing"

	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// ring is an application of n tables with awkward names. Each refers to itself
// and to the next one, the last to the first. It has more changes than a short
// sort keeps in order by chance.
func ring(n int, onDelete entschema.ReferenceOption) application {
	const tenant = "Org id"
	tables := make([]*entschema.Table, n)
	var m schema.Metadata
	name := func(i int) string { return fmt.Sprintf("Table %02d %s", i%n, strings.Repeat("x", 50)) }
	for i := range tables {
		id := &entschema.Column{Name: "id", Type: field.TypeInt, Increment: true}
		tables[i] = entschema.NewTable(name(i)).AddPrimary(id).
			AddColumn(&entschema.Column{Name: tenant, Type: field.TypeInt64}).
			AddColumn(&entschema.Column{Name: "Parent", Type: field.TypeInt, Nullable: true}).
			AddColumn(&entschema.Column{Name: "next row", Type: field.TypeInt, Nullable: true})
	}
	for i, table := range tables {
		described := schema.Table{Name: table.Name, TenantColumn: tenant, ColumnType: schema.Int64, PrimaryKey: []string{"id"}}
		for j, ref := range []int{i, (i + 1) % n} {
			column := table.Columns[2+j]
			symbol := fmt.Sprintf("%02d %d %s", i, j, strings.Repeat("symbol", 12)) // ent shortens it
			table.AddForeignKey(&entschema.ForeignKey{
				Symbol: symbol, Columns: []*entschema.Column{column}, RefTable: tables[ref], RefColumns: tables[ref].PrimaryKey, OnDelete: onDelete,
			})
			described.ForeignKeys = append(described.ForeignKeys, schema.ForeignKey{
				Symbol: symbol, Column: column.Name, RefTable: name(ref), RefColumn: "id", RefTenantColumn: tenant, OnDelete: string(onDelete),
			})
		}
		m.Tables = append(m.Tables, described)
	}
	return newApplication(tables, m)
}

func TestRingOfTables(t *testing.T) {
	t.Parallel()
	for _, onDelete := range []entschema.ReferenceOption{entschema.SetNull, entschema.Cascade, entschema.NoAction} {
		for _, size := range []int{1, 15} {
			for _, upgrade := range []bool{false, true} {
				t.Run(fmt.Sprint(onDelete, size, upgrade), func(t *testing.T) {
					t.Parallel()
					g := newBare(t, ring(size, onDelete))
					if upgrade {
						must(t, g.migratePlainly(t))
					}
					must(t, g.migrate(t))
					g.verifies(t)
					var again planned
					must(t, g.migrate(t, again.option()))
					if len(again.statements) != 0 {
						t.Errorf("planned again: %q", again.statements)
					}
				})
			}
		}
	}
}

// TestTenantsOfNumbers has ids that are no number fail rather than show rows.
func TestTenantsOfNumbers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, ring(1, entschema.SetNull))
	table := quoted(g.tables[0].Name)
	db := openURL(t, g.app, postgres.Config{})
	insert := "INSERT INTO " + table + ` ("Org id") VALUES ($1) RETURNING id`
	one[int](asTenant(t, "7"), t, db, insert, 7)
	wantCode(t, db.QueryRowContext(asTenant(t, "7"), insert, 8).Scan(new(int)), "42501")
	if n := one[int](asTenant(t, "8"), t, db, "SELECT count(*) FROM "+table); n != 0 {
		t.Errorf("another tenant sees %d rows", n)
	}
	for _, none := range []tenancy.ID{"seven", "007", "+7", "7.0", "-0"} { // which a cast would take for one, or refuse
		if n := one[int](asTenant(t, none), t, db, "SELECT count(*) FROM "+table); n != 0 {
			t.Errorf("tenant %q sees %d rows", none, n)
		}
	}
	wantCode(t, db.QueryRowContext(asTenant(t, "99999999999999999999"), "SELECT count(*) FROM "+table).Scan(new(int)), "22003")
}

// TestPoliciesByHand runs them on tables whose names need quoting.
func TestPoliciesByHand(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	g.tenancy = schema.Metadata{Tables: []schema.Table{
		{Name: `ta"ble`, TenantColumn: `te"nant`},
		{Name: "UUIDs", TenantColumn: "select", ColumnType: schema.UUID},
	}}
	run(t, g.owner, `CREATE TABLE "ta""ble" (id int, "te""nant" text NOT NULL)`, `CREATE TABLE "UUIDs" (id int, "select" uuid NOT NULL)`)
	run(t, g.owner, postgres.Policies(g.tenancy)...)
	g.verifies(t)
}
