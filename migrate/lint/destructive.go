package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// destructive refuses what loses data.
func (s *statement) destructive(f *file) []problem {
	loses := func(what string) []problem {
		return []problem{{Destructive, what + ": see that nobody reads it any more, in any version that is running"}}
	}
	switch {
	case s.begins("TRUNCATE"):
		return loses("TRUNCATE deletes all rows")
	case s.begins("DELETE") && s.find(0, "WHERE") < 0:
		return loses("DELETE without a condition deletes all rows")
	case s.begins("DROP"):
		return s.drops(f, loses)
	}
	table, actions, ok := s.altered()
	if !ok || f.isNew(table) {
		return nil
	}
	for _, a := range actions {
		if column, ok := a.dropsColumn(); ok {
			return loses("the column " + column + " of " + table + " is dropped")
		}
		if column, ok := a.changesType(f); ok {
			return []problem{{Destructive, "the type of the column " + column + " of " + table + " changes, and may become narrower: add a column and move the values"}}
		}
		if a.begins("RENAME") {
			return []problem{{Destructive, table + " or a column of it is renamed under the version that is running: add what is new and move the values"}}
		}
	}
	return nil
}

// drops is for DROP TABLE and the like.
func (s *statement) drops(f *file, loses func(string) []problem) []problem {
	i := s.skip(1, "MATERIALIZED", "TEMPORARY")
	if !s.at(i).is("TABLE", "VIEW", "SEQUENCE", "TYPE", "DOMAIN") {
		return nil
	}
	kind := strings.ToLower(s.at(i).text)
	for _, part := range split(s.tokens[s.skip(i+1, ifExists()...):]) {
		dropped, _ := part.nameAt(0)
		if f.isNew(dropped) {
			continue
		}
		if lost, again := s.madeAgain(f, dropped); again {
			if len(lost) > 0 {
				return loses("the table " + dropped + " is made again without " + strings.Join(lost, ", "))
			}
			continue
		}
		return loses("the " + kind + " " + dropped + " is dropped")
	}
	return nil
}

// madeAgain reports whether a table is dropped for a copy, as SQLite's is to be
// altered, and which columns the copy does not have.
func (s *statement) madeAgain(f *file, dropped string) (lost []string, ok bool) {
	replacement := ""
	again := f.follows(func(later *statement) bool {
		from, actions, ok := later.altered()
		if !ok || len(actions) == 0 || !f.isNew(from) {
			return false
		}
		to, ok := actions[0].renamed()
		replacement = from
		return ok && to == dropped
	})
	if f.dialect != dialect.SQLite || !again {
		return nil, false
	}
	for _, column := range f.columns[dropped] {
		if !slices.Contains(f.columns[replacement], column) {
			lost = append(lost, column)
		}
	}
	return lost, true
}

// dropsColumn is for an action of ALTER TABLE.
func (s *statement) dropsColumn() (string, bool) {
	if !s.begins("DROP") || s.at(1).is("CONSTRAINT", "PRIMARY", "FOREIGN", "INDEX", "KEY", "CHECK", "PARTITION") {
		return "", false
	}
	column, _ := s.nameAt(s.skip(1, "COLUMN", "IF", "EXISTS"))
	return column, true
}

// changesType is for an action of ALTER TABLE. Only a change to text is known
// to lose and rewrite nothing. MySQL's MODIFY states the whole column again.
func (s *statement) changesType(f *file) (string, bool) {
	if s.at(0).is("MODIFY", "CHANGE") {
		column, _ := s.nameAt(s.skip(1, "COLUMN", "IF", "EXISTS"))
		return column, true
	}
	if !s.begins("ALTER") {
		return "", false
	}
	column, i := s.nameAt(s.skip(1, "COLUMN"))
	i = s.skip(i, "SET", "DATA")
	if !s.at(i).is("TYPE") || f.isPostgres() && s.at(i+1).is("text") && s.find(i, "USING") < 0 {
		return "", false
	}
	return column, true
}
