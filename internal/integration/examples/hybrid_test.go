package examples_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestHybrid runs examples/hybrid, which fails by itself if anything is not
// where it should be, and looks for what it has to have shown.
func TestHybrid(t *testing.T) {
	t.Parallel()
	command := exec.CommandContext(t.Context(), "go", "run", "./examples/hybrid", "-url", servers.PostgresAdmin(t))
	command.Dir = "../../.."
	out, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, want := range []string{
		"home, public.orders    holds the orders of [acme]",
		"initech' schema        holds the orders of [initech]",
		"globex' database       holds the orders of [globex]",
		"globex   SELECT number FROM orders, as raw SQL: [globex-0 globex-1 globex-2]",
		"tenancy: cross-tenant access",
		"Everybody saw their own, wherever it was.",
		"acme     erased: [{items 1} {orders 1}]",
		"globex   erased: tenant_",
	} {
		if !strings.Contains(string(out), want) {
			t.Errorf("the example does not say %q:\n%s", want, out)
		}
	}
}
