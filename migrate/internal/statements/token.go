package statements

import (
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// Kind is what a token is.
type Kind int

// The kinds of tokens.
const (
	Word    Kind = iota // a keyword, a name without quotes, or a number
	Name                // a name in quotes
	Literal             // a text
	Either              // SQLite's text in single quotes, which is a name where one is expected
	Symbol              // any other character
)

// Token is a word, name, text or character of a statement.
type Token struct {
	Kind Kind
	Text string // of a word as written, of a name or literal what is between the quotes
}

// Is reports whether the token is a keyword.
func (t Token) Is(keywords ...string) bool {
	if t.Kind != Word {
		return false
	}
	for _, keyword := range keywords {
		if strings.EqualFold(t.Text, keyword) {
			return true
		}
	}
	return false
}

// Identifies reports whether the token can be a name.
func (t Token) Identifies() bool { return t.Kind == Word || t.Kind == Name || t.Kind == Either }

// IsSymbol reports whether the token is a certain character outside of quotes.
func (t Token) IsSymbol(text string) bool { return t.Kind == Symbol && t.Text == text }

// Tokens reads a text without its comments.
func Tokens(database, text string) []Token {
	var all []Token
	syntax := sqltext.Of(database)
	for {
		text = syntax.SkipBlank(text)
		if text == "" {
			return all
		}
		var t Token
		t, text = next(text, database)
		all = append(all, t)
	}
}

// Without returns a text without the first token that is the keyword.
func Without(database, text, keyword string) string {
	syntax := sqltext.Of(database)
	for rest := syntax.SkipBlank(text); rest != ""; rest = syntax.SkipBlank(rest) {
		t, after := next(rest, database)
		if t.Is(keyword) {
			return text[:len(text)-len(rest)] + after
		}
		rest = after
	}
	return text
}

// next returns the first token and what follows it.
func next(text, database string) (Token, string) {
	if database == dialect.Postgres && (strings.HasPrefix(text, `U&"`) || strings.HasPrefix(text, `u&"`) || strings.HasPrefix(text, "U&'") || strings.HasPrefix(text, "u&'")) {
		text = text[2:]
	}
	if n := wordLength(text); n > 0 {
		if n == 1 && len(text) > 1 && text[1] == '\'' && strings.ContainsRune("eEnNxXbB", rune(text[0])) {
			escapes := strings.ContainsRune("eE", rune(text[0]))
			t, rest := quoted(text[1:], escapes)
			for more := sqltext.Continued(rest); escapes && database == dialect.Postgres && more != ""; more = sqltext.Continued(rest) {
				var other Token
				other, rest = quoted(more, true)
				t.Text += other.Text
			}
			return t, rest
		}
		return Token{Word, text[:n]}, text[n:]
	}
	switch c := text[0]; {
	case c == '\'' && database == dialect.SQLite:
		t, rest := quoted(text, false)
		return Token{Either, t.Text}, rest
	case c == '\'':
		return quoted(text, database == dialect.MySQL)
	case c == '"' && database == dialect.MySQL:
		return quoted(text, true)
	case c == '"' || c == '`':
		t, rest := quoted(text, false)
		return Token{Name, t.Text}, rest
	case c == '[' && database == dialect.SQLite:
		inner, rest, _ := strings.Cut(text[1:], "]")
		return Token{Name, inner}, rest
	case c == '$' && database == dialect.Postgres:
		if t, rest, ok := dollarQuoted(text); ok {
			return t, rest
		}
	}
	return Token{Symbol, text[:1]}, text[1:]
}

// quoted returns what is between the quote at the beginning of text and the next
// that is not doubled.
func quoted(text string, escapes bool) (Token, string) {
	quote := text[0]
	var inner strings.Builder
	for i := 1; i < len(text); i++ {
		switch {
		case escapes && text[i] == '\\' && i+1 < len(text):
			i++
		case text[i] == quote && i+1 < len(text) && text[i+1] == quote:
			i++
		case text[i] == quote:
			return Token{Literal, inner.String()}, text[i+1:]
		}
		inner.WriteByte(text[i])
	}
	return Token{Literal, inner.String()}, ""
}

// dollarQuoted returns a text between $tag$ and $tag$.
func dollarQuoted(text string) (Token, string, bool) {
	end := strings.IndexByte(text[1:], '$')
	if end < 0 {
		return Token{}, "", false
	}
	tag := text[1 : 1+end]
	if tag != "" && (wordLength(tag) != len(tag) || tag[0] >= '0' && tag[0] <= '9') {
		return Token{}, "", false
	}
	inner, rest, _ := strings.Cut(text[end+2:], text[:end+2])
	return Token{Literal, inner}, rest, true
}

// wordLength is the length of the word or number at the beginning of text.
func wordLength(text string) int {
	n := 0
	for n < len(text) {
		c := text[n]
		letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' || c >= 0x80
		if !letter && (c < '0' || c > '9') && (c != '$' || n == 0) {
			break
		}
		n++
	}
	return n
}
