package isolation_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/isolation"
)

func TestKnownLeaksLeak(t *testing.T) {
	each(t, impatient, func(t *testing.T, db *isolation.Database) {
		for _, leak := range isolation.KnownLeaks() {
			verdict, err := db.Try(t.Context(), leak.Attack, isolation.Plain)
			switch {
			case err != nil:
				t.Fatalf("%s: %v", leak.Name, err)
			case len(verdict.Failures) > 0:
				t.Errorf("%s: it fails before it can leak: %q", leak.Name, verdict.Failures)
			case len(verdict.Leaks) == 0:
				t.Errorf("%s: it leaks no more; take it off the list, and off docs/isolation.md", leak.Name)
			}
		}
	})
}

func TestKnownLeaksAreDocumented(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../../../docs/isolation.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "## SQL that ent does not write")
	section, _, _ = strings.Cut(section, "\n##")
	var documented []string
	for line := range strings.Lines(section) {
		if strings.HasPrefix(line, "| ") && !strings.HasPrefix(line, "| code") {
			documented = append(documented, strings.TrimSpace(line))
		}
	}
	var known []string
	for _, leak := range isolation.KnownLeaks() {
		known = append(known, fmt.Sprintf("| %s | %s |", leak.Name, leak.Reason))
	}
	if got, want := strings.Join(documented, "\n"), strings.Join(known, "\n"); got != want {
		t.Errorf("docs/isolation.md lists\n%s\nwant\n%s", got, want)
	}
}
