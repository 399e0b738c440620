package migratediff_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestDocumentedProgram builds the program of the documentation for the schema of
// examples/hybrid, and runs it in an empty project.
func TestDocumentedProgram(t *testing.T) {
	t.Parallel()
	run := documentedProgram(t)
	dir := t.TempDir()
	files := func() []string {
		found, err := filepath.Glob(filepath.Join(dir, "migrations", "*", "*"))
		must(t, err)
		return found
	}

	if out, err := run(dir, "-check"); err == nil || !strings.Contains(out, "CREATE TABLE") || len(files()) > 0 {
		t.Fatalf("a check where everything is missing: %v, with the files %q\n%s", err, files(), out)
	}
	if out, err := run(dir, "init"); err != nil || len(files()) < 4 {
		t.Fatalf("%v, with the files %q\n%s", err, files(), out)
	}
	n := len(files())
	for _, argument := range []string{"-check", "again"} {
		if out, err := run(dir, argument); err != nil || len(files()) != n {
			t.Errorf("%s: %v, with the files %q\n%s", argument, err, files(), out)
		}
	}
}

// documentedProgram returns a function that runs the program in a directory.
func documentedProgram(t *testing.T) func(dir, argument string) (string, error) {
	t.Helper()
	text, err := os.ReadFile(top + "/docs/migrations.md")
	must(t, err)
	_, source, found := strings.Cut(string(text), "```go\n//go:build ignore\n")
	source, _, ends := strings.Cut(source, "```")
	if !found || !ends {
		t.Fatal("the documentation has no program")
	}
	source = strings.Replace(source, "example.com/shop/ent/migrate", "github.com/entenancy/tenancy/examples/hybrid/ent/migrate", 1)
	source = regexp.MustCompile(`(?m)^\s*Roles:.*\n`).ReplaceAllString(source, "") // which the test's server does not have
	built := t.TempDir()
	file, program := filepath.Join(built, "main.go"), filepath.Join(built, "program")
	must(t, os.WriteFile(file, []byte(source), 0o600))
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, file)
	build.Dir = top + "/examples/hybrid"
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	dev := servers.Postgres(t)
	return func(dir, argument string) (string, error) {
		run := exec.CommandContext(t.Context(), program, "-dev", dev, argument)
		run.Dir = dir
		out, err := run.CombinedOutput()
		if exit := (*exec.ExitError)(nil); err != nil && !errors.As(err, &exit) {
			t.Fatal(err)
		}
		return string(out), err
	}
}
