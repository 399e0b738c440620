package postgres

import (
	"strings"
	"testing"
)

// FuzzNextToken looks for a text that is not taken apart to its end, token by token.
func FuzzNextToken(f *testing.F) {
	for _, text := range []string{
		"SELECT 1; COMMIT", "E'a'\n'\\''", "e'a'--\r'b", `U&"a\0062" "c""d"`, "$a$ ' $a$ $1 $", "/* /* */ -- */ --", "a.b(1.5e5) é ; ; ",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for rest := text; rest != ""; {
			token, after := nextToken(rest)
			if len(after) >= len(rest) || !strings.HasSuffix(rest, after) || !strings.Contains(rest[:len(rest)-len(after)], token) {
				t.Fatalf("%q: %q is followed by %q", rest, token, after)
			}
			rest = after
		}
		_ = checkScript(way{at: place{id: "a"}}, text)
		_ = checkScript(way{at: place{system: true}}, text)
	})
}
