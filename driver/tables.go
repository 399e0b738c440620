package driver

import (
	"fmt"

	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/schema"
)

// SplitTables splits the tables of a generated client, its migrate.Tables, into
// those that each tenant with a database or schema of its own has, and those of
// global entities. Both are copies. They refer to no table of the other half:
// foreign keys between the halves are left out, with what they do on delete,
// since the tables may be in different databases.
//
//	tenants, globals, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
//	err = migrate.Create(ctx, migrate.NewSchema(drv), tenants)
//
// It fails if m does not describe these tables. Tables that are shared need no
// splitting. It must not run at the same time as one of ent's migrations, which
// write to the tables.
func SplitTables(tables []*entschema.Table, m schema.Metadata) (tenants, globals []*entschema.Table, err error) {
	scoped := make(map[string]bool, len(m.Tables))
	for _, t := range m.Tables {
		scoped[t.Name] = true
	}
	copies, err := copyTables(tables)
	if err != nil {
		return nil, nil, err
	}
	for _, t := range copies {
		t.ForeignKeys = keysWithin(t, scoped)
		if scoped[t.Name] {
			tenants = append(tenants, t)
		} else {
			globals = append(globals, t)
		}
	}
	if len(tenants) == 0 || len(tenants) != len(scoped) {
		return nil, nil, fmt.Errorf("driver: SplitTables: the metadata names %d tables of tenants, and %d of them are among the %d given: "+
			"both must come from one generated client", len(scoped), len(tenants), len(tables))
	}
	return tenants, globals, nil
}

// copyTables is ent's CopyTables with the fields that it leaves out.
func copyTables(tables []*entschema.Table) ([]*entschema.Table, error) {
	copies, err := entschema.CopyTables(tables)
	if err != nil {
		return nil, fmt.Errorf("driver: SplitTables: %w", err)
	}
	for i, t := range tables {
		copies[i].Schema, copies[i].Comment, copies[i].View, copies[i].Pos = t.Schema, t.Comment, t.View, t.Pos
	}
	return copies, nil
}

// keysWithin returns the foreign keys of a table to tables of its own half.
func keysWithin(t *entschema.Table, scoped map[string]bool) []*entschema.ForeignKey {
	var kept []*entschema.ForeignKey
	for _, key := range t.ForeignKeys {
		if scoped[key.RefTable.Name] == scoped[t.Name] {
			kept = append(kept, key)
		}
	}
	return kept
}
