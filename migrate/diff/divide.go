package diff

import (
	"slices"

	atlaspg "ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// divided are the changes that lead to a schema of PostgreSQL, apart by what
// they do to a table that has rows.
type divided struct {
	aside    []atlas.Change // of columns, and the like
	made     []atlas.Change // new tables
	replaced []atlas.Change // indexes that make room for others of their names
	indexes  []atlas.Change // made while rows are written
	unique   []string       // constraints of those indexes
	keys     []atlas.Change // for new rows; those that are there are not looked at
	present  []string       // the same for NOT NULL
	valid    []string       // the rows that are there
	keyed    []string       // tables whose rows a foreign key is about
}

// divide takes changes apart.
func divide(changes []atlas.Change) divided {
	var d divided
	for _, change := range changes {
		if modify, ok := change.(*atlas.ModifyTable); ok {
			d.modify(modify)
			continue
		}
		d.made = append(d.made, change)
	}
	return d
}

func (d *divided) modify(m *atlas.ModifyTable) {
	var aside, replaced, indexes, keys []atlas.Change
	table := "ALTER TABLE " + quoted(m.T.Name)
	for _, c := range apart(m.Changes) {
		switch c := c.(type) {
		case *atlas.ModifyIndex:
			replaced, indexes = append(replaced, &atlas.DropIndex{I: c.From}), append(indexes, d.index(table, c.To))
		case *atlas.AddIndex:
			indexes = append(indexes, d.index(table, c.I))
		case *atlas.AddForeignKey:
			keys = append(keys, &atlas.AddForeignKey{F: c.F, Extra: notValid()})
			d.valid = append(d.valid, table+" VALIDATE CONSTRAINT "+quoted(c.F.Symbol))
			d.keyed = append(d.keyed, m.T.Name, c.F.RefTable.Name)
		case *atlas.AddCheck:
			keys = append(keys, &atlas.AddCheck{C: c.C, Extra: notValid()})
			d.valid = append(d.valid, table+" VALIDATE CONSTRAINT "+quoted(c.C.Name))
		case *atlas.DropIndex, *atlas.DropForeignKey, *atlas.DropCheck:
			keys = append(keys, c)
		case *atlas.ModifyColumn:
			if c.Change != atlas.ChangeNull || c.To.Type.Null {
				aside = append(aside, c)
				continue
			}
			present, valid := notNull(m.T.Name, c.To.Name)
			d.present, d.valid = append(d.present, present), append(d.valid, valid...)
		default:
			aside = append(aside, c)
		}
	}
	d.aside = appendTable(d.aside, m.T, aside)
	d.replaced = appendTable(d.replaced, m.T, replaced)
	d.indexes = appendTable(d.indexes, m.T, indexes)
	d.keys = appendTable(d.keys, m.T, keys)
}

// index makes an index while rows are written, and a constraint of it if it is to be one.
func (d *divided) index(table string, index *atlas.Index) *atlas.AddIndex {
	if isConstraint(index) {
		d.unique = append(d.unique, table+" ADD CONSTRAINT "+quoted(index.Name)+" UNIQUE USING INDEX "+quoted(index.Name))
	}
	return concurrently(index)
}

// apart makes of a constraint that is modified one that is dropped and one that is added.
func apart(changes []atlas.Change) []atlas.Change {
	var all []atlas.Change
	for _, c := range changes {
		switch c := c.(type) {
		case *atlas.ModifyForeignKey:
			all = append(all, &atlas.DropForeignKey{F: c.From}, &atlas.AddForeignKey{F: c.To})
		case *atlas.ModifyCheck:
			all = append(all, &atlas.DropCheck{C: c.From}, &atlas.AddCheck{C: c.To})
		default:
			all = append(all, c)
		}
	}
	return all
}

// notNull makes a column NOT NULL without a scan under a lock: a check for new
// rows, and then for those that are there.
func notNull(table, column string) (present string, valid []string) {
	check := quoted(shortened(table + "_" + column + "_present"))
	table, column = "ALTER TABLE "+quoted(table), quoted(column)
	return table + " ADD CONSTRAINT " + check + " CHECK (" + column + " IS NOT NULL) NOT VALID",
		[]string{table + " VALIDATE CONSTRAINT " + check, table + " ALTER COLUMN " + column + " SET NOT NULL", table + " DROP CONSTRAINT " + check}
}

func notValid() []atlas.Clause { return []atlas.Clause{&atlaspg.NotValid{}} }

// concurrently is an index that is made while rows are written.
func concurrently(index *atlas.Index) *atlas.AddIndex {
	plain := *index
	plain.Attrs = slices.DeleteFunc(slices.Clone(index.Attrs), func(a atlas.Attr) bool {
		_, ok := a.(*atlaspg.Constraint)
		return ok
	})
	return &atlas.AddIndex{I: &plain, Extra: []atlas.Clause{&atlaspg.Concurrently{}}}
}

func isConstraint(index *atlas.Index) bool {
	return slices.ContainsFunc(index.Attrs, func(a atlas.Attr) bool {
		_, ok := a.(*atlaspg.Constraint)
		return ok
	})
}
