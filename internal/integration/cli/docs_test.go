package cli_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// top is the directory of the library.
const top = "../../.."

// TestDocumentedCommands runs the commands of docs/cli.md, in their order, in a
// project that has a file of migrations. The program that makes more of them is
// the one of examples/hybrid.
func TestDocumentedCommands(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs(top)
	if err != nil {
		t.Fatal(err)
	}
	s := newSession(t, databases()[1])
	s.env = append(s.env, "PATH="+program+string(os.PathListSeparator)+os.Getenv("PATH"), "GOWORK="+filepath.Join(root, "go.work"),
		"TENANCY_CLI_MIGRATE_TARGET="+filepath.Join(root, "examples/hybrid/ent/migrate/main.go"))
	migrations := "migrations" // where the example's program writes
	if _, err := os.Stat(filepath.Join(root, "examples/hybrid/migrations/postgres")); err == nil {
		migrations = "migrations/postgres"
	}
	for _, place := range []string{"tenant", "shared"} {
		dir := filepath.Join(s.dir, migrations, place)
		if err := migration(dir, "20260101000000_notes.sql", notes); err != nil {
			t.Fatal(err)
		}
	}
	commands := documented(t, filepath.Join(root, "docs/cli.md"))
	if len(commands) < 15 {
		t.Fatalf("the documentation has the commands %q", commands)
	}
	for _, command := range commands {
		switch {
		case strings.HasPrefix(command, "tenancy migrate diff"):
			command += " -- -dev '" + servers.Postgres(t) + "'"
			s.env = append(s.env, "TENANCY_MIGRATIONS_DIR="+migrations)
		case strings.HasPrefix(command, "tenancy migrate repair"):
			command = "! " + command // nothing was left half way
		case strings.HasPrefix(command, "tenancy migrate apply"):
			s.shell("tenancy tenant create acme")
		}
		s.shell(command)
	}
}

// documented returns the commands of a page.
func documented(t *testing.T, page string) []string {
	t.Helper()
	text, err := os.ReadFile(page)
	if err != nil {
		t.Fatal(err)
	}
	var commands []string
	for line := range strings.Lines(string(text)) {
		if strings.HasPrefix(line, "tenancy ") {
			commands = append(commands, strings.TrimSpace(line))
		}
	}
	return commands
}

// shell runs a command without a terminal.
func (s *session) shell(command string) {
	s.t.Helper()
	run := exec.CommandContext(s.t.Context(), "sh", "-c", command)
	run.Dir, run.Env = s.dir, s.env
	if out, err := run.CombinedOutput(); err != nil {
		s.t.Fatalf("%s: %v\n%s", command, err, out)
	}
}
