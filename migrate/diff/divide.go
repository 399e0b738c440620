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
	indexes  []atlas.Change // made while rows are written
	replaced []string       // indexes by those, which take their names
	unique   []string       // constraints of those indexes
	keys     []atlas.Change // for new rows; those that are there are not looked at
	present  []string       // the same for NOT NULL
	valid    []string       // the rows that are there, but for those of foreign keys
	required []string       // NOT NULL, after all of valid: it locks its table to the end of the transaction
	referred []reference    // the rows that foreign keys are about
	lost     lost           // columns that are dropped
}

// reference is a foreign key that is to be validated.
type reference struct {
	valid  string
	tables []string // that it is about
}

// divide takes changes apart.
func divide(changes []atlas.Change) divided {
	d := divided{lost: lostColumns(changes)}
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
	var aside, indexes, keys []atlas.Change
	table := "ALTER TABLE " + quoted(m.T.Name)
	for _, c := range apart(m.Changes) {
		switch c := c.(type) {
		case *atlas.ModifyIndex:
			indexes = append(indexes, d.replace(table, c.From, c.To))
		case *atlas.AddIndex:
			indexes = append(indexes, d.index(table, c.I))
		case *atlas.AddForeignKey:
			keys = append(keys, &atlas.AddForeignKey{F: c.F, Extra: notValid()})
			d.referred = append(d.referred, reference{table + " VALIDATE CONSTRAINT " + quoted(c.F.Symbol), []string{m.T.Name, c.F.RefTable.Name}})
		case *atlas.AddCheck:
			keys = append(keys, &atlas.AddCheck{C: c.C, Extra: notValid()})
			d.valid = append(d.valid, table+" VALIDATE CONSTRAINT "+quoted(c.C.Name))
		case *atlas.DropIndex, *atlas.DropForeignKey, *atlas.DropCheck:
			if d.lost.takes(m.T.Name, c) {
				aside = append(aside, c)
				continue
			}
			keys = append(keys, c)
		case *atlas.ModifyColumn:
			if c.Change != atlas.ChangeNull || c.To.Type.Null {
				aside = append(aside, c)
				continue
			}
			n := notNull(m.T.Name, c.To.Name)
			d.present, d.valid, d.required = append(d.present, n.present), append(d.valid, n.valid), append(d.required, n.required...)
		default:
			aside = append(aside, c)
		}
	}
	d.aside = appendTable(d.aside, m.T, aside)
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

// replace makes an index beside the one that it is to replace, so that what is unique
// is so at any time, and ON CONFLICT finds one of the two. An index goes with its
// column, and then the old one is not there any more.
func (d *divided) replace(table string, from, to *atlas.Index) *atlas.AddIndex {
	made := concurrently(to)
	made.I.Name = shortened(to.Name + "_replacement")
	drop := "DROP INDEX IF EXISTS " + quoted(from.Name)
	if isConstraint(from) {
		drop = table + " DROP CONSTRAINT IF EXISTS " + quoted(from.Name)
	}
	name := "ALTER INDEX " + quoted(made.I.Name) + " RENAME TO " + quoted(to.Name)
	if isConstraint(to) { // which gives the index its name
		name = table + " ADD CONSTRAINT " + quoted(to.Name) + " UNIQUE USING INDEX " + quoted(made.I.Name)
	}
	d.replaced = append(d.replaced, drop, name)
	return made
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

// notNullSteps are the statements that make a column NOT NULL.
type notNullSteps struct {
	present  string   // a check for new rows
	valid    string   // the same for those that are there
	required []string // which finds the check
}

// notNull makes a column NOT NULL without a scan under a lock.
func notNull(table, column string) notNullSteps {
	check := quoted(shortened(table + "_" + column + "_present"))
	table, column = "ALTER TABLE "+quoted(table), quoted(column)
	return notNullSteps{
		present:  table + " ADD CONSTRAINT " + check + " CHECK (" + column + " IS NOT NULL) NOT VALID",
		valid:    table + " VALIDATE CONSTRAINT " + check,
		required: []string{table + " ALTER COLUMN " + column + " SET NOT NULL", table + " DROP CONSTRAINT " + check},
	}
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
