package registry_test

import (
	"fmt"
	"testing"
	"time"

	entsql "entgo.io/ent/dialect/sql"
)

// fill writes n tenants in one statement. Their ids are 00000, 00001 and so on.
func (db database) fill(t *testing.T, n int) {
	t.Helper()
	statement, args := insertTenants(db.driver.Dialect(), n)
	if _, err := db.ExecContext(t.Context(), statement, args...); err != nil {
		t.Fatal(err)
	}
}

func insertTenants(dialect string, n int) (statement string, args []any) {
	insert := entsql.Dialect(dialect).Insert("tenancy_tenants").
		Columns("id", "identifier", "name", "status", "metadata", "version", "created_at", "updated_at")
	now := time.Now().UTC()
	for i := range n {
		id := fmt.Sprintf("%05d", i)
		insert.Values(id, "tenant-"+id, "Tenant", "active", "{}", 1, now, now)
	}
	return insert.Query()
}
