package postgres_test

import (
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestMissingTableNamesPlacement is what a tenant with a schema gets for a global entity by
// a client that was generated without it.
func TestMissingTableNamesPlacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for i, tenant := range w.tenants {
		if tenant.Isolation != tenancy.IsolationSchema {
			continue
		}
		_, err := db.ExecContext(w.as(t, i), "SELECT 1 FROM countries")
		wantErr(t, err, tenancy.ErrNotProvisioned)
		if err == nil || !strings.Contains(err.Error(), "Placement: true") {
			t.Errorf("%v does not say what is missing", err)
		}
		return
	}
	t.Error("no tenant has a schema")
}
