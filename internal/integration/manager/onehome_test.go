package manager_test

import (
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
)

// TestURLsLeadToOneDatabase has a copy of the home, with the registry and all that can be
// read of it, behind one of the URLs.
func TestURLsLeadToOneDatabase(t *testing.T) {
	t.Parallel()
	config := postgresConfig(t)
	config.Isolation = manager.IsolationConfig{Default: tenancy.IsolationShared}
	must(t, open(t, config, manager.App{}).Close())
	copied := copyOf(t, config.Database.AdminURL)
	for name, mislead := range map[string]func(*manager.DatabaseConfig){
		"TENANCY_DATABASE_URL":        func(c *manager.DatabaseConfig) { c.URL = copied(c.URL) },
		"TENANCY_DATABASE_SYSTEM_URL": func(c *manager.DatabaseConfig) { c.SystemURL = copied(c.SystemURL) },
	} {
		misled := config
		mislead(&misled.Database)
		m, err := manager.New(t.Context(), misled, manager.App{Tenancy: notes(), Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
		must(t, err)
		err = m.Start(t.Context())
		must(t, m.Close())
		if !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), name+" and TENANCY_DATABASE_ADMIN_URL lead to different databases") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// copyOf copies the database of a URL, and returns what makes URLs lead to the copy.
func copyOf(tb testing.TB, address tenancy.Secret) func(tenancy.Secret) tenancy.Secret {
	tb.Helper()
	at, err := url.Parse(address.Reveal())
	must(tb, err)
	name := strings.TrimPrefix(at.Path, "/")
	db, err := sql.Open("pgx", servers.PostgresAdmin(tb))
	must(tb, err)
	_, err = db.ExecContext(tb.Context(), "CREATE DATABASE "+name+"_copy TEMPLATE "+name)
	must(tb, err)
	tb.Cleanup(func() {
		_, err := db.Exec("DROP DATABASE " + name + "_copy WITH (FORCE)") //nolint:noctx // the test's context has ended
		must(tb, errors.Join(err, db.Close()))
	})
	return func(address tenancy.Secret) tenancy.Secret {
		at, err := url.Parse(address.Reveal())
		must(tb, err)
		at.Path += "_copy"
		return tenancy.NewSecret(at.String())
	}
}
