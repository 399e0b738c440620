package statements

import (
	"slices"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// Part is what a database takes for one statement.
type Part struct {
	Text     string // with its semicolon, without the comments before it
	Pos      int    // where it begins in the file
	Comments []string
	Tokens   []Token
}

// Parts divides a statement of Atlas' into those that the database makes of it,
// which are more than one where a file has a delimiter of its own. What is between
// the BEGIN and END of a function, procedure, trigger or event belongs to it.
func Parts(database string, s *migrate.Stmt) []Part {
	var all []Part
	syntax := sqltext.Of(database)
	comments := slices.Clone(s.Comments)
	for rest := s.Text; ; {
		text := syntax.SkipBlank(rest)
		comments = append(comments, rest[:len(rest)-len(text)])
		if text == "" {
			return all
		}
		read, after := one(database, text)
		rest = after
		if len(read) == 1 && read[0].IsSymbol(";") {
			continue
		}
		all = append(all, Part{text[:len(text)-len(rest)], s.Pos + len(s.Text) - len(text), comments, read})
		comments = nil
	}
}

// one reads the first statement of a text, and returns what follows it. A block
// without an END is none.
func one(database, text string) (read []Token, rest string) {
	blocks := nesting{database: database}
	if read, rest, ended := blocks.statement(text); ended || blocks.depth == 0 {
		return read, rest
	}
	flat := nesting{database: database, flat: true}
	read, rest, _ = flat.statement(text)
	return read, rest
}

// nesting is how deep in parentheses and blocks a text is being read.
type nesting struct {
	database string
	flat     bool // there are no blocks
	read     []Token
	parens   int
	depth    int // of blocks
}

// statement reads up to the semicolon that ends a statement, or to the end of all.
func (n *nesting) statement(text string) (read []Token, rest string, ended bool) {
	syntax := sqltext.Of(n.database)
	for text = syntax.SkipBlank(text); text != ""; text = syntax.SkipBlank(text) {
		var t Token
		t, text = next(text, n.database)
		n.read = append(n.read, t)
		if n.ends(t) {
			return n.read, text, true
		}
	}
	if n.depth == 1 && n.closes(len(n.read)-1) {
		n.depth = 0
	}
	return n.read, text, false
}

// ends takes note of the token that was read last, and reports whether the
// statement ends with it.
func (n *nesting) ends(t Token) bool {
	last := len(n.read) - 1
	if n.depth > 0 && n.closes(last-1) && !endsFlow(t) {
		n.depth--
	}
	switch {
	case t.IsSymbol("("):
		n.parens++
	case t.IsSymbol(")"):
		n.parens--
	case !n.flat && n.opens(last):
		n.depth++
	}
	return t.IsSymbol(";") && n.parens <= 0 && n.depth == 0
}

// opens reports whether a block of statements begins at i. In PostgreSQL it is
// BEGIN ATOMIC, and only MySQL's have others in them.
func (n *nesting) opens(i int) bool {
	begin := i
	if n.database == dialect.Postgres {
		begin--
	}
	switch {
	case begin < 0 || !n.read[begin].Is("BEGIN") || n.parens > 0 || !makesRoutine(n.read):
		return false
	case n.database == dialect.Postgres:
		return n.read[i].Is("ATOMIC") && n.depth == 0
	case n.depth == 0:
		return true
	default:
		return n.database == dialect.MySQL && (n.startsInner(begin) || n.handles(begin))
	}
}

// closes reports an END at i that may be one of a block.
func (n *nesting) closes(i int) bool {
	return i > 0 && n.read[i].Is("END") && (n.read[i-1].IsSymbol(";") || n.read[i-1].Is("BEGIN", "ATOMIC"))
}

// startsInner reports whether a statement of a block begins at i.
func (n *nesting) startsInner(i int) bool {
	before := n.read[i-1]
	return before.IsSymbol(";") || before.IsSymbol(":") || before.Is("BEGIN", "THEN", "ELSE", "DO", "LOOP", "REPEAT")
}

// handles reports whether i is in a DECLARE … HANDLER FOR …, which a block may follow.
func (n *nesting) handles(i int) bool {
	for ; i > 0 && !n.startsInner(i); i-- {
		if n.read[i].Is("HANDLER") {
			return true
		}
	}
	return false
}

// endsFlow reports what follows the END of MySQL's IF … END IF and the like.
func endsFlow(t Token) bool { return t.Is("IF", "CASE", "LOOP", "WHILE", "REPEAT", "FOR") }

// EndsFlow reports the last part of an IF … END IF and the like, which MySQL allows
// to be the whole body of a routine.
func EndsFlow(tokens []Token) bool {
	return len(tokens) > 1 && tokens[0].Is("END") && endsFlow(tokens[1])
}

// makesRoutine reports what has a body of statements.
func makesRoutine(tokens []Token) bool {
	at := func(i int) Token {
		if i < len(tokens) {
			return tokens[i]
		}
		return Token{Kind: Symbol}
	}
	if !at(0).Is("CREATE", "ALTER") {
		return false
	}
	i := 1
	for at(i).Is("OR", "REPLACE", "TEMP", "TEMPORARY", "AGGREGATE") {
		i++
	}
	if at(i).Is("DEFINER") {
		i += 3                   // DEFINER = user
		if at(i).IsSymbol("@") { // user@host
			i += 2
		}
		if at(i).IsSymbol("(") { // CURRENT_USER()
			i += 2
		}
	}
	for at(i).Is("AGGREGATE") {
		i++
	}
	return at(i).Is("FUNCTION", "PROCEDURE", "TRIGGER", "EVENT")
}
