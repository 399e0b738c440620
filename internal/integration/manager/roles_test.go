package manager_test

import (
	"bytes"
	"errors"
	"io"
	"log/slog"
	"net/url"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// registryAttacks are SQL by which a tenant would reach what the registry keeps.
func registryAttacks() []string {
	return []string{
		"SELECT count(database_url) FROM public.tenancy_tenants",
		"UPDATE public.tenancy_tenants SET status = 'suspended'",
		"DELETE FROM public.tenancy_audit",
		"TRUNCATE public.tenancy_audit",
		"SELECT 1 FROM public.tenancy_domains",
		"INSERT INTO public.tenancy_quotas VALUES ('a', 'b', 'c', 1)",
		"DELETE FROM public.tenancy_registry_lock",
		"DELETE FROM public.tenancy_registry_revisions",
		"SELECT error FROM public.tenancy_migrations",
		"DELETE FROM public.atlas_schema_revisions",
	}
}

// TestTenantsReachNothingOfTheRegistry has the roles that driver/postgres documents, whose
// default privileges give the one that serves every table that the owner makes. A table
// that a release adds has to be tried too, and so to be among those that postgres.Verify knows.
func TestTenantsReachNothingOfTheRegistry(t *testing.T) {
	t.Parallel()
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	c.Audit.Sinks = []manager.AuditSink{manager.AuditSinkRegistry}
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	_, err = m.Provision(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex"})
	must(t, err)
	for _, attack := range registryAttacks() {
		_, err := m.Driver().ExecContext(tenancy.NewContext(t.Context(), acme), attack)
		if state := sqlState(err); state != "42501" {
			t.Errorf("%s: %v", attack, err)
		}
	}
	var tables []string
	rows, err := m.Operator().Home().QueryContext(t.Context(), "SELECT tablename FROM pg_tables WHERE tablename LIKE 'tenancy\\_%' OR tablename LIKE 'atlas%'")
	must(t, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(t, rows.Scan(&name))
		tables = append(tables, name)
	}
	must(t, rows.Err())
	for _, name := range tables {
		if !slices.ContainsFunc(registryAttacks(), func(attack string) bool { return strings.Contains(attack, "public."+name) }) {
			t.Errorf("nobody has tried %s", name)
		}
	}
}

// TestStartRefusesARoleThatReachesTheRegistry has rights that nobody takes away by itself.
func TestStartRefusesARoleThatReachesTheRegistry(t *testing.T) {
	t.Parallel()
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	for _, statement := range []string{
		"GRANT SELECT (identifier) ON tenancy_tenants TO PUBLIC",
		"GRANT DELETE ON tenancy_audit TO " + user(t, c.Database.URL),
		"ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM " + user(t, c.Database.URL),
	} {
		_, err := m.Operator().Home().ExecContext(t.Context(), statement)
		must(t, err)
	}
	err := m.Start(t.Context())
	if !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), "REVOKE ALL ON public.tenancy_audit, public.tenancy_tenants FROM ") {
		t.Fatalf("it starts: %v", err)
	}
	_, statement, _ := strings.Cut(err.Error(), "can read and change: ")
	_, err = m.Operator().Home().ExecContext(t.Context(), statement)
	must(t, err)
	must(t, m.Start(t.Context()))
}

// TestOneRoleIsServedWithAHint has an application that owns what it serves, or that keeps
// the registry as the role that serves.
func TestOneRoleIsServedWithAHint(t *testing.T) {
	t.Parallel()
	files := migrations(t, dialect.Postgres)
	for name, only := range map[string]func(testing.TB) manager.Config{
		"owner": func(tb testing.TB) manager.Config {
			tb.Helper()
			return manager.Config{Database: manager.DatabaseConfig{URL: tenancy.NewSecret(servers.Postgres(tb))}}
		},
		"keeper": func(tb testing.TB) manager.Config {
			tb.Helper()
			c := postgresConfig(tb)
			c.Migrations.AtStart = true
			m := open(tb, c, manager.App{Migrations: files, SharedMigrations: files})
			_, err := m.Operator().Home().ExecContext(tb.Context(), "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO "+user(tb, c.Database.URL))
			must(tb, err)
			return manager.Config{Database: manager.DatabaseConfig{URL: c.Database.URL}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := only(t)
			c.Migrations.AtStart = name == "owner"
			var log bytes.Buffer
			m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(&log, nil))})
			if _, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
				t.Error(err)
			}
			if !strings.Contains(log.String(), "with SQL of its own every tenant can read and change") {
				t.Errorf("no hint: %s", log.String())
			}
		})
	}
}

// TestStartRefusesASystemRoleThatSeesNothing has the roles that somebody may take for one.
func TestStartRefusesASystemRoleThatSeesNothing(t *testing.T) {
	t.Parallel()
	files := migrations(t, dialect.Postgres)
	c := postgresConfig(t)
	c.Migrations.AtStart = true
	open(t, c, manager.App{Migrations: files, SharedMigrations: files})
	for name, address := range map[string]tenancy.Secret{"owner": c.Database.AdminURL, "app": c.Database.URL} {
		for _, isolation := range []tenancy.Isolation{"", tenancy.IsolationSchema} {
			other := c
			other.Database.SystemURL, other.Isolation = address, manager.IsolationConfig{Default: isolation}
			m, err := manager.New(t.Context(), other, manager.App{Tenancy: notes(), Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			must(t, err)
			if err := m.Start(t.Context()); !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), "BYPASSRLS") {
				t.Errorf("%s, %q: it starts: %v", name, isolation, err)
			}
			must(t, m.Close())
		}
	}
}

// execute has the owner of a Manager's home execute statements.
func execute(tb testing.TB, m *manager.Manager, statements ...string) {
	tb.Helper()
	for _, statement := range statements {
		_, err := m.Operator().Home().ExecContext(tb.Context(), statement)
		must(tb, err)
	}
}

// TestStartLooksAtRowsWhateverTheDefault has a role that no policy holds, which does not
// matter before there are policies, or tenants behind them.
func TestStartLooksAtRowsWhateverTheDefault(t *testing.T) {
	t.Parallel()
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationShared, tenancy.IsolationSchema, tenancy.IsolationDatabase} {
		t.Run(string(isolation), func(t *testing.T) {
			t.Parallel()
			c := postgresConfig(t)
			c.Isolation = manager.IsolationConfig{Default: isolation}
			c.Database.URL, c.Database.SystemURL = c.Database.SystemURL, tenancy.Secret{}
			var app manager.App
			by := func(statements ...string) {
				t.Helper()
				execute(t, open(t, c, manager.App{}), statements...)
			}
			by(notesTable) // for which Start has nothing to say
			start := func() error {
				t.Helper()
				app.Tenancy, app.Logger = notes(), slog.New(slog.NewTextHandler(io.Discard, nil))
				m, err := manager.New(t.Context(), c, app)
				must(t, err)
				defer m.Close()
				return m.Start(t.Context())
			}
			refused := func(of, why string) {
				t.Helper()
				if err := start(); !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), "BYPASSRLS") || !strings.Contains(err.Error(), why) {
					t.Errorf("%s: it starts: %v", of, err)
				}
			}
			m := open(t, c, app)
			acme, err := m.Store().Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Isolation: tenancy.IsolationRLS})
			must(t, err)
			must(t, start()) // it was never served, as one that Provision has refused
			acme.Status = tenancy.StatusActive
			acme, err = m.Store().Update(t.Context(), acme)
			must(t, err)
			refused("a tenant behind row-level security", "1 active tenants")
			acme.Isolation = ""
			_, err = m.Store().Update(t.Context(), acme)
			must(t, err)
			app.Place = func(t tenancy.Tenant) (tenancy.Tenant, error) {
				t.Isolation = tenancy.IsolationRLS
				return t, nil
			}
			refused("a tenant that the program places there", "App.Place puts tenant(")
			app.Place = nil
			by(postgres.Policies(notes())...)
			refused("policies", "a shared table has its policy")
		})
	}
}

// TestManagersShareAPooler has one after the other find what the one before has left on the only connection of a pooler that needs statements without names.
func TestManagersShareAPooler(t *testing.T) {
	t.Parallel()
	c := postgresConfig(t)
	c.Isolation.Default = tenancy.IsolationShared
	c.Database.URL, c.Database.SystemURL = tenancy.NewSecret(servers.PgBouncer(t, c.Database.URL.Reveal(), 1)), tenancy.Secret{}
	c.Database.Unnamed = true
	for i := range 3 {
		m := open(t, c, manager.App{})
		if i == 0 {
			execute(t, m, notesTable)
		}
		var n int
		err := m.Operator().Serving().QueryRowContext(tenancy.System(t.Context(), "test"), "SELECT count(*) FROM notes").Scan(&n)
		if err != nil {
			t.Errorf("Manager %d: %v", i, err)
		}
		must(t, m.Close())
	}
}

// TestSystemIsShownAllOrRefused on the role that serves, which policies hold or not.
func TestSystemIsShownAllOrRefused(t *testing.T) {
	t.Parallel()
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationShared, tenancy.IsolationSchema, tenancy.IsolationDatabase} {
		t.Run(string(isolation), func(t *testing.T) {
			t.Parallel()
			c := postgresConfig(t)
			c.Isolation = manager.IsolationConfig{Default: isolation}
			c.Database.SystemURL = tenancy.Secret{}
			var m *manager.Manager
			by := func(statements ...string) {
				m = open(t, c, manager.App{})
				execute(t, m, statements...)
			}
			count := func() (n int, err error) {
				tx, err := m.Driver().BeginTx(tenancy.System(t.Context(), "test"), nil)
				if err != nil {
					return 0, err
				}
				defer tx.Rollback()
				err = m.Operator().Serving().QueryRowContext(tenancy.System(t.Context(), "test"), "SELECT count(*) FROM notes").Scan(&n)
				return n, err
			}
			by(notesTable, "INSERT INTO notes VALUES ('1', 'a', ''), ('2', 'b', '')")
			for range 2 { // asked, and remembered
				if n, err := count(); n != 2 || err != nil {
					t.Errorf("no policies: %d rows (%v)", n, err)
				}
			}
			by(postgres.Policies(notes())...)
			m = open(t, c, manager.App{})
			for range 2 {
				if n, err := count(); !errors.Is(err, postgres.ErrSystem) {
					t.Errorf("policies: %d rows (%v)", n, err)
				}
			}
		})
	}
}

// sqlState is the server's code for an error.
func sqlState(err error) string {
	var server interface{ SQLState() string }
	if errors.As(err, &server) {
		return server.SQLState()
	}
	return ""
}

// user is the role of a URL, as SQL.
func user(tb testing.TB, address tenancy.Secret) string {
	tb.Helper()
	at, err := url.Parse(address.Reveal())
	must(tb, err)
	return at.User.Username()
}

// TestGlobalFile has no file of global tables, where nobody names one, and a hint where
// it brings the registry along.
func TestGlobalFile(t *testing.T) {
	t.Parallel()
	files := migrations(t, dialect.SQLite)
	for _, attach := range []bool{false, true} {
		c := sqliteConfig(t)
		c.Isolation = manager.IsolationConfig{Default: tenancy.IsolationSchema}
		if attach {
			c.Database.GlobalFile = strings.TrimPrefix(c.Database.URL.Reveal(), "sqlite://")
		}
		var log bytes.Buffer
		m := open(t, c, manager.App{Migrations: files, Logger: slog.New(slog.NewTextHandler(&log, nil))})
		acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
		must(t, err)
		_, err = m.Driver().ExecContext(tenancy.NewContext(t.Context(), acme), "SELECT count(*) FROM tenancy_tenants")
		if reads := err == nil; reads != attach {
			t.Errorf("attached: %t, and it reads the registry: %v", attach, err)
		}
		if told := strings.Contains(log.String(), "TENANCY_DATABASE_GLOBAL_FILE"); told != attach {
			t.Errorf("attached: %t, and the log has\n%s", attach, log.String())
		}
	}
}
