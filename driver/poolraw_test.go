package driver_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
)

// TestNoConnectionOfAHomeThatLendsNone has a home as mysql.Schemas makes it.
func TestNoConnectionOfAHomeThatLendsNone(t *testing.T) {
	t.Parallel()
	d, _ := readyDriver(t, nil)
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationShared, tenancy.IsolationSchema} {
		tenant := tenancy.Tenant{ID: "acme", Isolation: isolation, Placement: tenancy.Placement{Schema: "acme"}}
		_, err := d.Conn(tenancy.NewContext(t.Context(), tenant))
		if !errors.Is(err, errors.ErrUnsupported) || !strings.Contains(err.Error(), "use ExecContext") {
			t.Errorf("%s: %v", isolation, err)
		}
	}
}
