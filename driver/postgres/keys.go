package postgres

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	atlaspg "ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/schema"
)

// DiffHook returns a hook of ent's migrations, automatic or versioned, by which
// a foreign key from one row of a tenant to another holds both to one tenant:
//
//	UNIQUE (tenant_id, id)
//	FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id)
//
// Row-level security alone does not: PostgreSQL checks foreign keys, and
// cascades, past it. ON DELETE SET NULL keeps the tenant of the row, for which
// PostgreSQL has to be 15 or newer.
//
// [MigrateOptions] has it already. It is for versioned migrations, together
// with [Formatter]:
//
//	schema.WithDiffHook(postgres.DiffHook(migrate.Tenancy)),
//	schema.WithFormatter(postgres.Formatter(atlasmigrate.DefaultFormatter, migrate.Tenancy)),
//
// A database whose keys have one column is migrated. That fails, and names the
// key, if one tenant's row refers to another's.
func DiffHook(m schema.Metadata) entschema.DiffHook {
	return func(next entschema.Differ) entschema.Differ {
		return entschema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
			composite, err := composeKeys(current, desired, m)
			if err != nil {
				return nil, err
			}
			changes, err := next.Diff(current, desired)
			if err != nil {
				return nil, err
			}
			for _, change := range changes {
				composite.complete(change)
			}
			return changes, nil
		})
	}
}

// compositeKeys holds, for each composite foreign key, the column that refers.
type compositeKeys map[*atlas.ForeignKey]string

// composeKeys adds the tenant to the foreign keys between tenants' tables. A
// table that is not there is not migrated this time.
func composeKeys(current, desired *atlas.Schema, m schema.Metadata) (compositeKeys, error) {
	keys := make(compositeKeys)
	for _, described := range m.Tables {
		table, ok := desired.Table(described.Name)
		if !ok {
			continue
		}
		for _, fk := range described.ForeignKeys {
			key := foreignKey(table, fk)
			if key == nil {
				return nil, fmt.Errorf("postgres: table %q has no foreign key from %q to %q: generate ent's code again, metadata and tables differ", described.Name, fk.Column, fk.RefTable)
			}
			if err := compose(key, described.TenantColumn, fk.RefTenantColumn); err != nil {
				return nil, err
			}
			unique(current, key)
			keys[key] = fk.Column
		}
	}
	return keys, nil
}

// foreignKey goes by the columns: ent shortens the symbols of some.
func foreignKey(t *atlas.Table, fk schema.ForeignKey) *atlas.ForeignKey {
	for _, key := range t.ForeignKeys {
		if len(key.Columns) == 1 && key.Columns[0].Name == fk.Column && key.RefTable.Name == fk.RefTable {
			return key
		}
	}
	return nil
}

func compose(key *atlas.ForeignKey, tenant, refTenant string) error {
	column, ok := key.Table.Column(tenant)
	refColumn, refOK := key.RefTable.Column(refTenant)
	if !ok || !refOK {
		return fmt.Errorf("postgres: foreign key %q: %q or %q has no tenant column: generate ent's code again, metadata and tables differ", key.Symbol, key.Table.Name, key.RefTable.Name)
	}
	key.Columns = []*atlas.Column{column, key.Columns[0]}
	key.RefColumns = []*atlas.Column{refColumn, key.RefColumns[0]}
	column.ForeignKeys = append(column.ForeignKeys, key)
	return nil
}

// unique makes the columns that a composite key refers to something that a foreign
// key can refer to. It is a constraint and not an index, so that it comes in one
// statement with a key of the table to itself: PostgreSQL then makes the constraint
// first. The constraint that is there keeps its name, which is another one where the
// table or a column was renamed: the keys that refer to it depend on it.
func unique(current *atlas.Schema, key *atlas.ForeignKey) {
	t, columns := key.RefTable, key.RefColumns
	if constraintOf(t, columns) != "" {
		return
	}
	name := shortened(t.Name + "_" + columns[0].Name + "_" + columns[1].Name + "_key")
	if was, ok := current.Table(t.Name); ok {
		name = cmp.Or(constraintOf(was, columns), name)
	}
	t.AddIndexes(atlas.NewUniqueIndex(name).AddColumns(columns...).AddAttrs(atlaspg.UniqueConstraint(name)))
}

// constraintOf returns the name of the unique constraint of columns, empty if there is none.
func constraintOf(t *atlas.Table, columns []*atlas.Column) string {
	for _, index := range t.Indexes {
		if isConstraint(index) && slices.EqualFunc(index.Parts, columns, func(p *atlas.IndexPart, c *atlas.Column) bool {
			return p.C != nil && p.C.Name == c.Name
		}) {
			return index.Name
		}
	}
	return ""
}

func isConstraint(index *atlas.Index) bool {
	return index.Unique && slices.ContainsFunc(index.Attrs, func(a atlas.Attr) bool {
		_, ok := a.(*atlaspg.Constraint)
		return ok
	})
}

// shortened keeps a name within what PostgreSQL would otherwise cut off, and
// distinct.
func shortened(name string) string {
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longestName-17] + "_" + hex.EncodeToString(sum[:8])
}

// complete prepares a change for Atlas's planner.
func (keys compositeKeys) complete(change atlas.Change) {
	switch change := change.(type) {
	case *atlas.AddTable:
		for _, key := range change.T.ForeignKeys {
			keys.keepTenant(key)
		}
	case *atlas.ModifyTable:
		change.Changes = keys.split(change.Changes)
	}
}

// split replaces a modified key by dropping and adding it, because only what is
// added waits, among tables that refer to each other, until all of them have
// their unique constraint.
func (keys compositeKeys) split(changes []atlas.Change) []atlas.Change {
	var all []atlas.Change
	for _, change := range changes {
		switch change := change.(type) {
		case *atlas.AddForeignKey:
			keys.keepTenant(change.F)
			all = append(all, change)
		case *atlas.ModifyForeignKey:
			keys.keepTenant(change.To)
			all = append(all, &atlas.DropForeignKey{F: change.From}, &atlas.AddForeignKey{F: change.To})
		default:
			all = append(all, change)
		}
	}
	return all
}

// keepTenant restricts what happens on a delete to the column that refers. It
// is done after the diff, because an inspection does not find the restriction.
func (keys compositeKeys) keepTenant(key *atlas.ForeignKey) {
	column, ok := keys[key]
	if ok && (key.OnDelete == atlas.SetNull || key.OnDelete == atlas.SetDefault) {
		key.OnDelete += atlas.ReferenceOption(" (" + quoteIdentifier(column) + ")")
	}
}
