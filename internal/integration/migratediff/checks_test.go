package migratediff_test

import (
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

// TestChecksThatArePrintedTwice have another text when PostgreSQL has read what it has printed.
func TestChecksThatArePrintedTwice(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.Postgres, dialect.MySQL, dialect.SQLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvolving()
			e.users.Annotation.Checks = map[string]string{"known": "name IN ('a', 'b')", "between": "age BETWEEN 1 AND 7 AND name LIKE 'a%'"}
			config := having(shop(t, name), e.users, e.orders)
			named(t, config, "init")
			if err := diff.Check(t.Context(), config); err != nil {
				t.Errorf("after the first: %v", err)
			}
			e.users.Annotation.Checks["known"] = "name IN ('a', 'b', 'c')"
			config = having(config, e.users, e.orders)
			if name == dialect.MySQL { // where it is not noticed
				return
			}
			named(t, config, "more")
			if err := diff.Check(t.Context(), config); err != nil {
				t.Errorf("after the second: %v", err)
			}
		})
	}
}

// TestChecksAreChanged has a check with the name of one that is there, which is not noticed on MySQL.
func TestChecksAreChanged(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.Postgres, dialect.SQLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := newEvolving()
			e.users.Annotation.Checks = map[string]string{"positive_age": "age >= 0 AND name <> ''"}
			config := having(shop(t, name), e.users, e.orders)
			named(t, config, "init")
			lose(e.users, "name")
			e.users.Annotation.Checks = map[string]string{"positive_age": "age > 17"}
			config = having(config, e.users, e.orders)
			runs(t, config)
			place := database(t, name)
			apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
			if _, err := place.ExecContext(t.Context(), "INSERT INTO users (tenant_id, age) VALUES ('acme', 17)"); err == nil {
				t.Error("the new check is not there")
			}
		})
	}
}
