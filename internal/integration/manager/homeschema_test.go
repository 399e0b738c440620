package manager_test

import (
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// inHomeSchema has the shared tables in the schema app, and old ones of the same name
// without policies in public.
func inHomeSchema(t *testing.T) (manager.Config, *sql.DB) {
	t.Helper()
	c, admin := postgresDatabases(t)
	c.Isolation.Default = ""
	c.Database.GlobalSchema = "App"
	c.Migrations.AtStart = true
	owner, roles := user(t, c.Database.AdminURL), user(t, c.Database.URL)+", "+user(t, c.Database.SystemURL)
	for _, statement := range []string{
		`CREATE SCHEMA "App" AUTHORIZATION ` + owner,
		`GRANT USAGE ON SCHEMA "App" TO ` + roles,
		notesTable,
		"GRANT SELECT, INSERT, UPDATE, DELETE ON notes TO " + roles,
	} {
		exec(t, admin, statement)
	}
	return c, admin
}

// TestGlobalSchemaIsServedFrom whatever the isolation, by each of the pools.
func TestGlobalSchemaIsServedFrom(t *testing.T) {
	t.Parallel()
	for _, isolation := range tenancy.Isolations() {
		t.Run(string(isolation), func(t *testing.T) {
			t.Parallel()
			c, admin := inHomeSchema(t)
			c.Isolation.Default = isolation
			c.Database.ReplicaURLs = []tenancy.Secret{c.Database.URL}
			files := migrations(t, dialect.Postgres)
			m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
			acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
			must(t, err)
			h := api(m)
			if code, text := ask(t, h, http.MethodPost, "/notes/x", "acme"); code != http.StatusOK {
				t.Fatalf("writing: %d %s", code, text)
			}
			if code, text := ask(t, h, http.MethodGet, "/notes", "acme"); code != http.StatusOK || text != "of acme" {
				t.Errorf("reading: %d %s", code, text)
			}
			const count = "SELECT count(*)::text FROM notes"
			if n := reads(t, m, acme, count); n != "1" {
				t.Errorf("a replica reads %s rows", n)
			}
			var inApp, inPublic, bySystem int
			must(t, admin.QueryRowContext(t.Context(), `SELECT (SELECT count(*) FROM "App".notes), (SELECT count(*) FROM public.notes)`).Scan(&inApp, &inPublic))
			must(t, m.Operator().System().QueryRowContext(tenancy.System(t.Context(), "test"), "SELECT count(*) FROM notes").Scan(&bySystem))
			want := 0
			if isolation == tenancy.IsolationRLS || isolation == tenancy.IsolationShared {
				want = 1
			}
			if inApp != want || inPublic != 0 || bySystem != want {
				t.Errorf("there are %d rows in the schema and %d in public, and System sees %d; want %d", inApp, inPublic, bySystem, want)
			}
			_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
			must(t, err)
		})
	}
}

// TestGlobalSchemaIsFoundInTenantsDatabases by who verifies one of them.
func TestGlobalSchemaIsFoundInTenantsDatabases(t *testing.T) {
	t.Parallel()
	c, _ := inHomeSchema(t)
	c.Isolation.Default = tenancy.IsolationDatabase
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	must(t, manager.VerifyPostgres(m.Operator().Serving(), notes(), m.Operator().PostgresConfig())(t.Context(), acme))

	// A URL that somebody has registered with a path that leads elsewhere.
	at, err := url.Parse(acme.Placement.DatabaseURL.Reveal())
	must(t, err)
	acme.Placement.DatabaseURL = with(t, at.String(), "SEARCH_PATH", "public")
	_, err = m.Driver().ExecContext(tenancy.NewContext(t.Context(), acme), "DELETE FROM notes")
	must(t, err)
}

// with returns a URL with one more parameter.
func with(tb testing.TB, address, name, value string) tenancy.Secret {
	tb.Helper()
	at, err := url.Parse(address)
	must(tb, err)
	query := at.Query()
	query.Set(name, value)
	at.RawQuery = query.Encode()
	return tenancy.NewSecret(at.String())
}

// TestStartRefusesAPathThatLeadsElsewhere than to the tables that it verifies.
func TestStartRefusesAPathThatLeadsElsewhere(t *testing.T) {
	t.Parallel()
	c, admin := inHomeSchema(t)
	files := migrations(t, dialect.Postgres)
	start := func(c manager.Config) error {
		m, err := manager.New(t.Context(), c, manager.App{
			Tenancy: notes(), Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		must(t, err)
		defer func() { must(t, m.Close()) }()
		return m.Start(t.Context())
	}
	c.Database.URL = with(t, c.Database.URL.Reveal(), "search_path", `"App",public`)
	must(t, start(c))
	exec(t, admin, `ALTER TABLE "App".notes RENAME TO moved`)
	c.Migrations.AtStart = false
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationShared, tenancy.IsolationRLS} {
		c.Isolation.Default = isolation
		err := start(c)
		if !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), `notes is found in the schema public`) {
			t.Errorf("%s: it starts: %v", isolation, err)
		}
	}
}

// TestGlobalSchemaBehindAPooler that takes no search path, or leaves it out and says nothing.
func TestGlobalSchemaBehindAPooler(t *testing.T) {
	t.Parallel()
	c, admin := inHomeSchema(t)
	files := migrations(t, dialect.Postgres)
	open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	direct, user := c.Database.URL, user(t, c.Database.URL)
	start := func(address string) error {
		pooled := c
		pooled.Database.URL = tenancy.NewSecret(address)
		m, err := manager.New(t.Context(), pooled, manager.App{
			Tenancy: notes(), Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(io.Discard, nil)),
		})
		must(t, err)
		defer func() { must(t, m.Close()) }()
		return m.Start(t.Context())
	}
	const remedy = `ALTER ROLE … SET search_path = "App"`
	if err := start(servers.PgBouncer(t, direct.Reveal(), 2)); err == nil || !strings.Contains(err.Error(), remedy) {
		t.Errorf("it takes none: %v", err)
	}
	ignoring := servers.PgBouncer(t, direct.Reveal(), 2, "ignore_startup_parameters = search_path")
	if err := start(ignoring); err == nil || !strings.Contains(err.Error(), remedy) {
		t.Errorf("it is left out: %v", err)
	}
	exec(t, admin, "ALTER ROLE "+user+` SET search_path = "App"`)
	ignoring = servers.PgBouncer(t, direct.Reveal(), 2, "ignore_startup_parameters = search_path")
	must(t, start(ignoring))
}
