// Package sqltext tells the statements of an SQL text apart, as far as is
// needed to refuse some of them. It guards against accidents and parses nothing.
package sqltext

import (
	"iter"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
)

// Syntax is what differs between databases in literals and comments.
type Syntax int

// The databases whose syntax is known.
const (
	SQLite Syntax = iota
	MySQL
	Postgres // without its dollar quotes, and the backslashes of its literals
)

// Of returns the syntax of one of ent's dialects.
func Of(name string) Syntax {
	switch name {
	case dialect.Postgres:
		return Postgres
	case dialect.MySQL:
		return MySQL
	default:
		return SQLite
	}
}

// enough is how many tokens of a statement are told.
const enough = 8

// Statements yields the first eight tokens of each statement of text: words in
// upper case, a quoted text or name as its opening quote, a variable of SQLite with
// what is in its parentheses, and any other character as itself. Empty statements are
// left out. The content of MySQL's executable comments is read as if it stood outside
// of them, as the server does.
func (s Syntax) Statements(text string) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		for scan := (scanner{Syntax: s, text: text}); scan.text != ""; {
			if tokens := scan.statement(); len(tokens) > 0 && !yield(tokens) {
				return
			}
		}
	}
}

// Tokens yields all tokens of text as Statements does, with the semicolons.
func (s Syntax) Tokens(text string) iter.Seq[string] {
	return func(yield func(string) bool) {
		scan := scanner{Syntax: s, text: text}
		for token := scan.next(); token != "" && yield(token); {
			token = scan.next()
		}
	}
}

// Executable returns text from its first executable comment of MySQL on. It is empty
// where there is none but in literals, quoted names and other comments.
func (s Syntax) Executable(text string) string {
	if !strings.Contains(text, "/*!") && !strings.Contains(text, "/*M!") { // as in most
		return ""
	}
	scan := scanner{Syntax: s, text: text}
	for scan.first == "" {
		if scan.next() == "" {
			break
		}
	}
	return scan.first
}

// SkipBlank returns text without the white space and comments at its beginning. Text
// may begin within an executable comment of MySQL, whose end is skipped too.
func (s Syntax) SkipBlank(text string) string {
	scan := scanner{Syntax: s, text: text, executable: s == MySQL}
	scan.skipBlank()
	return scan.text
}

// RollsBackTo reports whether a statement that begins with ROLLBACK goes back to a
// savepoint: ROLLBACK [WORK | TRANSACTION] TO.
func RollsBackTo(tokens []string) bool { return slices.Contains(tokens[1:min(3, len(tokens))], "TO") }

// scanner takes the tokens off a text.
type scanner struct {
	Syntax
	text       string
	executable bool   // the text begins within an executable comment
	first      string // what was the text where the first executable comment began
}

// statement takes off the first statement and returns its first tokens.
func (s *scanner) statement() (tokens []string) {
	last := !strings.Contains(s.text, ";")
	for {
		if last && len(tokens) == enough {
			s.text = ""
			return tokens
		}
		token := s.next()
		if token == "" || token == ";" {
			return tokens
		}
		if len(tokens) < enough {
			tokens = append(tokens, token)
		}
	}
}

// next takes off the first token. It is empty at the end of the text.
func (s *scanner) next() (token string) {
	s.skipBlank()
	text := s.text
	if text == "" {
		return ""
	}
	if n := max(s.variableLength(text), wordLength(text)); n > 0 {
		s.text = text[n:]
		return strings.ToUpper(text[:n])
	}
	switch c := text[0]; {
	case c == '\'' || c == '"' || c == '`':
		s.text = s.skipQuoted(text[1:], c)
	case c == '[' && s.Syntax == SQLite:
		s.text = s.skipQuoted(text[1:], ']')
	default:
		s.text = text[1:]
	}
	return text[:1]
}

// skipBlank takes off the white space and comments at the beginning.
func (s *scanner) skipBlank() {
	for {
		s.text = strings.TrimLeft(s.text, " \t\r\n\f\v\ufeff")
		switch text := s.text; {
		case s.lineComment(text):
			s.text = s.skipLine(text)
		case s.Syntax == MySQL && (strings.HasPrefix(text, "/*!") || strings.HasPrefix(text, "/*M!")):
			if s.first == "" {
				s.first = text
			}
			_, text, _ = strings.Cut(text, "!")
			s.text, s.executable = strings.TrimLeft(text, "0123456789"), true
		case strings.HasPrefix(text, "/*"):
			s.text = s.skipComment(text)
		case s.executable && strings.HasPrefix(text, "*/"): // elsewhere 5*/* a */2 is ten
			s.text, s.executable = text[2:], false
		default:
			return
		}
	}
}

func (s Syntax) lineComment(text string) bool {
	if s != MySQL {
		return strings.HasPrefix(text, "--")
	}
	if strings.HasPrefix(text, "#") {
		return true
	}
	after, ok := strings.CutPrefix(text, "--") // 5--3 is eight
	return ok && (after == "" || after[0] <= ' ' || after[0] == 0x7f)
}

// skipLine goes past the end of a line, for which PostgreSQL takes a carriage
// return too.
func (s Syntax) skipLine(text string) string {
	ends := "\n"
	if s == Postgres {
		ends = "\r\n"
	}
	if i := strings.IndexAny(text, ends); i >= 0 {
		return text[i+1:]
	}
	return ""
}

// skipComment goes past a block comment. Those nest in PostgreSQL.
func (s Syntax) skipComment(text string) string {
	depth := 0
	for text != "" {
		switch {
		case strings.HasPrefix(text, "/*") && (depth == 0 || s == Postgres):
			depth++
			text = text[2:]
		case strings.HasPrefix(text, "*/"):
			depth--
			text = text[2:]
			if depth == 0 {
				return text
			}
		default:
			text = text[1:]
		}
	}
	return ""
}

// skipQuoted goes past the closing quote. A doubled one reads as the end of one
// literal and the beginning of the next, which is as good.
func (s Syntax) skipQuoted(text string, quote byte) string {
	for i := 0; i < len(text); i++ {
		switch {
		case text[i] == '\\' && s == MySQL && quote != '`':
			i++
		case text[i] == quote:
			return text[i+1:]
		}
	}
	return ""
}

// variableLength is the length of the variable of SQLite at the beginning of text.
// Its name may have colons in pairs, and parentheses around anything behind it, as a
// variable of Tcl has: $a::b(c).
func (s Syntax) variableLength(text string) int {
	if s != SQLite || strings.IndexByte("$@:#", text[0]) < 0 {
		return 0
	}
	for n := 1; ; {
		rest := text[n:]
		word := wordLength(rest)
		switch {
		case word > 0:
			n += word
		case strings.HasPrefix(rest, "::"):
			n += len("::")
		case n > 1 && strings.HasPrefix(rest, "("):
			if end := strings.IndexByte(rest, ')'); end >= 0 {
				return n + end + 1
			}
			return len(text)
		default:
			return n
		}
	}
}

// wordLength is the length of the word or number at the beginning of text.
func wordLength(text string) int {
	n := 0
	for n < len(text) {
		c := text[n]
		if (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9') && c != '_' && c != '$' && c < 0x80 {
			break
		}
		n++
	}
	return n
}

// Continued returns what follows the closing quote of a literal of PostgreSQL, from the
// quote on that opens it again: behind blanks and line comments with the end of a line
// among them. It is empty where the literal has ended.
func Continued(text string) string {
	const blanks = " \t\r\n\f\v"
	more := strings.TrimLeft(text, blanks)
	for strings.HasPrefix(more, "--") {
		end := strings.IndexAny(more, "\r\n")
		if end < 0 {
			return ""
		}
		more = strings.TrimLeft(more[end:], blanks)
	}
	if strings.HasPrefix(more, "'") && strings.ContainsAny(text[:len(text)-len(more)], "\r\n") {
		return more
	}
	return ""
}
