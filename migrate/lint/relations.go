package lint

import "github.com/entenancy/tenancy/migrate/internal/statements"

// list is what commas of a clause stand between.
type list int

const (
	noList  list = iota
	objects      // DROP TABLE a, b
	ranges       // FROM a, b JOIN c ON …
)

// clause is what is known of a statement, or of what is in parentheses, where it
// is being read.
type clause struct {
	list  list
	query bool // tables follow a FROM, as they do not in EXTRACT(year FROM at)
	using bool // tables follow a USING
	named bool // a relation or the like was named
}

// walk reads a statement from its beginning to its end.
type walk struct {
	*statement
	clauses []clause // the innermost comes last
	expects bool     // a name at this place is one of a relation
	calls   bool     // unless it is called: FROM generate_series(1, 2)
	found   []int
}

// relations returns where the statement names tables, or other objects that are
// in a schema: all that it makes, changes, reads or refers to. It may name a few
// that are none, but those have no dot.
func (s *statement) relations() []int {
	w := walk{statement: s, clauses: []clause{{}}}
	for i := 0; i < len(s.tokens); {
		i = w.step(i)
	}
	return w.found
}

// step reads what is at i, and returns the position after it.
func (w *walk) step(i int) int {
	switch t := w.at(i); {
	case t.Kind == statements.Symbol:
		w.readSymbol(t.Text)
	case t.Kind == statements.Literal:
		w.expects = false
	case !w.isDotted(i) && w.readKeyword(i):
	default:
		_, after := w.nameAt(i)
		if w.expects && (!w.calls || !w.at(after).IsSymbol("(")) {
			w.found = append(w.found, i)
			w.clause().named = true
		}
		w.expects = false
		return after
	}
	return i + 1
}

func (w *walk) clause() *clause { return &w.clauses[len(w.clauses)-1] }

func (w *walk) readSymbol(text string) {
	switch text {
	case "(":
		var inner clause
		switch {
		case w.expects && w.calls: // FROM (a JOIN b …), FROM (SELECT …)
			inner.list = ranges
		case w.expects: // INHERITS (a, b)
			inner.list = objects
		}
		w.clauses = append(w.clauses, inner)
		return
	case ")":
		if len(w.clauses) > 1 {
			w.clauses = w.clauses[:len(w.clauses)-1]
		}
	case ",":
		w.expect(w.clause().list)
		return
	case ";":
		*w.clause() = clause{}
	}
	w.expects = false
}

// expect says that names of a list follow.
func (w *walk) expect(in list) { w.expects, w.calls = in != noList, in == ranges }

// readKeyword reports whether a word at i is a keyword that matters.
func (w *walk) readKeyword(i int) bool {
	t, before, c := w.at(i), w.at(i-1), w.clause()
	switch {
	case t.Kind != statements.Word:
		return false
	case w.expects && isBetween(t):
	case w.beginsRanges(i):
		c.list, c.query = ranges, true
		c.using = c.using || t.Is("DELETE") || before.Is("DELETE")
		w.expect(ranges)
	case w.beginsObjects(i):
		if !t.Is("INSERT", "REPLACE") {
			c.list = objects
		}
		w.expect(objects)
	case w.namesObject(i):
		w.expect(objects)
	case t.Is("SELECT"):
		c.query = true
		w.end()
	case t.Is("MERGE") && w.startsStatement(i):
		c.using = true
		w.end()
	case t.Is("VALUES"), t.Is("UPDATE") && before.Is("KEY"), !w.expects && t.Is("WHERE", "GROUP", "HAVING", "ORDER", "RETURNING"):
		w.end()
	case !w.expects && t.Is("SET") && !w.at(i+1).IsSymbol(","): // PostgreSQL takes it for an alias too
		w.end()
	case before.Kind == statements.Word && w.startsStatement(i) && t.Is("CREATE", "ALTER", "COMMENT", "RAISE", "PERFORM", "EXECUTE", "RETURN", "CALL"):
		w.end()
	default:
		return false
	}
	return true
}

// isBetween reports a keyword that may stand before a name that is expected.
func isBetween(t statements.Token) bool {
	return t.Is("IF", "NOT", "EXISTS", "ONLY", "LATERAL", "CONCURRENTLY", "VERBOSE", "TABLES", "LOW_PRIORITY", "QUICK", "IGNORE", "DELAYED",
		"OR", "REPLACE", "ABORT", "FAIL", "ROLLBACK")
}

// end ends a list of tables.
func (w *walk) end() {
	if c := w.clause(); c.list == ranges {
		c.list = noList
	}
	w.expects = false
}

// beginsRanges reports whether tables to read, or to change the rows of, follow
// the keyword at i.
func (w *walk) beginsRanges(i int) bool {
	switch t, before := w.at(i), w.at(i-1); {
	case t.Is("JOIN", "STRAIGHT_JOIN"):
		return true
	case t.Is("FROM"):
		distinct := before.Is("DISTINCT") && w.at(i-2).Is("IS", "NOT")
		return !distinct && (len(w.clauses) == 1 || w.clause().query || before.Is("DELETE"))
	case t.Is("USING"): // of DELETE and MERGE
		return w.clause().using
	case t.Is("UPDATE"):
		return w.startsStatement(i) && !w.at(i+1).Is("SET")
	case t.Is("DELETE"): // MySQL's DELETE a, b FROM …
		return w.startsStatement(i)
	}
	return false
}

// beginsObjects reports a keyword that is a statement about objects by itself.
func (w *walk) beginsObjects(i int) bool {
	return w.startsStatement(i) && !w.at(i+1).IsSymbol("(") && w.at(i).Is("DROP", "TRUNCATE", "LOCK", "GRANT", "REVOKE", "RENAME", "ANALYZE", "VACUUM",
		"CLUSTER", "REINDEX", "OPTIMIZE", "REPAIR", "FLUSH", "INSERT", "REPLACE") || w.at(i).Is("CONSTRAINTS") && w.at(i-1).Is("SET")
}

// namesObject reports whether the name of an object follows the keyword at i.
func (w *walk) namesObject(i int) bool {
	t, before, after := w.at(i), w.at(i-1), w.at(i+1)
	switch {
	case t.Is("TABLE", "REFERENCES", "INHERIT", "INHERITS", "RENAME", "ONLY"):
		return true
	case t.Is("INTO"):
		return !after.Is("NEW", "OLD") || before.Is("INSERT") || w.at(0).Is("SELECT", "WITH")
	case t.Is("UPDATE"):
		return !before.Is("KEY") && !after.Is("SET", "OF", "ON", "OR")
	case t.Is("ON"): // which is a condition after JOIN
		return w.clause().list != ranges && !after.IsSymbol("(")
	case t.Is("TO", "AS") && before.Is("RENAME"), t.Is("TO") && w.begins("RENAME"), t.Is("TO") && w.begins("CREATE") && w.find(0, "RULE") >= 0:
		return true
	case t.Is("PARTITION"):
		return before.Is("ATTACH", "DETACH")
	case t.Is("OF"):
		return before.Is("PARTITION")
	case t.Is("LIKE"):
		_, afterName, made := w.created()
		return made && (afterName == i || before.IsSymbol("(") || before.IsSymbol(","))
	case t.Is("VIEW", "INDEX", "SEQUENCE", "TYPE", "DOMAIN", "FUNCTION", "PROCEDURE", "ROUTINE", "AGGREGATE", "TRIGGER", "COLLATION", "CONVERSION", "STATISTICS",
		"CLASS", "FAMILY", "CONFIGURATION", "DICTIONARY", "PARSER", "TEMPLATE"):
		first := len(w.clauses) == 1 && !w.clause().named && !before.Is("EXECUTE")
		return first || before.Is("CREATE", "ALTER", "DROP", "REPLACE", "ON")
	}
	return false
}

// startsStatement reports whether a statement, or one inside of another, begins
// at i.
func (s *statement) startsStatement(i int) bool {
	before := s.at(i - 1)
	return i == 0 || before.IsSymbol("(") || before.IsSymbol(")") || before.IsSymbol(";") || before.IsSymbol(":") ||
		before.Is("BEGIN", "ATOMIC", "THEN", "ELSE", "LOOP", "DO", "ALSO", "INSTEAD", "ROW", "QUERY", "EXPLAIN", "ANALYZE", "VERBOSE")
}
