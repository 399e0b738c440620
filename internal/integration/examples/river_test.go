package examples_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestRiver runs examples/river, which fails by itself if a job was done that
// should not have been, and looks for what it has to have shown.
func TestRiver(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "go", "run", "./examples/river", "-url", servers.PostgresAdmin(t))
	command.Dir = "../../.."
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for want, times := range map[string]int{
		"completed  done": 2,
		"cancelled  JobCancelError: tenancy: invalid envelope":     3,
		"cancelled  JobCancelError: tenancy: tenant is not active": 1,
		"Every tenant has the users of its own jobs":               1,
	} {
		if strings.Count(string(out), want) != times {
			t.Errorf("the example does not say %q %d times:\n%s", want, times, out)
		}
	}
}
