package isolation

import (
	"database/sql"
	"slices"

	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// place is a database, or a schema of one, that holds rows of a world.
type place struct {
	name   string // before the keys of its rows, empty for the home
	admin  *sql.DB
	tables []*schema.Table
}

// The places of tenants that do not live in the home.
const (
	placeOfA = "A:"
	placeOfB = "B:"
)

const tenantColumn = "tenant_id"

// places returns the home, and the tenants' own places where they have any. A
// home can have tables of tenants too, where nobody must come who falls out of a
// place of its own.
func (db *Database) places() []place {
	tenants, globals := split()
	all := []place{{"", db.Admin, append(tenants, globals...)}}
	if db.Globals != nil {
		all = []place{{"", db.Globals, globals}}
		if db.Admin != nil {
			all = append(all, place{"", db.Admin, tenants})
		}
	}
	if db.A.Admin != nil {
		all = append(all, place{placeOfA, db.A.Admin, tenants})
	}
	if db.B.Admin != nil {
		all = append(all, place{placeOfB, db.B.Admin, tenants})
	}
	return all
}

// split returns the tables with rows of tenants, and everybody's.
func split() (tenants, globals []*schema.Table) {
	for _, t := range migrate.Tables {
		if slices.ContainsFunc(t.Columns, func(c *schema.Column) bool { return c.Name == tenantColumn }) {
			tenants = append(tenants, t)
		} else {
			globals = append(globals, t)
		}
	}
	return slices.Clip(tenants), globals
}

func (p place) has(table string) bool {
	return slices.ContainsFunc(p.tables, func(t *schema.Table) bool { return t.Name == table })
}

// separate reports whether the tenants' rows are in different tables.
func (db *Database) separate() bool { return db.A.Admin != db.B.Admin }

// placeOf returns the name of the place of a tenant of the world.
func (db *Database) placeOf(w *World, tenant string) string {
	switch {
	case tenant == string(w.A.ID) && db.A.Admin != nil:
		return placeOfA
	case tenant == string(w.B.ID) && db.B.Admin != nil:
		return placeOfB
	}
	return ""
}
