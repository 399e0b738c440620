package cli_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
)

// program is the directory with the built program. It is a variable because it is
// built once for all tests.
var program string //nolint:gochecknoglobals // see the comment

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "tenancy-cli-")
	if err != nil {
		_, _ = fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	build := exec.Command("go", "build", "-o", filepath.Join(dir, "tenancy"), "github.com/entenancy/tenancy/cmd/tenancy") //nolint:noctx // nothing ends it
	if out, err := build.CombinedOutput(); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "%v\n%s", err, out)
		return 1
	}
	program = dir
	return m.Run()
}
