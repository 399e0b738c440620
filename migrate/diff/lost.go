package diff

import (
	"slices"

	atlaspg "ariga.io/atlas/sql/postgres"
	atlas "ariga.io/atlas/sql/schema"
)

// lost are the columns that changes drop, by table.
type lost map[string][]string

func lostColumns(changes []atlas.Change) lost {
	l := make(lost)
	for _, change := range changes {
		modify, ok := change.(*atlas.ModifyTable)
		if !ok {
			continue
		}
		for _, c := range modify.Changes {
			if drop, ok := c.(*atlas.DropColumn); ok {
				l[modify.T.Name] = append(l[modify.T.Name], drop.C.Name)
			}
		}
	}
	return l
}

// takes reports whether what a change drops goes with a column, or keeps it from
// going: it has to be dropped before the column, and cannot be after it.
func (l lost) takes(table string, change atlas.Change) bool {
	switch c := change.(type) {
	case *atlas.DropIndex:
		return l.index(table, c.I)
	case *atlas.DropForeignKey:
		return l.any(table, c.F.Columns) || l.any(c.F.RefTable.Name, c.F.RefColumns)
	case *atlas.DropCheck:
		return l.check(table, c.C)
	default:
		return false
	}
}

func (l lost) has(table, column string) bool { return slices.Contains(l[table], column) }

func (l lost) any(table string, columns []*atlas.Column) bool {
	return slices.ContainsFunc(columns, func(c *atlas.Column) bool { return l.has(table, c.Name) })
}

// index takes one whose expressions may be about any column of the table.
func (l lost) index(table string, index *atlas.Index) bool {
	if len(l[table]) == 0 {
		return false
	}
	return slices.ContainsFunc(index.Parts, func(p *atlas.IndexPart) bool { return p.C == nil || l.has(table, p.C.Name) }) ||
		slices.ContainsFunc(index.Attrs, func(a atlas.Attr) bool {
			switch a := a.(type) {
			case *atlaspg.IndexPredicate:
				return true
			case *atlaspg.IndexInclude:
				return l.any(table, a.Columns)
			default:
				return false
			}
		})
}

func (l lost) check(table string, check *atlas.Check) bool {
	return slices.ContainsFunc(check.Attrs, func(a atlas.Attr) bool {
		about, ok := a.(*atlaspg.CheckColumns)
		return ok && slices.ContainsFunc(about.Columns, func(name string) bool { return l.has(table, name) })
	})
}
