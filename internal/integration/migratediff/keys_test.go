package migratediff_test

import (
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

// TestKeysHoldToOneTenant writes rows that refer to another tenant's, where no
// row-level security is in between.
func TestKeysHoldToOneTenant(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.MySQL, dialect.SQLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := shop(t, name)
			named(t, config, "init")
			db := database(t, name)
			apply(t, db, filepath.Join(config.Dir, diff.TenantDir), 0)
			run(t, db,
				"INSERT INTO users (id, tenant_id, name, age) VALUES (1, 'acme', 'ann', 1), (2, 'globex', 'bob', 1)",
				"INSERT INTO orders (id, tenant_id, number, note, total, owner_id) VALUES (1, 'acme', 'one', '', 1, 1), (2, 'globex', 'one', '', 1, 2)",
				"INSERT INTO clubs (id, tenant_id, name) VALUES (1, 'acme', 'chess')",
				"INSERT INTO user_friends (tenant_id, user_id, friend_id) VALUES ('acme', 1, 1)")
			for _, statement := range []string{
				"INSERT INTO orders (id, tenant_id, number, note, total, owner_id) VALUES (3, 'globex', 'two', '', 1, 1)",
				"UPDATE orders SET owner_id = 2 WHERE id = 1",
				"UPDATE orders SET tenant_id = 'globex', number = 'moved' WHERE id = 1",
				"INSERT INTO visits (tenant_id, remark, guest_id, club_id) VALUES ('globex', '', 2, 1)",
				"INSERT INTO user_friends (tenant_id, user_id, friend_id) VALUES ('acme', 1, 2)",
				"INSERT INTO orders (id, tenant_id, number, note, total) VALUES (4, 'acme', 'one', '', 1)",
			} {
				if _, err := db.ExecContext(t.Context(), statement); err == nil {
					t.Errorf("let in: %s", statement)
				}
			}
			// A key that sets null keeps the tenant of the row.
			run(t, db, "INSERT INTO users (id, tenant_id, name, age, user_spouse) VALUES (3, 'globex', 'eve', 1, 2)", "DELETE FROM users WHERE id = 2")
			if got := lines(t, db, "SELECT tenant_id FROM users WHERE id = 3 AND user_spouse IS NULL"); len(got) != 1 || got[0] != "globex" {
				t.Errorf("got %q", got)
			}
		})
	}
}
