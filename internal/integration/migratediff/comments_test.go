package migratediff_test

import (
	"os"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
)

// TestBothDirectoriesHaveComments compares what copies of ent's tables hold.
func TestBothDirectoriesHaveComments(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	e := newEvolving()
	e.users.Comment = "who buys"
	config = having(config, e.users, e.orders)
	written := named(t, config, "init")
	if len(written) != 2 {
		t.Fatalf("wrote %q", written)
	}
	for _, path := range written {
		text, err := os.ReadFile(path)
		must(t, err)
		if !strings.Contains(string(text), `COMMENT ON TABLE "users" IS 'who buys'`) {
			t.Errorf("%s has no comment", path)
		}
	}
}
