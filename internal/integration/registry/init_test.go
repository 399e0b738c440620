package registry_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/registry"
)

func TestInitAgain(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		acme, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"seats": 5.0}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := store.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		got, err := open(t, db).ByID(t.Context(), acme.ID)
		checkSame(t, "after Init", got, err, acme)
	})
}

// An application may have a table of tenants, and whatever indexes on it.
func TestInitBesideAnApplicationsTenants(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		for _, statement := range []string{
			"CREATE TABLE tenants (id INT PRIMARY KEY, status INT, created_at INT)",
			"CREATE INDEX tenant_status_id ON tenants (status, id)",
			"CREATE INDEX tenant_created_at_id ON tenants (created_at, id)",
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(t, db).Init(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestColumns(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		dialect.Postgres: {"metadata": "jsonb", "created_at": "timestamp with time zone"},
		dialect.MySQL:    {"metadata": "longtext", "created_at": "datetime"}, // MariaDB's json is longtext with a check
	}
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		for column, want := range want[db.driver.Dialect()] {
			var got string
			row := db.QueryRowContext(t.Context(), "SELECT data_type FROM information_schema.columns WHERE table_name = 'tenancy_tenants'"+
				" AND table_schema NOT IN ('information_schema', 'pg_catalog') AND column_name = '"+column+"'")
			if err := row.Scan(&got); err != nil || got != want {
				t.Errorf("%s has type %q (%v), want %q", column, got, err, want)
			}
		}
	})
}
