// Missing says which tests were skipped because a server is not on this
// machine, and how to get it. `make test` ends with it.
package main

import (
	"context"
	"fmt"
	"os"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func main() {
	for _, line := range servers.Missing(context.Background()) {
		_, _ = fmt.Fprintln(os.Stdout, line)
	}
}
