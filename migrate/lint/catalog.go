package lint

import (
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// catalog is what a directory has made so far, as far as it is known.
type catalog struct {
	columns map[string][]column // of tables
	forced  map[string]bool     // tables whose owner is held by row-level security too
	foreign map[string]bool     // constraints that are foreign keys
}

// column is one of a table.
type column struct {
	name string
	text bool   // it is known to be text or varchar, in the collation of the database
	kind string // on MySQL, as kindOf has it; empty if it is not known
	null bool   // on MySQL, it may be NULL
}

func newCatalog() catalog {
	return catalog{make(map[string][]column), make(map[string]bool), make(map[string]bool)}
}

// isText reports whether a column is known to be text, or to become it by itself.
func (f *file) isText(table, name string) bool {
	return f.column(table, name).text
}

// column returns what is known of a column.
func (f *file) column(table, name string) column {
	i := slices.IndexFunc(f.columns[table], func(c column) bool { return c.name == name })
	if i < 0 {
		return column{name: name}
	}
	return f.columns[table][i]
}

// columnOf is a column by its definition, whose type is at a position.
func (f *file) columnOf(name string, definition *statement, at int) column {
	c := column{name: name, text: definition.isText(at)}
	if f.dialect == dialect.MySQL {
		c.kind, c.null = (&statement{definition.tokens[min(at, len(definition.tokens)):]}).kindOf()
	}
	return c
}

// note keeps what a statement does for those after it.
func (f *file) note(s *statement) {
	if table, after, ok := s.created(); ok {
		f.noteTable(table, f.columnsOf(s.definitions(after)), s.keepsTable())
		return
	}
	_, dropped := s.dropped()
	for _, name := range dropped {
		delete(f.made, name)
	}
	table, actions, _ := s.altered()
	for _, a := range actions {
		f.noteConstraint(table, a)
		f.noteColumn(table, a)
		if a.recodes() {
			f.forgetKinds(table)
		}
		switch {
		case a.begins("FORCE", "ROW"):
			f.forced[table] = true
		case a.begins("NO", "FORCE"):
			f.forced[table], f.lifted[table] = false, true
		}
	}
	for _, names := range s.renames() {
		from, to := names[0], names[1]
		f.columns[to], f.made[to], f.forced[to] = f.columns[from], f.made[from], f.forced[from]
		delete(f.made, from)
	}
}

// noteTable is note for a table that is made, unless there was one of that name
// and it is kept.
func (f *file) noteTable(table string, columns []column, kept bool) {
	if !kept {
		f.made[table], f.columns[table] = true, columns
		return
	}
	if _, known := f.columns[table]; known {
		return
	}
	for i := range columns {
		columns[i].text, columns[i].kind = false, ""
	}
	f.columns[table] = columns
}

// recodes reports an action of ALTER TABLE on MySQL by which a column that is stated as
// before, in the same statement or later, may become another.
func (s *statement) recodes() bool {
	return !s.at(0).Is("ADD", "ALTER", "CHANGE", "DROP", "MODIFY", "RENAME") && slices.ContainsFunc(s.tokens, func(t statements.Token) bool {
		return t.Is("CHARSET", "CHARACTER", "CHAR", "COLLATE")
	})
}

// forgetKinds is note for an action that recodes.
func (f *file) forgetKinds(table string) {
	for i := range f.columns[table] {
		f.columns[table][i].kind = ""
	}
}

// noteColumn is note for an action of ALTER TABLE on a column.
func (f *file) noteColumn(table string, a *statement) {
	index := func(name string) int {
		return slices.IndexFunc(f.columns[table], func(c column) bool { return c.name == name })
	}
	if added, after, ok := a.addsColumn(f); ok && !a.isGenerated() {
		if i := index(added); i < 0 {
			f.columns[table] = append(f.columns[table], f.columnOf(added, a, after))
		}
		return
	}
	if from, to, after, ok := a.restates(f); ok {
		if i := index(from); i >= 0 {
			f.columns[table][i] = f.columnOf(to, a, after)
		}
		return
	}
	if lost, ok := a.dropsColumn(f); ok {
		f.columns[table] = slices.DeleteFunc(slices.Clone(f.columns[table]), func(c column) bool { return c.name == lost })
		return
	}
	if a.begins("RENAME") {
		from, after := a.nameAt(a.skip(1, "COLUMN"))
		if i := index(from); i >= 0 && a.at(after).Is("TO") {
			f.columns[table][i].name, _ = a.nameAt(after + 1)
		}
		return
	}
	if altered, to, ok := a.setsType(); ok {
		if i := index(altered); i >= 0 {
			f.columns[table][i].text = a.isText(to)
		}
	}
}

// noteConstraint is note for an action of ALTER TABLE on a constraint.
func (f *file) noteConstraint(table string, a *statement) {
	i := a.find(0, "CONSTRAINT")
	if i < 0 {
		return
	}
	constraint, after := a.nameAt(i + 1)
	switch {
	case a.begins("VALIDATE"):
		f.validated[table] = true
	case a.begins("RENAME"):
		to, _ := a.nameAt(a.skip(after, "TO"))
		f.foreign[to], f.unvalidated[to] = f.foreign[constraint], f.unvalidated[constraint]
	case a.begins("ADD"):
		f.foreign[constraint] = a.at(after).Is("FOREIGN")
		f.unvalidated[constraint] = a.find(after, "NOT", "VALID") >= 0
	}
}

// columnsOf returns the columns among the definitions of a table. Those that are
// computed of others hold nothing by themselves, and are left out.
func (f *file) columnsOf(definitions []*statement) []column {
	var all []column
	for _, d := range definitions {
		if !d.at(0).Is(f.elements()...) && !d.isGenerated() {
			name, after := d.nameAt(0)
			all = append(all, f.columnOf(name, d, after))
		}
	}
	return all
}

// elements are the words with which a definition begins that is not one of a
// column. Each database takes the words of the others for names.
func (f *file) elements() []string {
	all := []string{"CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN"}
	switch f.dialect {
	case dialect.Postgres:
		return append(all, "EXCLUDE", "LIKE", "NOT")
	case dialect.MySQL:
		return append(all, "INDEX", "KEY", "FULLTEXT", "SPATIAL", "LIKE", "PARTITION")
	}
	return all
}

// isGenerated reports the definition of a column that is computed of others.
func (s *statement) isGenerated() bool {
	outer := s.outer()
	i := outer.find(0, "AS")
	return i >= 0 && outer.at(i+1).IsSymbol("(")
}

// isText reports whether the type at i is one that becomes text by itself, with
// no collation of its own.
func (s *statement) isText(i int) bool {
	switch {
	case s.has(i, "character", "varying"):
		i += 2
	case s.at(i).Is("varchar", "text"):
		i++
	default:
		return false
	}
	rest := (&statement{s.tokens[min(i, len(s.tokens)):]}).outer()
	return !rest.at(0).IsSymbol("[") && !rest.at(2).IsSymbol("[") && rest.find(0, "ARRAY") < 0 && rest.find(0, "COLLATE") < 0
}

// addsColumn returns the column that an action of ALTER TABLE adds, and the
// position after its name.
func (s *statement) addsColumn(f *file) (column string, after int, ok bool) {
	if !s.begins("ADD") || s.at(1).Is(f.elements()...) {
		return "", 0, false
	}
	column, after = s.nameAt(s.skip(1, "COLUMN", "IF", "NOT", "EXISTS"))
	return column, after, column != ""
}

// dropsColumn returns the column that an action of ALTER TABLE drops.
func (s *statement) dropsColumn(f *file) (string, bool) {
	others := []string{"CONSTRAINT"}
	if f.dialect == dialect.MySQL {
		others = []string{"CONSTRAINT", "PRIMARY", "FOREIGN", "INDEX", "KEY", "CHECK", "PARTITION"}
	}
	if !s.begins("DROP") || s.at(1).Is(others...) {
		return "", false
	}
	column, _ := s.nameAt(s.skip(1, "COLUMN", "IF", "EXISTS"))
	return column, true
}

// restates returns the column that MySQL's MODIFY or CHANGE states again, its new name,
// and the position of its type.
func (s *statement) restates(f *file) (from, to string, after int, ok bool) {
	if f.dialect != dialect.MySQL || !s.at(0).Is("MODIFY", "CHANGE") {
		return "", "", 0, false
	}
	from, after = s.nameAt(s.skip(1, "COLUMN", "IF", "EXISTS"))
	to = from
	if s.begins("CHANGE") {
		to, after = s.nameAt(after)
	}
	return from, to, after, true
}

// kindOf is for a column's definition on MySQL from its type on: what says which values
// it can hold, and whether it may be NULL. Its default, its comment, an index of it and the
// like say nothing of that, and are left out.
func (s *statement) kindOf() (kind string, null bool) {
	var kept []string
	null = true
	for i := 0; i < len(s.tokens); {
		t := s.at(i)
		switch {
		case s.has(i, "NOT", "NULL"), s.has(i, "PRIMARY", "KEY"):
			null = false
			i += 2
		case t.Is("NULL", "AUTO_INCREMENT", "UNIQUE", "KEY", "VISIBLE", "INVISIBLE", "FIRST"), t.IsSymbol(";"):
			i++
		case t.Is("DEFAULT", "COMMENT", "AFTER"):
			i = s.attribute(i + 1)
		case s.has(i, "ON", "UPDATE"):
			i = s.attribute(i + 2)
		default:
			end := s.attribute(i + 1)
			for _, t := range s.tokens[i:end] {
				text := t.Text
				if t.Kind == statements.Word {
					text = strings.ToLower(text)
				}
				kept = append(kept, strconv.Quote(text))
			}
			i = end
		}
	}
	return strings.Join(kept, " "), null
}

// attribute returns where the next attribute of a definition begins on MySQL, from i on.
func (s *statement) attribute(i int) int {
	for depth := 0; i < len(s.tokens); i++ {
		switch t := s.at(i); {
		case t.IsSymbol("("):
			depth++
		case t.IsSymbol(")"):
			depth--
		case depth == 0 && (t.IsSymbol(";") || t.Is("NOT", "NULL", "DEFAULT", "ON", "COMMENT", "AUTO_INCREMENT", "COLLATE", "CHARACTER", "CHARSET",
			"CHECK", "CONSTRAINT", "REFERENCES", "UNIQUE", "PRIMARY", "KEY", "GENERATED", "AS", "VISIBLE", "INVISIBLE", "FIRST", "AFTER")):
			return i
		}
	}
	return len(s.tokens)
}

// setsType returns the column whose type an action of ALTER TABLE changes, and
// the position of the new type.
func (s *statement) setsType() (column string, to int, ok bool) {
	if !s.begins("ALTER") {
		return "", 0, false
	}
	column, i := s.nameAt(s.skip(1, "COLUMN"))
	i = s.skip(i, "SET", "DATA")
	return column, i + 1, s.at(i).Is("TYPE")
}
