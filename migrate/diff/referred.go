package diff

import (
	"slices"

	atlas "ariga.io/atlas/sql/schema"
)

// keepReferred adds to the desired tables the unique keys to which tables refer that
// ent does not know any more. They are not dropped, and without its key PostgreSQL
// refuses the file, and SQLite every row that is deleted or changed.
func keepReferred(current, desired *atlas.Schema) {
	for _, left := range current.Tables {
		if _, known := desired.Table(left.Name); known {
			continue
		}
		for _, key := range left.ForeignKeys {
			was, there := current.Table(key.RefTable.Name)
			wanted, stays := desired.Table(key.RefTable.Name)
			if !there || !stays {
				continue
			}
			if index := uniqueOf(was, names(key.RefColumns)); index != nil {
				keepIndex(wanted, index)
			}
		}
	}
}

// keepIndex adds an index to a table, unless it is there or a column of it is gone.
func keepIndex(t *atlas.Table, index *atlas.Index) {
	if _, ok := t.Index(index.Name); ok {
		return
	}
	kept := atlas.NewUniqueIndex(index.Name).AddAttrs(index.Attrs...)
	for _, p := range index.Parts {
		column, ok := t.Column(p.C.Name)
		if !ok {
			return
		}
		part := *p
		part.C = column
		kept.AddParts(&part)
	}
	t.AddIndexes(kept)
}

// uniqueOf returns the unique index of these columns in any order, nil if there is none.
func uniqueOf(t *atlas.Table, columns []string) *atlas.Index {
	columns = slices.Sorted(slices.Values(columns))
	i := slices.IndexFunc(t.Indexes, func(index *atlas.Index) bool {
		var parts []string
		for _, p := range index.Parts {
			if p.C == nil {
				return false
			}
			parts = append(parts, p.C.Name)
		}
		slices.Sort(parts)
		return index.Unique && slices.Equal(parts, columns)
	})
	if i < 0 {
		return nil
	}
	return t.Indexes[i]
}

func names(columns []*atlas.Column) []string {
	all := make([]string, 0, len(columns))
	for _, c := range columns {
		all = append(all, c.Name)
	}
	return all
}
