package migratediff_test

import (
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// top is the directory of the library.
const top = "../../.."

// TestDocumentedCommands runs the commands of the documentation in the example
// that has the program, after the check that its migrations are up to date: so
// they write nothing.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(top + "/docs/migrations.md")
	must(t, err)
	const program = "go run ./ent/migrate/main.go "
	commands := []string{program + "-check"}
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); strings.HasPrefix(line, program) {
			commands = append(commands, line)
		}
	}
	if len(commands) != 3 {
		t.Fatalf("the documentation has the commands %q", commands[1:])
	}
	dev := servers.Postgres(t)
	for _, command := range commands {
		fields := strings.Fields(command)
		arguments := append([]string{"run", fields[2], "-dev", dev}, fields[3:]...)
		run := exec.CommandContext(t.Context(), "go", arguments...)
		run.Dir = top + "/examples/hybrid"
		out, err := run.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", command, err, out)
		}
		if strings.HasSuffix(command, "add_orders") && !strings.HasPrefix(string(out), "0 files written") {
			t.Errorf("%s: %s", command, out)
		}
	}
}

// snippet is the SQL of the documentation that has a text, with another table in it.
func snippet(tb testing.TB, having, table string) string {
	tb.Helper()
	text, err := os.ReadFile(top + "/docs/migrations.md")
	must(tb, err)
	for _, rest := range strings.Split(string(text), "```sql\n")[1:] {
		if block, _, _ := strings.Cut(rest, "```"); strings.Contains(block, having) {
			return strings.ReplaceAll(block, `"tags"`, `"`+table+`"`)
		}
	}
	tb.Fatalf("the documentation has no SQL with %q", having)
	return ""
}
