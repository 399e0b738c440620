package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// destructive refuses what loses data.
func (s *statement) destructive(f *file) []problem {
	loses := func(what string) []problem {
		return []problem{{Destructive, what + ": see that nobody reads it any more, in any version that is running"}}
	}
	switch {
	case s.begins("TRUNCATE"):
		return loses("TRUNCATE deletes all rows")
	case slices.ContainsFunc(s.rowChanges(), func(c rowChange) bool { return c.all }):
		return loses("DELETE without a condition deletes all rows")
	case s.begins("DROP", "OWNED"):
		return loses("all that the role owns is dropped")
	case s.begins("DROP"):
		return s.drops(f, loses)
	}
	if made, _, ok := s.created(); ok && s.begins("CREATE", "OR", "REPLACE") && !f.isNew(made) {
		return loses("the table " + made + " is dropped where there is one, to be made again")
	}
	for _, names := range s.renames() {
		if !f.isNew(names[0]) {
			return renamed(names[0])
		}
	}
	return s.destroys(f, loses)
}

// destroys is for ALTER TABLE.
func (s *statement) destroys(f *file, loses func(string) []problem) []problem {
	table, actions, ok := s.altered()
	if !ok || f.isNew(table) {
		return nil
	}
	recoded := slices.ContainsFunc(actions, (*statement).recodes)
	for _, a := range actions {
		switch column, drops := a.dropsColumn(f); {
		case f.dialect == dialect.MySQL && (a.at(0).Is("DROP", "TRUNCATE") && a.at(1).Is("PARTITION") || a.begins("DISCARD")):
			return loses("rows of " + table + " go with their partition or file")
		case f.dialect == dialect.MySQL && a.begins("CONVERT"):
			return []problem{{Destructive, "the character set of all texts of " + table + " changes, and may become narrower: add columns and move the values"}}
		case drops:
			return loses("the column " + column + " of " + table + " is dropped")
		case a.begins("RENAME") && !a.at(1).Is(f.namesOnly()...):
			return renamed(table)
		}
		if found := a.restated(f, table, recoded); found != nil {
			return found
		}
		if column, to, ok := a.setsType(); ok && !a.becomesText(f, to) {
			return narrower(column, table)
		}
	}
	return nil
}

func narrower(column, table string) []problem {
	return []problem{{Destructive, "the type of the column " + column + " of " + table + " changes, and may become narrower: add a column and move the values"}}
}

// restated is for MySQL's MODIFY and CHANGE, which state the whole column again: with
// another default alone nothing is lost. Where the files made the column, they say so. In
// a statement by which the table is recoded it may get another character set as well.
func (s *statement) restated(f *file, table string, recoded bool) []problem {
	from, to, after, ok := s.restates(f)
	if !ok {
		return nil
	}
	was, now := f.column(table, from), f.columnOf(to, s, after)
	switch {
	case from != to:
		return renamed(table)
	case was.kind == "":
		return []problem{{Destructive, "the column " + from + " of " + table + " is stated anew, and the files do not say what it was: where its type becomes narrower, add a column and move the values"}}
	case was.kind != now.kind:
		return narrower(from, table)
	case recoded:
		return []problem{{Destructive, "the column " + from + " of " + table + " is stated anew in the statement that changes the table's character set, and may become narrower: state it in one before that"}}
	case was.null && !now.null:
		return []problem{{Destructive, "the column " + from + " of " + table + " becomes NOT NULL: where it is NULL the statement fails, or without a strict sql_mode writes another value: fill it before"}}
	}
	return nil
}

func renamed(table string) []problem {
	return []problem{{Destructive, table + " or a column of it is renamed under the version that is running: add what is new and move the values"}}
}

// namesOnly are the words after RENAME for what no statement of an application
// names.
func (f *file) namesOnly() []string {
	if f.dialect == dialect.MySQL {
		return []string{"INDEX", "KEY"}
	}
	return []string{"CONSTRAINT"}
}

// drops is for DROP TABLE and the like.
func (s *statement) drops(f *file, loses func(string) []problem) []problem {
	kind, dropped := s.dropped()
	for _, name := range dropped {
		if f.isNew(name) {
			continue
		}
		again, lost := s.madeAgain(f, name)
		switch {
		case !again:
			return loses("the " + kind + " " + name + " is dropped")
		case lost != "":
			return loses("the table " + name + " is made again without " + lost)
		}
	}
	return nil
}

// dropped returns what DROP TABLE and the like drop, and of which kind that is.
func (s *statement) dropped() (kind string, names []string) {
	i := s.skip(1, "MATERIALIZED", "TEMPORARY", "FOREIGN")
	if !s.begins("DROP") || !s.at(i).Is("TABLE", "TABLES", "VIEW", "SEQUENCE", "TYPE", "DOMAIN") {
		return "", nil
	}
	for _, part := range split(s.tokens[s.skip(i+1, ifExists()...):]) {
		name, _ := part.nameAt(0)
		names = append(names, name)
	}
	return strings.ToLower(s.at(i).Text), names
}

// madeAgain reports whether a table is dropped for a copy, as SQLite's is to be
// altered, and what of it the copy does not have.
func (s *statement) madeAgain(f *file, dropped string) (again bool, lost string) {
	copied := ""
	again = f.dialect == dialect.SQLite && f.follows(func(later *statement) bool {
		for _, names := range later.renames() {
			if names[1] == dropped && f.isNew(names[0]) {
				copied = names[0]
				return true
			}
		}
		return false
	})
	if !again {
		return false, ""
	}
	for _, earlier := range f.statements[:f.at] {
		if from, into, values := earlier.copies(f); from == dropped && into == copied {
			return true, f.lost(dropped, values)
		}
	}
	return true, "its rows: there is no INSERT INTO " + copied + " (…) SELECT … FROM " + dropped
}

// copies returns the tables of a statement that copies all rows of one into
// another, and the expression for each column of the latter.
func (s *statement) copies(f *file) (from, into string, values map[string]*statement) {
	if !s.begins("INSERT", "INTO") {
		return "", "", nil
	}
	into, i := s.nameAt(2)
	var columns []string
	for _, c := range f.columns[into] {
		columns = append(columns, c.name)
	}
	if listed := s.definitions(i); listed != nil {
		columns = nil
		for _, c := range listed {
			name, _ := c.nameAt(0)
			columns = append(columns, name)
		}
		i = s.find(i, "SELECT")
	}
	if i < 0 || !s.at(i).Is("SELECT") || s.at(i+1).Is("DISTINCT") {
		return "", "", nil
	}
	// The first FROM outside of parentheses, and nothing after the table.
	selected := &statement{s.tokens[i+1:]}
	end := selected.end("FROM")
	from, after := selected.nameAt(end + 1)
	if rest := selected.at(after); rest.Text != "" && !rest.IsSymbol(";") {
		return "", "", nil
	}
	expressions := split(selected.tokens[:end])
	if len(expressions) == 1 && expressions[0].at(0).IsSymbol("*") {
		expressions = nil
		for _, c := range f.columns[from] {
			expressions = append(expressions, &statement{[]statements.Token{{Kind: statements.Name, Text: c.name}}})
		}
	}
	values = make(map[string]*statement)
	for k, expression := range expressions {
		if k < len(columns) {
			values[columns[k]] = expression
		}
	}
	return from, into, values
}

// lost names the columns of a table whose values a copy does not have.
func (f *file) lost(table string, values map[string]*statement) string {
	if len(f.columns[table]) == 0 {
		return "columns that it may have had: it is not known which"
	}
	var lost []string
	for _, c := range f.columns[table] {
		if value := values[c.name]; value == nil || !value.names(c.name) {
			lost = append(lost, c.name)
		}
	}
	return strings.Join(lost, ", ")
}

// names reports whether a column is named. In an expression single quotes are those
// of a text.
func (s *statement) names(column string) bool {
	for i, t := range s.tokens {
		if name, _ := s.nameAt(i); name == column && t.Kind != statements.Either {
			return true
		}
	}
	return false
}

// becomesText reports a new type at an action's end that is text. A change to it loses
// nothing; whether it holds the table is for locking.
func (s *statement) becomesText(f *file, to int) bool {
	return f.isPostgres() && s.at(to).Is("text") && to == len(s.tokens)-1
}
