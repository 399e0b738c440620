package lint

import (
	"slices"
	"strings"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
)

// file is one that is being read, and what is known at the current statement.
type file struct {
	text, dialect string
	tenantColumns []string
	statements    []*statement
	at            int  // the current statement
	noTransaction bool // it has -- atlas:txmode none
	made          map[string]bool
	unvalidated   map[string]bool // constraints that were added NOT VALID
	validated     map[string]bool // tables of which a constraint was validated
	lifted        map[string]bool // tables from which FORCE was lifted, which locks them
	catalog
}

func newFile(source migrate.File, config Config, c catalog) *file {
	f := &file{
		text: string(source.Bytes()), dialect: config.Dialect, tenantColumns: config.tenantColumns(), catalog: c,
		made: make(map[string]bool), unvalidated: make(map[string]bool), validated: make(map[string]bool), lifted: make(map[string]bool),
	}
	for _, mode := range migrate.NewLocalFile(source.Name(), source.Bytes()).Directive("txmode") {
		f.noTransaction = mode == "none"
	}
	return f
}

// alone says how a file begins that is executed outside of a transaction.
func (f *file) alone() string {
	for line := range strings.Lines(f.text) {
		comment, ok := strings.CutPrefix(strings.TrimSpace(line), "--")
		if !ok {
			break
		}
		if !f.noTransaction && strings.TrimSpace(comment) == "atlas:txmode none" {
			return "-- atlas:txmode none, which has to be followed by an empty line: without one it is a comment of the statement, and not heard"
		}
	}
	return "-- atlas:txmode none and an empty line"
}

// isNew reports whether the file makes a table, which is empty then.
func (f *file) isNew(table string) bool { return f.made[table] }

// isPostgres reports whether the file is for PostgreSQL.
func (f *file) isPostgres() bool { return f.dialect == dialect.Postgres }

// follows reports whether a later statement of the file is as wanted.
func (f *file) follows(wanted func(*statement) bool) bool {
	return slices.ContainsFunc(f.statements[f.at+1:], wanted)
}
