package migratediff_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

// TestTablesAreRenamedByHand renames the table that others, and its own rows, refer to.
func TestTablesAreRenamedByHand(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		t.Helper()
		const to = "visitors"
		e := newEvolving()
		refer(e.users, "friend_id", e.users)
		config := having(shop(t, name), e.users, e.orders)
		named(t, config, "init")
		quote := `"`
		if name == dialect.MySQL {
			quote = "`"
		}
		for _, directory := range []string{diff.TenantDir, diff.SharedDir} {
			byHand(t, config, directory, "ALTER TABLE "+quote+"users"+quote+" RENAME TO "+quote+to+quote)
		}
		e.users.Name = to
		e.users.Indexes[0].Name, e.users.Indexes[1].Name = to+"_tenant_id", to+"_tenant_id_name"
		e.orders.ForeignKeys[0].Symbol = "orders_" + to + "_owner_id"
		e.users.ForeignKeys[0].Symbol = to + "_" + to + "_friend_id"
		runs(t, having(config, e.users, e.orders))
	})
}
