package main

import (
	"os"
	"strings"
	"testing"
)

// TestReadmeShowsThisProgram compares the README with the program in this
// folder, which compiles.
func TestReadmeShowsThisProgram(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	program, err := os.ReadFile("main.go")
	if err != nil {
		t.Fatal(err)
	}
	text := strings.ReplaceAll(string(program), " //nolint:gosec // an example without time-outs", "")
	_, body, found := strings.Cut(text, "func main() {")
	if !found || !strings.Contains(string(readme), "```go\nfunc main() {"+body+"```") {
		t.Error("the README shows another program than examples/readme/main.go")
	}
}
