package lint

import (
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// catalog is what a directory has made so far, as far as it is known.
type catalog struct {
	columns map[string][]string // of tables
	forced  map[string]bool     // tables whose owner is held by row-level security too
	foreign map[string]bool     // constraints that are foreign keys
}

func newCatalog() catalog {
	return catalog{make(map[string][]string), make(map[string]bool), make(map[string]bool)}
}

// file is one that is being read, and what is known at the current statement.
type file struct {
	text, dialect string
	statements    []*statement
	at            int  // the current statement
	noTransaction bool // it has -- atlas:txmode none
	made          map[string]bool
	unvalidated   map[string]bool // constraints that were added NOT VALID
	validated     map[string]bool // tables of which a constraint was validated
	lifted        map[string]bool // tables from which FORCE was lifted, which locks them
	catalog
}

func newFile(text, database string, c catalog) *file {
	f := &file{
		text: text, dialect: database, catalog: c,
		made: make(map[string]bool), unvalidated: make(map[string]bool), validated: make(map[string]bool), lifted: make(map[string]bool),
	}
	for line := range strings.Lines(text) {
		directive, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		f.noTransaction = f.noTransaction || strings.TrimSpace(directive) == "atlas:txmode none"
	}
	return f
}

// isNew reports whether the file makes a table, which is empty then.
func (f *file) isNew(table string) bool { return f.made[table] }

// isPostgres reports whether the file is for PostgreSQL.
func (f *file) isPostgres() bool { return f.dialect == dialect.Postgres }

// follows reports whether a later statement of the file is as wanted.
func (f *file) follows(wanted func(*statement) bool) bool {
	return slices.ContainsFunc(f.statements[f.at+1:], wanted)
}

// note keeps what a statement does for those after it.
func (f *file) note(s *statement) {
	if table, i, ok := s.created(); ok {
		f.made[table] = true
		f.columns[table] = columnsOf(s.definitions(i))
		return
	}
	table, actions, ok := s.altered()
	if !ok {
		return
	}
	for _, a := range actions {
		f.noteConstraint(table, a)
		switch to, renamed := a.renamed(); {
		case renamed:
			f.columns[to], f.made[to], f.forced[to] = f.columns[table], f.made[table], f.forced[table]
		case a.begins("FORCE", "ROW"):
			f.forced[table] = true
		case a.begins("NO", "FORCE"):
			f.forced[table], f.lifted[table] = false, true
		default:
			if column, _, ok := a.addsColumn(); ok {
				f.columns[table] = append(f.columns[table], column)
			}
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
	if a.begins("VALIDATE") {
		f.validated[table] = true
	}
	if a.begins("ADD") {
		f.foreign[constraint] = a.at(after).is("FOREIGN")
		f.unvalidated[constraint] = a.find(after, "NOT", "VALID") >= 0
	}
}

// renamed returns the new name that an action gives a table.
func (s *statement) renamed() (string, bool) {
	if !s.begins("RENAME", "TO") {
		return "", false
	}
	to, _ := s.nameAt(2)
	return to, to != ""
}

// columnsOf returns the columns among the definitions of a table.
func columnsOf(definitions []*statement) []string {
	var all []string
	for _, d := range definitions {
		if !d.at(0).is("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "INDEX", "KEY", "LIKE", "FULLTEXT", "SPATIAL", "PERIOD") {
			column, _ := d.nameAt(0)
			all = append(all, column)
		}
	}
	return all
}

// addsColumn returns the column that an action of ALTER TABLE adds, and the
// position after its name.
func (s *statement) addsColumn() (column string, after int, ok bool) {
	if !s.begins("ADD") || s.at(1).is("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN", "EXCLUDE", "INDEX", "KEY", "FULLTEXT", "SPATIAL", "PARTITION") {
		return "", 0, false
	}
	column, after = s.nameAt(s.skip(1, "COLUMN", "IF", "NOT", "EXISTS"))
	return column, after, column != ""
}
