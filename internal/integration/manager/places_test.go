package manager_test

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// TestMySQLPasswords has passwords that look like other parts of a data source name.
func TestMySQLPasswords(t *testing.T) {
	t.Parallel()
	for _, password := range []string{"plain", "s3cr(et)-Tail", "s3cr(et-Tail", "p?w", "a://b", "a/b?c", "mysql://x@y/z"} {
		t.Run(url.QueryEscape(password), func(t *testing.T) {
			t.Parallel()
			c := mysqlConfig(t)
			c.Isolation.Default = tenancy.IsolationDatabase
			home, admin := mysqlLogins(t, &c, password)
			m := open(t, c, manager.App{Migrations: migrations(t, dialect.MySQL)})
			acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
			must(t, err)
			if code, text := ask(t, api(m), http.MethodPost, "/notes/x", "acme"); code != http.StatusOK {
				t.Errorf("writing: %d %s", code, text)
			}
			for _, s := range m.Driver().Stats().Servers {
				if s.Server != home.Addr {
					t.Errorf("the server is called %q", s.Server)
				}
			}
			var tables int
			must(t, m.Operator().Home().QueryRowContext(t.Context(),
				"SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = ? AND table_name IN ('notes', 'atlas_schema_revisions')", home.DBName).Scan(&tables))
			if tables != 0 {
				t.Error("the tenant's migrations ran in the home")
			}
			_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
			must(t, err)
			if left := namespaces(t, admin, c); len(left) != 0 {
				t.Errorf("there is still %q", left)
			}
		})
	}
}

// TestProvisionRefusesWhatTheClientCannotServe has a client that was generated without
// Placement, and a tenant that is to have a place of its own nevertheless.
func TestProvisionRefusesWhatTheClientCannotServe(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c := config(t)
			c.Isolation = manager.IsolationConfig{Prefix: c.Isolation.Prefix}
			files, tables := migrations(t, name), notes()
			tables.Globals, tables.Unqualified = []string{"Country"}, true
			m, err := manager.New(t.Context(), c, manager.App{Tenancy: tables, Migrations: files, SharedMigrations: files, Logger: slog.New(slog.NewTextHandler(io.Discard, nil))})
			must(t, err)
			defer func() { must(t, m.Close()) }()
			must(t, m.Operator().Init(t.Context()))
			_, err = m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Isolation: tenancy.IsolationSchema})
			if name == dialect.SQLite {
				must(t, err) // where names are looked for in the attached file, too
				return
			}
			if !errors.Is(err, tenancy.ErrInvalidPlacement) || !strings.Contains(err.Error(), "entext.Extension{Placement: true}") {
				t.Errorf("provisioning: %v", err)
			}
			if _, err := m.Store().ByIdentifier(t.Context(), "acme"); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("there is a record: %v", err)
			}
			put, err := m.Store().Create(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex", Isolation: tenancy.IsolationSchema})
			must(t, err)
			if _, err := m.Lifecycle().Resume(t.Context(), put.ID); !errors.Is(err, tenancy.ErrInvalidPlacement) {
				t.Errorf("resuming: %v", err)
			}
		})
	}
}

// TestDefaultIsolationIsATenantsPlace has tenants whose record says no isolation, one that
// has a place and one that was put into the registry without.
func TestDefaultIsolationIsATenantsPlace(t *testing.T) {
	t.Parallel()
	for _, isolation := range []tenancy.Isolation{tenancy.IsolationSchema, tenancy.IsolationDatabase} {
		for name, config := range configs() {
			t.Run(name+" "+string(isolation), func(t *testing.T) {
				t.Parallel()
				c := config(t)
				if name == dialect.Postgres {
					c, _ = postgresDatabases(t)
				}
				c.Isolation = manager.IsolationConfig{Default: isolation, Prefix: c.Isolation.Prefix}
				c.Migrations.AtStart = true
				files := migrations(t, name)
				m := open(t, c, manager.App{Migrations: files, SharedMigrations: files})
				provisioned, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
				must(t, err)
				provisioned.Isolation = ""
				_, err = m.Store().Update(t.Context(), provisioned)
				must(t, err)
				put, err := m.Store().Create(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex"})
				must(t, err)
				_, err = m.Lifecycle().Resume(t.Context(), put.ID)
				must(t, err)
				never, err := m.Store().Create(t.Context(), registry.NewTenant{Identifier: "initech", Name: "Initech"})
				must(t, err)
				eraseAll(t, m, isolation, provisioned.ID, put.ID, never.ID)
			})
		}
	}
}

// eraseAll writes a row for each tenant and erases it. The last one has no place.
func eraseAll(t *testing.T, m *manager.Manager, isolation tenancy.Isolation, ids ...tenancy.ID) {
	t.Helper()
	for i, id := range ids {
		last := i == len(ids)-1
		found, err := m.Store().ByID(t.Context(), id)
		must(t, err)
		if code, text := ask(t, api(m), http.MethodPost, "/notes/x", found.Identifier); !last && code != http.StatusOK {
			t.Errorf("%s: writing: %d %s", found.Identifier, code, text)
		}
		receipt, err := m.Lifecycle().Erase(t.Context(), id)
		must(t, err)
		if receipt.Isolation != isolation || receipt.Dropped == last || receipt.Namespace == "" {
			t.Errorf("%s: the receipt is %+v", found.Identifier, receipt)
		}
	}
}

// TestEraseEndsTheSessionsOfWhoServes has another process that has just served the tenant,
// and then somebody whose sessions nobody here may end.
func TestEraseEndsTheSessionsOfWhoServes(t *testing.T) {
	t.Parallel()
	c, admin := postgresDatabases(t)
	c.Migrations.AtStart = true
	files := migrations(t, dialect.Postgres)
	app := manager.App{Migrations: files, SharedMigrations: files}
	m, serving := open(t, c, app), open(t, c, app)
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	for _, m := range []*manager.Manager{m, serving} {
		if code, text := ask(t, api(m), http.MethodGet, "/notes", "acme"); code != http.StatusOK {
			t.Fatalf("%d %s", code, text)
		}
	}
	at, err := url.Parse(acme.Placement.DatabaseURL.Reveal())
	must(t, err)
	system, err := url.Parse(c.Database.SystemURL.Reveal())
	must(t, err)
	at.User = system.User
	other := administrator(t, "pgx", at.String())
	must(t, other.PingContext(t.Context()))

	_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
	if owner := user(t, c.Database.AdminURL); err == nil || !strings.Contains(err.Error(), "GRANT pg_signal_backend TO "+owner) || !strings.Contains(err.Error(), "sessions of "+user(t, c.Database.SystemURL)+" are in it") {
		t.Fatalf("Erase: %v", err)
	}
	_, err = m.Lifecycle().Restore(t.Context(), acme.ID)
	must(t, err)
	_, err = m.Lifecycle().Activate(t.Context(), acme.ID)
	must(t, err)
	if code, text := ask(t, api(m), http.MethodGet, "/notes", "acme"); code != http.StatusOK {
		t.Errorf("it was restored: %d %s", code, text)
	}
	exec(t, admin, "GRANT pg_signal_backend TO "+user(t, c.Database.AdminURL))
	receipt, err := m.Lifecycle().Erase(t.Context(), acme.ID)
	must(t, err)
	if left := namespaces(t, admin, c); len(left) != 0 || !receipt.Dropped {
		t.Errorf("there is still %q; the receipt is %+v", left, receipt)
	}
}

// TestServerURLOfAnotherRole has one role at the home, and another that makes databases.
func TestServerURLOfAnotherRole(t *testing.T) {
	t.Parallel()
	c, admin := postgresDatabases(t)
	c.Isolation.ServerURL, c.Database.SystemURL = c.Database.AdminURL, tenancy.Secret{}
	exec(t, admin, "GRANT CREATE ON SCHEMA public TO "+user(t, c.Database.URL))
	exec(t, admin, "GRANT CREATE ON DATABASE "+databaseOf(t, c)+" TO "+user(t, c.Database.URL))
	c.Database.AdminURL = tenancy.Secret{}
	t.Cleanup(func() { exec(t, admin, "DROP OWNED BY "+user(t, c.Database.URL)) })
	m := open(t, c, manager.App{Migrations: migrations(t, dialect.Postgres)})
	acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	if code, text := ask(t, api(m), http.MethodPost, "/notes/x", "acme"); code != http.StatusOK {
		t.Errorf("writing: %d %s", code, text)
	}
	_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
	must(t, err)
}

// databaseOf is the name of a home on PostgreSQL.
func databaseOf(tb testing.TB, c manager.Config) string {
	tb.Helper()
	at, err := url.Parse(c.Database.URL.Reveal())
	must(tb, err)
	return strings.TrimPrefix(at.Path, "/")
}

// mysqlLogins has new users in the URLs of a configuration, all with one password.
func mysqlLogins(tb testing.TB, c *manager.Config, password string) (home *gomysql.Config, admin *sql.DB) {
	tb.Helper()
	dsn, err := gomysql.ParseDSN(servers.MariaDB(tb))
	must(tb, err)
	admin = administrator(tb, "mysql", dsn.FormatDSN())
	for address, grant := range map[*tenancy.Secret]string{
		&c.Database.URL: "SELECT, INSERT, UPDATE, DELETE ON " + dsn.DBName + ".* TO ", &c.Database.AdminURL: "ALL ON *.* TO ",
	} {
		name := "test_" + strings.ToLower(rand.Text()[:16])
		tb.Cleanup(func() { exec(tb, admin, "DROP USER "+name) })
		exec(tb, admin, "CREATE USER "+name+" IDENTIFIED BY '"+password+"'")
		exec(tb, admin, "GRANT "+grant+name+" WITH GRANT OPTION")
		at := url.URL{Scheme: "mysql", User: url.UserPassword(name, password), Host: dsn.Addr, Path: "/" + dsn.DBName}
		*address = tenancy.NewSecret(at.String())
	}
	dropNamespaces(tb, admin, *c)
	return dsn, admin
}

// postgresDatabases has an owner who may make databases, and one for each tenant.
func postgresDatabases(tb testing.TB) (manager.Config, *sql.DB) {
	tb.Helper()
	c := postgresConfig(tb)
	c.Isolation = manager.IsolationConfig{Default: tenancy.IsolationDatabase, Prefix: "t" + strings.ToLower(rand.Text()[:10]) + "_"}
	home, err := url.Parse(c.Database.URL.Reveal())
	must(tb, err)
	at, err := url.Parse(servers.PostgresAdmin(tb))
	must(tb, err)
	at.Path = home.Path
	admin := administrator(tb, "pgx", at.String())
	exec(tb, admin, "ALTER ROLE "+user(tb, c.Database.AdminURL)+" CREATEDB")
	dropNamespaces(tb, admin, c)
	return c, admin
}

// namespaces are the schemas and databases of tenants on the server of a home.
func namespaces(tb testing.TB, admin *sql.DB, c manager.Config) (names []string) {
	tb.Helper()
	query := "SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '"
	if c.Database.Dialect() == dialect.Postgres {
		query = "SELECT name FROM (SELECT nspname::text FROM pg_namespace UNION ALL SELECT datname::text FROM pg_database) n (name) WHERE name LIKE '"
	}
	rows, err := admin.QueryContext(context.WithoutCancel(tb.Context()), query+c.Isolation.Prefix+"%'")
	must(tb, err)
	defer rows.Close()
	for rows.Next() {
		var name string
		must(tb, rows.Scan(&name))
		names = append(names, name)
	}
	must(tb, rows.Err())
	return names
}

// dropNamespaces drops the databases of tenants that a test leaves behind.
func dropNamespaces(tb testing.TB, admin *sql.DB, c manager.Config) {
	tb.Helper()
	force := ""
	if c.Database.Dialect() == dialect.Postgres {
		force = " WITH (FORCE)"
	}
	tb.Cleanup(func() {
		for _, name := range namespaces(tb, admin, c) {
			exec(tb, admin, "DROP DATABASE IF EXISTS "+name+force)
		}
	})
}

// administrator is a pool of the server's.
func administrator(tb testing.TB, driver, address string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, address)
	must(tb, err)
	tb.Cleanup(func() { must(tb, db.Close()) })
	return db
}

func exec(tb testing.TB, db *sql.DB, statement string) {
	tb.Helper()
	if _, err := db.ExecContext(context.WithoutCancel(tb.Context()), statement); err != nil {
		tb.Errorf("%s: %v", statement, err)
	}
}

// Who signs up before the shared tables are there is served once they are.
func TestProvisionLooksForTheSharedTables(t *testing.T) {
	t.Parallel()
	for name, config := range map[string]manager.Config{
		"SQLite":     sqliteConfig(t),
		"MariaDB":    mysqlConfig(t),
		"PostgreSQL": postgresConfig(t),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config.Isolation = manager.IsolationConfig{Default: tenancy.IsolationShared}
			m := open(t, config, manager.App{})
			acme, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Isolation: tenancy.IsolationShared})
			if !errors.Is(err, tenancy.ErrNotProvisioned) || acme.Status != tenancy.StatusProvisioning {
				t.Fatalf("%s: %v, want it to be left provisioning", acme.Status, err)
			}
			execute(t, m, notesTable)
			acme, err = m.Lifecycle().Resume(t.Context(), acme.ID)
			must(t, err)
			if acme.Status != tenancy.StatusActive {
				t.Errorf("the status is %s", acme.Status)
			}
		})
	}
}
