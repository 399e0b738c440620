package migratediff_test

import (
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

// TestTableThatIsLeftOverKeepsItsKey has an entity that is gone before its table is.
func TestTableThatIsLeftOverKeepsItsKey(t *testing.T) {
	t.Parallel()
	for title, change := range map[string]func(evolving){
		"alone":        func(evolving) {},
		"with changes": func(e evolving) { lose(e.users, "age"); e.users.Annotation = nil },
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			onEach(t, func(t *testing.T, name string) {
				t.Helper()
				e := newEvolving()
				config := having(shop(t, name), e.users, e.orders)
				named(t, config, "init")
				change(e)
				config = having(config, e.users)
				runs(t, config)
				place := database(t, name)
				place.SetMaxOpenConns(1)
				apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
				if name == dialect.Postgres {
					run(t, place, "SET tenancy.tenant_id = 'acme'")
				}
				run(t, place, "INSERT INTO users (id, tenant_id, name) VALUES (1, 'acme', 'ann'), (2, 'acme', 'bob')",
					"INSERT INTO orders (id, tenant_id, owner_id) VALUES (1, 'acme', 1)", "DELETE FROM users WHERE id = 2")
				if _, err := place.ExecContext(t.Context(), "INSERT INTO orders (id, tenant_id, owner_id) VALUES (2, 'acme', 9)"); err == nil {
					t.Error("an order of no user was let in")
				}
				for _, directory := range []string{diff.TenantDir, diff.SharedDir} {
					byHand(t, config, directory, "DROP TABLE orders")
				}
				if written := named(t, config, "key"); len(written) == 0 {
					t.Error("the key is kept that nothing refers to")
				}
				runs(t, config)
			})
		})
	}
}
