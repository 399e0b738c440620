package manager_test

import (
	"context"
	"path/filepath"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// TestSparesOfAnotherConfiguration: those that nobody keeps any more go when they are
// stale, whether their isolation is still that of new tenants or not.
func TestSparesOfAnotherConfiguration(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			c.Migrations = manager.MigrationsConfig{AtStart: true}
			stale, files := migrations(t, name), migrations(t, name, "ALTER TABLE notes ADD COLUMN title varchar(100);\n")
			for _, then := range []tenancy.Isolation{tenancy.IsolationSchema, tenancy.IsolationShared} {
				c.Isolation = manager.IsolationConfig{Default: tenancy.IsolationSchema, Prefix: c.Isolation.Prefix}
				c.Tenants.WarmPool = 1
				before := open(t, c, manager.App{Migrations: stale, SharedMigrations: files})
				must(t, before.Lifecycle().FillSpares(t.Context())) // beside the one in the background
				if n := spares(t.Context(), t, before, c); n != 1 {
					t.Fatalf("there are %d spares", n)
				}
				must(t, before.Close())
				c.Isolation.Default, c.Tenants.WarmPool = then, 0
				after := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
				awaitNoSpares(t, after, c)
				must(t, after.Close())
			}
		})
	}
}

// awaitNoSpares waits until there are no spares any more.
func awaitNoSpares(tb testing.TB, m *manager.Manager, c manager.Config) {
	tb.Helper()
	ctx, stop := context.WithTimeout(tb.Context(), 10*time.Second)
	defer stop()
	for {
		n := spares(tb.Context(), tb, m, c)
		if n == 0 {
			return
		}
		select {
		case <-ctx.Done():
			tb.Fatalf("%d spares are left", n)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// spares counts the spare schemas, databases and files of a configuration.
func spares(ctx context.Context, tb testing.TB, m *manager.Manager, c manager.Config) (n int) {
	tb.Helper()
	query := "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenancy\\_warm\\_%'"
	switch m.Driver().Dialect() {
	case dialect.SQLite:
		home := c.Database.URL.Reveal()[len("sqlite://"):]
		found, err := filepath.Glob(filepath.Join(filepath.Dir(home), "tenants", "tenancy_warm_*.db"))
		must(tb, err)
		return len(found)
	case dialect.MySQL:
		query = "SELECT count(*) FROM information_schema.schemata WHERE LEFT(schema_name, " +
			"CHAR_LENGTH('tenancy_warm_" + c.Isolation.Prefix + "')) = 'tenancy_warm_" + c.Isolation.Prefix + "'"
	}
	must(tb, m.Operator().Home().QueryRowContext(ctx, query).Scan(&n))
	return n
}
