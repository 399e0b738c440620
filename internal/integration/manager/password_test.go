package manager_test

import (
	"errors"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// What cannot be connected to is no way to the password of who would.
func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	c := manager.Config{Database: manager.DatabaseConfig{URL: tenancy.NewSecret("postgres://shop:hunter2@127.0.0.1:1/shop?sslmode=disable")}}
	away, err := manager.New(t.Context(), c, manager.App{Tenancy: notes(), Migrations: migrations(t, dialect.Postgres)})
	must(t, err)
	t.Cleanup(func() { must(t, away.Close()) })
	_, found := away.Store().ByIdentifier(t.Context(), "acme")
	_, applied := away.Migrator().Apply(t.Context())
	_, compared := away.Migrator().Drift(t.Context())
	_, repaired := away.Migrator().Repair(t.Context(), tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationShared}, true)
	for name, err := range map[string]error{
		"Store": found, "Start": away.Start(t.Context()),
		"Apply": applied, "Drift": compared, "Forget": away.Migrator().Forget(t.Context(), "acme"),
		"Repair": repaired,
	} {
		if err == nil || errors.As(err, new(*pgconn.ConnectError)) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
