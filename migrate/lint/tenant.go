package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// loosensTenant is for an action of ALTER TABLE after which SQL that does not go through the
// client can leave rows that are nobody's, or another tenant's than was meant.
func (s *statement) loosensTenant(f *file, table string) string {
	switch column, required, fallback := s.alteredColumn(f); {
	case !f.isTenant(column):
		return ""
	case !required:
		return "rows of " + table + " may have no tenant when " + column + " may be NULL: leave it NOT NULL"
	case fallback:
		return "rows of " + table + " that name no tenant would be one's by the default of " + column + ": leave it without"
	}
	return ""
}

// isTenant reports a tenant column, in whatever case MySQL is told of it.
func (f *file) isTenant(column string) bool {
	return slices.ContainsFunc(f.tenantColumns, func(known string) bool { return strings.EqualFold(known, column) })
}

// alteredColumn returns the column that an action states or alters, whether that leaves it
// NOT NULL, and whether it gets a default. A column that is added may be NULL until it
// is filled.
func (s *statement) alteredColumn(f *file) (column string, required, fallback bool) {
	if added, after, ok := s.addsColumn(f); ok {
		return added, true, s.defaultsTo(after)
	}
	if _, to, after, ok := s.restates(f); ok {
		_, null := (&statement{s.tokens[min(after, len(s.tokens)):]}).kindOf()
		return to, !null, s.defaultsTo(after)
	}
	if !s.begins("ALTER") || f.dialect == dialect.SQLite {
		return "", true, false
	}
	column, after := s.nameAt(s.skip(1, "COLUMN", "IF", "EXISTS"))
	return column, !s.has(after, "DROP", "NOT", "NULL"), s.has(after, "SET", "DEFAULT") && !s.at(after+2).Is("NULL")
}

// defaultsTo reports a definition, from i on, with another default than NULL.
func (s *statement) defaultsTo(i int) bool {
	definition := &statement{s.tokens[min(i, len(s.tokens)):]}
	at := definition.fallback()
	return at >= 0 && !definition.at(at+1).Is("NULL")
}
