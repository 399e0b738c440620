package sqlcomment_test

import (
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/sqlcomment"
	"github.com/entenancy/tenancy/internal/sqltext"
)

func TestAppend(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ query, id, want string }{
		{"SELECT 1", "acme", "SELECT 1 /*tenant='acme'*/"},
		{"SELECT 1;", "0198b6c2-7d7e-7c3a-9d2f-6c1b2a3d4e5f", "SELECT 1 /*tenant='0198b6c2-7d7e-7c3a-9d2f-6c1b2a3d4e5f'*/;"},
		{"SELECT 1 ; \n", "a.b_c~d", "SELECT 1 /*tenant='a.b_c~d'*/ ; \n"},
		{"SELECT 1", "*/ DROP TABLE orders; /*", "SELECT 1 /*tenant='%2A%2F%20DROP%20TABLE%20orders%3B%20%2F%2A'*/"},
		{"SELECT 1", `'"` + "`" + `\?$1:@%`, "SELECT 1 /*tenant='%27%22%60%5C%3F%241%3A%40%25'*/"},
		{"SELECT 1", "größe", "SELECT 1 /*tenant='gr%C3%B6%C3%9Fe'*/"},
		{"", "acme", " /*tenant='acme'*/"},
	} {
		got := sqlcomment.Append(test.query, test.id)
		if got != test.want {
			t.Errorf("got %q, want %q", got, test.want)
		}
		if bare, found := sqlcomment.Cut(got); bare != test.query || !found {
			t.Errorf("Cut returns %q, %t for %q", bare, found, got)
		}
	}
}

func TestCutLeavesOthersAlone(t *testing.T) {
	t.Parallel()
	for _, query := range []string{
		"", "SELECT 1", "SELECT 1 /*route='x'*/", "SELECT '*/'", "SELECT 1 /*tenant='a b'*/", "SELECT 1 /*tenant='a'*/ FROM b",
		"SELECT 1 /*tenant='a',route='x'*/", "'*/",
	} {
		if bare, found := sqlcomment.Cut(query); bare != query || found {
			t.Errorf("%q: got %q, %t", query, bare, found)
		}
	}
}

// FuzzAppend looks for an id that ends its comment: in none of the databases'
// readings may it add a token to the statement.
func FuzzAppend(f *testing.F) {
	for _, id := range []string{"acme", "*/", "/*", "'*/;DROP TABLE a--", "\x00", "\xff\xfe", "%", "！", "--\n", "#", "/*!50000 x */", "$1", "?", "';", `\'`} {
		f.Add("SELECT a FROM b WHERE c = 'd'", id)
		f.Add("UPDATE b SET c = 1; ", id)
	}
	f.Fuzz(func(t *testing.T, query, id string) {
		got := sqlcomment.Append(query, id)
		bare, found := sqlcomment.Cut(got)
		if bare != query || !found {
			t.Fatalf("%q with %q: Cut returns %q, %t", query, id, bare, found)
		}
		added := strings.TrimPrefix(got, strings.TrimRight(query, "; \t\r\n"))
		value, ok := strings.CutPrefix(added, " /*tenant='")
		if !ok {
			t.Fatalf("%q adds %q", id, added)
		}
		value, _, _ = strings.Cut(value, "'")
		if strings.Count(got, "*/") != strings.Count(query, "*/")+1 || strings.ContainsAny(value, "'*/;\\`\"?$:@#\x00 \n") {
			t.Fatalf("%q is not held by its comment: %q", id, added)
		}
		if back, err := url.PathUnescape(value); err != nil || back != id {
			t.Fatalf("%q decodes to %q, %v", id, back, err)
		}
		const statement = "SELECT 1"
		for _, syntax := range []sqltext.Syntax{sqltext.SQLite, sqltext.MySQL} {
			for tokens := range syntax.Statements(sqlcomment.Append(statement, id)) {
				if strings.Join(tokens, " ") != statement {
					t.Fatalf("%q makes it %q", id, tokens)
				}
			}
		}
	})
}
