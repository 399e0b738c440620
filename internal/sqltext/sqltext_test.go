package sqltext_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/sqltext"
)

func TestStatements(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name, text    string
		sqlite, mysql string // the statements' tokens, with a bar between statements
	}{
		{"empty", "", "", ""},
		{"blank", " \t\r\n;; -- a", "", ""},
		{"one", "select * from a", "SELECT * FROM A", "SELECT * FROM A"},
		{"two", "use a ; SELECT b;", "USE A | SELECT B", "USE A | SELECT B"},
		{"long ones", "a b c d e f g h i; j", "A B C D E F G H | J", "A B C D E F G H | J"},
		{"quoted", "'a;b' \"c;d\" `e;f`; g", "' \" ` | G", "' \" ` | G"},
		{"doubled quotes", "a 'it''s; b' c", "A ' ' C", "A ' ' C"},
		{"brackets", "a [b;c] d", "A [ D", "A [ B | C ] D"},
		{"backslash", `a '\'; b' c`, `A ' | B '`, "A ' C"},
		{"backslash in a name", "a `\\`; b", "A ` | B", "A ` | B"},
		{"unclosed", "a 'b; c", "A '", "A '"},
		{"line comment", "-- a;\nb", "B", "B"},
		{"dashes", "a --b;\nc", "A C", "A - - B | C"},
		{"hash", "# a;\nb", "# A | B", "B"},
		{"block comment", "/* a; */ b /* ; */ c", "B C", "B C"},
		{"unclosed comment", "a /* ; b", "A", "A"},
		{"executable comment", "/*!40000 use a */; b", "| B", "USE A | B"},
		{"MariaDB's", "/*M!100100 use a */", "", "USE A"},
		{"times a comment", "5*/*'*/1; b", "5 * 1 | B", "5 * 1 | B"},
		{"times a comment, behind an executable one", "/*! 5 */*/*'*/1; b", "* 1 | B", "5 * 1 | B"},
		{"comment in an executable one", "/*! a /* b */ c */*/*'*/1; b", "C * 1 | B", "A C * 1 | B"},
		{"dashes and a control character", "a --\x7f'\n; b", "A | B", "A | B"},
		{"variables of SQLite", "a $b('); c", "A $B(') | C", "A $B ( '"},
		{"their colons and signs", "@a::b(;) :c::(;) :(;); $d(; e", "@A::B(;) :C::(;) : ( | ) | $D(; E", "@ A : : B ( | ) : C : : ( | ) : ( | ) | $D ( | E"},
		{"byte order mark", "\ufeffa", "A", "A"},
		{"letters of others", "é$1_ b", "É$1_ B", "É$1_ B"},
	} {
		for syntax, want := range map[sqltext.Syntax]string{sqltext.SQLite: test.sqlite, sqltext.MySQL: test.mysql} {
			var got []string
			for tokens := range syntax.Statements(test.text) {
				got = append(got, strings.Join(tokens, " "))
			}
			if want = strings.TrimPrefix(want, "| "); strings.Join(got, " | ") != want {
				t.Errorf("%s, syntax %d: got %q, want %q", test.name, syntax, got, want)
			}
		}
	}
}

func TestTokens(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"":                               "",
		"set a='b' /*! for */ select 1;": "SET A = ' FOR SELECT 1 ;",
		"a b c d e f; -- g\n;h":          "A B C D E F ; ; H",
	} {
		if got := strings.Join(slices.Collect(sqltext.MySQL.Tokens(text)), " "); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
	for range sqltext.MySQL.Tokens("a b") {
		break // and no more is asked for
	}
}

func TestExecutable(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"a /* b */":                            "",
		"a '/*!' \"/*M!\" `/*!` /* b */":       "",
		"/* /*! */ a -- /*!\n# /*M!\nb":        "",
		`'\'/*!' a`:                            "",
		"a '/*!'/*!1 b */ /*M!2 c */":          "/*!1 b */ /*M!2 c */",
		"'/*!' /* a */ /*M!2 b */ /*!1 c */ d": "/*M!2 b */ /*!1 c */ d",
		"'a' b/*!":                             "/*!",
	} {
		if got := sqltext.MySQL.Executable(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
		if got := sqltext.SQLite.Executable(text); got != "" {
			t.Errorf("%q: SQLite reads %q", text, got)
		}
	}
}

func TestSkipBlank(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][3]string{ // in the order of the constants
		"a":                     {"a", "a", "a"},
		" \n-- a\n b":           {"b", "b", "b"},
		"--a\nb":                {"b", "--a\nb", "b"},
		"-- a\rb\nc":            {"c", "c", "b\nc"},
		"# a\nb":                {"# a\nb", "b", "# a\nb"},
		"/* /* a */ b */ c":     {"b */ c", "b */ c", "c"},
		"/* a */ /* b */ c":     {"c", "c", "c"},
		"/*/ a */ b":            {"b", "b", "b"},
		"/* a /* b */ c":        {"c", "c", ""},
		"/*! a */":              {"", "a */", ""},
		"/*M!100100 a":          {"", "a", ""},
		"*/ a":                  {"*/ a", "a", "*/ a"},
		"/**/ -- /*\n /* '*/ a": {"a", "a", "a"},
	} {
		for syntax, want := range want {
			if got := sqltext.Syntax(syntax).SkipBlank(text); got != want {
				t.Errorf("%q, syntax %d: got %q, want %q", text, syntax, got, want)
			}
		}
	}
}

func FuzzStatements(f *testing.F) {
	f.Add("use a; '\\' -- /* */")
	f.Fuzz(func(t *testing.T, text string) {
		for _, syntax := range []sqltext.Syntax{sqltext.SQLite, sqltext.MySQL} {
			for tokens := range syntax.Statements(text) {
				if len(tokens) == 0 {
					t.Error("a statement without tokens")
				}
			}
			for tokens := range syntax.Statements("use a;" + text) {
				if tokens[0] != "USE" {
					t.Errorf("the first statement is %q", tokens)
				}
				break
			}
		}
	})
}
