package main

import (
	"os"
	"regexp"
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
	text := regexp.MustCompile(` //nolint:.*`).ReplaceAllString(string(program), "")
	_, body, found := strings.Cut(text, "func main() {")
	if !found || !strings.Contains(string(readme), "```go\nfunc main() {"+body+"```") {
		t.Error("the README shows another program than examples/readme/main.go")
	}
}

// TestReadmeShowsThisTest compares the README with the test in this folder, which passes.
func TestReadmeShowsThisTest(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	test, err := os.ReadFile("users_test.go")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(` //nolint:.*`).ReplaceAllString(string(test), "")
	_, body, found := strings.Cut(text, "func TestUsers(")
	if !found || !strings.Contains(string(readme), "```go\nfunc TestUsers("+body+"```") {
		t.Error("the README shows another test than examples/readme/users_test.go")
	}
}
