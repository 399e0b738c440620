package diff

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// longestName is how long a name may be on every database.
const longestName = 63

// keys is the hook that makes foreign keys composite.
func (h half) keys() entschema.DiffHook {
	if h.config.Dialect == dialect.Postgres {
		return postgres.DiffHook(h.tenancy)
	}
	return func(next entschema.Differ) entschema.Differ {
		return entschema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
			if err := compose(current, desired, h.tenancy); err != nil {
				return nil, err
			}
			return next.Diff(current, desired)
		})
	}
}

// compose is postgres.DiffHook for databases without ON DELETE SET NULL (column).
func compose(current, desired *atlas.Schema, m schema.Metadata) error {
	for _, described := range m.Tables {
		table, ok := desired.Table(described.Name)
		if !ok {
			continue
		}
		for _, fk := range described.ForeignKeys {
			key := keyOf(table, fk)
			if key == nil {
				return fmt.Errorf("diff: table %q has no foreign key from %q to %q: generate ent's code again, metadata and tables differ", described.Name, fk.Column, fk.RefTable)
			}
			if key.OnDelete == atlas.SetNull || key.OnDelete == atlas.SetDefault {
				continue // it would clear the tenant too
			}
			if err := composeKey(key, described.TenantColumn, fk.RefTenantColumn); err != nil {
				return err
			}
			uniqueKey(current, key)
		}
	}
	return nil
}

// keyOf goes by the columns: ent shortens the symbols of some.
func keyOf(t *atlas.Table, fk schema.ForeignKey) *atlas.ForeignKey {
	i := slices.IndexFunc(t.ForeignKeys, func(key *atlas.ForeignKey) bool {
		return len(key.Columns) == 1 && key.Columns[0].Name == fk.Column && key.RefTable.Name == fk.RefTable
	})
	if i < 0 {
		return nil
	}
	return t.ForeignKeys[i]
}

func composeKey(key *atlas.ForeignKey, tenant, refTenant string) error {
	column, ok := key.Table.Column(tenant)
	refColumn, refOK := key.RefTable.Column(refTenant)
	if !ok || !refOK {
		return fmt.Errorf("diff: foreign key %q: %q or %q has no tenant column: generate ent's code again, metadata and tables differ", key.Symbol, key.Table.Name, key.RefTable.Name)
	}
	// MySQL gives a key an index of its name, and finds one that is there.
	if index, ok := key.Table.Index(key.Symbol); ok && len(index.Parts) == 1 {
		key.Table.Indexes = slices.DeleteFunc(key.Table.Indexes, func(i *atlas.Index) bool { return i == index })
		key.Table.AddIndexes(atlas.NewIndex(key.Symbol).AddColumns(column, key.Columns[0]))
	}
	key.Columns = []*atlas.Column{column, key.Columns[0]}
	key.RefColumns = []*atlas.Column{refColumn, key.RefColumns[0]}
	column.ForeignKeys = append(column.ForeignKeys, key)
	return nil
}

// uniqueKey makes what a composite key refers to unique. The index that is there keeps
// its name, which is another one where the table was renamed.
func uniqueKey(current *atlas.Schema, key *atlas.ForeignKey) {
	columns := names(key.RefColumns)
	if uniqueInOrder(key.RefTable, columns) != nil {
		return
	}
	name := shortened(key.RefTable.Name + "_" + columns[0] + "_" + columns[1] + "_key")
	if was, ok := current.Table(key.RefTable.Name); ok {
		if index := uniqueInOrder(was, columns); index != nil {
			name = index.Name
		}
	}
	key.RefTable.AddIndexes(atlas.NewUniqueIndex(name).AddColumns(key.RefColumns...))
}

// shortened keeps a name within what databases take, and distinct.
func shortened(name string) string {
	if len(name) <= longestName {
		return name
	}
	sum := sha256.Sum256([]byte(name))
	return name[:longestName-17] + "_" + hex.EncodeToString(sum[:8])
}

// phases divides changes into those that can be planned together. A key goes before
// what it refers to, and comes after it. MySQL cannot drop and add a key in one
// statement, does not need an index for a key that Atlas expects, and does not drop a
// column that a check is about.
func (h half) phases(changes []atlas.Change) [][]atlas.Change {
	switch h.config.Dialect {
	case dialect.Postgres:
		drops, others, _ := detached(changes, func(c atlas.Change) (drop, other, add atlas.Change) {
			if _, ok := c.(*atlas.DropForeignKey); ok {
				return c, nil, nil
			}
			return nil, c, nil
		})
		return [][]atlas.Change{drops, others}
	case dialect.MySQL:
		var tables, made []atlas.Change
		for _, change := range changes {
			if _, ok := change.(*atlas.ModifyTable); ok {
				tables = append(tables, change)
				continue
			}
			made = append(made, change)
		}
		drops, others, adds := detached(tables, splitMySQL)
		return [][]atlas.Change{drops, others, made, adds}
	default:
		return [][]atlas.Change{changes}
	}
}

// splitMySQL says when a change of a table is made on MySQL.
func splitMySQL(c atlas.Change) (drop, other, add atlas.Change) {
	switch c := c.(type) {
	case *atlas.DropForeignKey, *atlas.DropCheck:
		return c, nil, nil
	case *atlas.AddForeignKey:
		return nil, nil, c
	case *atlas.ModifyForeignKey:
		return &atlas.DropForeignKey{F: c.From}, nil, &atlas.AddForeignKey{F: c.To}
	case *atlas.ModifyCheck:
		return &atlas.DropCheck{C: c.From}, &atlas.AddCheck{C: c.To}, nil
	default:
		return nil, c, nil
	}
}

// detached divides the changes of tables into three; others hold all other changes too.
func detached(changes []atlas.Change, split func(atlas.Change) (drop, other, add atlas.Change)) (drops, others, adds []atlas.Change) {
	for _, change := range changes {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			others = append(others, change)
			continue
		}
		var parts [3][]atlas.Change
		for _, c := range modify.Changes {
			drop, other, add := split(c)
			for i, part := range []atlas.Change{drop, other, add} {
				if part != nil {
					parts[i] = append(parts[i], part)
				}
			}
		}
		drops, others, adds = appendTable(drops, modify.T, parts[0]), appendTable(others, modify.T, parts[1]), appendTable(adds, modify.T, parts[2])
	}
	return drops, others, adds
}

// planChanges is the plan of changes, with names for any schema.
func (h half) planChanges(ctx context.Context, p *place, name string, changes []atlas.Change) (*migrate.Plan, error) {
	whole := &migrate.Plan{Name: name}
	for _, phase := range h.phases(changes) {
		if len(phase) == 0 {
			continue
		}
		plan, err := p.atlas.PlanChanges(ctx, name, phase, unqualified)
		if err != nil {
			return nil, fmt.Errorf("diff: planning %s: %w", name, err)
		}
		whole.Changes = append(whole.Changes, plan.Changes...)
	}
	return whole, nil
}

func appendTable(all []atlas.Change, t *atlas.Table, changes []atlas.Change) []atlas.Change {
	if len(changes) == 0 {
		return all
	}
	return append(all, &atlas.ModifyTable{T: t, Changes: changes})
}
