package diff

import (
	"slices"

	atlasmysql "ariga.io/atlas/sql/mysql"
	atlas "ariga.io/atlas/sql/schema"
	atlassqlite "ariga.io/atlas/sql/sqlite"
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
	return uniqueThat(t, func(parts []string) bool { return slices.Equal(slices.Sorted(slices.Values(parts)), columns) })
}

// uniqueInOrder is uniqueOf for columns in this order, which MySQL wants.
func uniqueInOrder(t *atlas.Table, columns []string) *atlas.Index {
	return uniqueThat(t, func(parts []string) bool { return slices.Equal(parts, columns) })
}

// uniqueThat returns the first unique index of all rows and of whole columns that are
// right.
func uniqueThat(t *atlas.Table, right func(columns []string) bool) *atlas.Index {
	for _, index := range t.Indexes {
		whole := !slices.ContainsFunc(index.Parts, func(p *atlas.IndexPart) bool { return p.C == nil || hasAttr[*atlasmysql.SubPart](p.Attrs) })
		if index.Unique && whole && !hasAttr[*atlassqlite.IndexPredicate](index.Attrs) && right(partsOf(index)) {
			return index
		}
	}
	return nil
}

func hasAttr[T atlas.Attr](all []atlas.Attr) bool {
	return slices.ContainsFunc(all, func(a atlas.Attr) bool { _, ok := a.(T); return ok })
}

func partsOf(index *atlas.Index) []string {
	columns := make([]string, 0, len(index.Parts))
	for _, p := range index.Parts {
		columns = append(columns, p.C.Name)
	}
	return columns
}

func names(columns []*atlas.Column) []string {
	all := make([]string, 0, len(columns))
	for _, c := range columns {
		all = append(all, c.Name)
	}
	return all
}
