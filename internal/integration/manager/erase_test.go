package manager_test

import (
	"crypto/sha256"
	"encoding/base32"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// TestRefusedErasureIsTakenBack has what keeps a server from dropping a database, or what
// was left half made of it. Whoever is restored has all that was there.
func TestRefusedErasureIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ name, in, hinder, help, says string }{
		{"scratch", "postgres", "CREATE DATABASE {scratch}", "DROP DATABASE {scratch}", "{scratch}"},
		{
			"subscription", "{name}",
			"CREATE SUBSCRIPTION {name} CONNECTION '' PUBLICATION p WITH (connect = false, slot_name = NONE)",
			"DROP SUBSCRIPTION {name}", "subscription",
		},
		{"template", "postgres", "ALTER DATABASE {name} IS_TEMPLATE true", "ALTER DATABASE {name} IS_TEMPLATE false", "template"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			c, acme, m := withDatabase(t)
			at, err := url.Parse(acme.Placement.DatabaseURL.Reveal())
			must(t, err)
			sum := sha256.Sum256([]byte(c.Isolation.Prefix + "\x00" + string(acme.ID)))
			scratch := "tenancy_new_" + strings.ToLower(base32.StdEncoding.EncodeToString(sum[:25]))
			fill := strings.NewReplacer("{name}", at.Path[1:], "{scratch}", scratch).Replace
			as, err := url.Parse(servers.PostgresAdmin(t))
			must(t, err)
			as.Path = "/" + fill(test.in)
			by := administrator(t, "pgx", as.String())
			by.SetMaxIdleConns(0)

			exec(t, by, fill(test.hinder))
			_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
			if err == nil || !strings.Contains(err.Error(), fill(test.says)) {
				t.Errorf("Erase: %v", err)
			}
			_, err = m.Lifecycle().Restore(t.Context(), acme.ID)
			if err == nil {
				_, err = m.Lifecycle().Activate(t.Context(), acme.ID)
			}
			if code, text := ask(t, api(m), http.MethodGet, "/notes", "acme"); err != nil || code != http.StatusOK {
				t.Errorf("it was restored (%v): %d %s", err, code, text)
			}
			// Where it stays closed, nobody could get in to help.
			_, _ = administrator(t, "pgx", servers.PostgresAdmin(t)).ExecContext(t.Context(), "ALTER DATABASE "+at.Path[1:]+" ALLOW_CONNECTIONS true")
			exec(t, by, fill(test.help))
			if receipt, err := m.Lifecycle().Erase(t.Context(), acme.ID); err != nil || !receipt.Dropped {
				t.Errorf("again: %+v, %v", receipt, err)
			}
		})
	}
}

// withDatabase has a tenant with a database of its own.
func withDatabase(tb testing.TB) (manager.Config, tenancy.Tenant, *manager.Manager) {
	tb.Helper()
	c, _ := postgresDatabases(tb)
	c.Migrations.AtStart = true
	files := migrations(tb, dialect.Postgres)
	m := open(tb, c, manager.App{Migrations: files, SharedMigrations: files})
	acme, err := m.Provision(tb.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(tb, err)
	return c, acme, m
}

// TestEraseAdvisesNoSuperuser has a session that no grant helps against, and one of the
// owner's own.
func TestEraseAdvisesNoSuperuser(t *testing.T) {
	t.Parallel()
	c, acme, m := withDatabase(t)
	at, err := url.Parse(acme.Placement.DatabaseURL.Reveal())
	must(t, err)
	for _, as := range []string{servers.PostgresAdmin(t), c.Database.AdminURL.Reveal()} {
		in, err := url.Parse(as)
		must(t, err)
		in.Path = at.Path
		must(t, administrator(t, "pgx", in.String()).PingContext(t.Context()))
	}
	_, err = m.Lifecycle().Erase(t.Context(), acme.ID)
	if err == nil || !strings.Contains(err.Error(), "sessions of superusers ("+user(t, tenancy.NewSecret(servers.PostgresAdmin(t)))+") are in it") || strings.Contains(err.Error(), "GRANT") {
		t.Errorf("Erase: %v", err)
	}
}

// TestDatabasesAreClosedToOthers has the role that serves own tenants' databases, so that
// nobody is left to grant anything.
func TestDatabasesAreClosedToOthers(t *testing.T) {
	t.Parallel()
	for name, roles := range map[string][]string{"granted": nil, "somebody else's business": {}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			c, admin := postgresDatabases(t)
			c.Migrations.AtStart = true
			exec(t, admin, "ALTER ROLE "+user(t, c.Database.URL)+" CREATEDB")
			stranger := user(t, c.Database.SystemURL)
			c.Isolation.ServerURL, c.Database.SystemURL = c.Database.URL, tenancy.Secret{}
			files := migrations(t, dialect.Postgres)
			m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Roles: roles})
			_, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
			must(t, err)
			var may bool
			must(t, admin.QueryRowContext(t.Context(), "SELECT has_database_privilege($1, $2, 'CONNECT') OR has_database_privilege($1, $2, 'TEMPORARY')",
				stranger, namespaces(t, admin, c)[0]).Scan(&may))
			if may != (roles != nil) {
				t.Errorf("a stranger may connect: %t", may)
			}
			if code, text := ask(t, api(m), http.MethodGet, "/notes", "acme"); code != http.StatusOK {
				t.Errorf("%d %s", code, text)
			}
		})
	}
}

// TestErasureIsKnownWhateverPlaceReturns has one that died behind the drop, of a tenant
// whose place has no metadata.
func TestErasureIsKnownWhateverPlaceReturns(t *testing.T) {
	t.Parallel()
	c, _ := postgresDatabases(t)
	c.Migrations.AtStart = true
	files := migrations(t, dialect.Postgres)
	m := open(t, c, manager.App{Migrations: files, SharedMigrations: files, Place: func(t tenancy.Tenant) (tenancy.Tenant, error) {
		return tenancy.Tenant{ID: t.ID, Identifier: t.Identifier, Status: t.Status, Isolation: tenancy.IsolationDatabase}, nil
	}})
	acme, err := m.Store().Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	must(t, err)
	_, err = m.Store().MergeMetadata(t.Context(), acme.ID, map[string]any{"tenancy_erasing": true})
	must(t, err)
	if receipt, err := m.Lifecycle().Erase(t.Context(), acme.ID); err != nil || !receipt.Dropped {
		t.Errorf("Erase: %+v, %v", receipt, err)
	}
}

// TestErasingLooksAtTheHome for what a tenant with a place of its own has left there, whether it has the tables or no migrations at all.
func TestErasingLooksAtTheHome(t *testing.T) {
	t.Parallel()
	for name, config := range configs() {
		for _, has := range []bool{true, false} {
			t.Run(name+"/"+strconv.FormatBool(has), func(t *testing.T) {
				t.Parallel()
				c, app := config(t), manager.App{Migrations: migrations(t, name)}
				c.Migrations = manager.MigrationsConfig{AtStart: has, Require: "latest"}
				if has {
					app.SharedMigrations = app.Migrations
				} else {
					c.Isolation = manager.IsolationConfig{Default: tenancy.IsolationSchema, Prefix: c.Isolation.Prefix}
				}
				m := open(t, c, app)
				globex, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex", Plan: "gold"})
				must(t, err)
				var left []manager.ErasedRows
				if has {
					left = []manager.ErasedRows{{Table: "notes", Rows: 1}}
					before := globex
					before.Isolation, before.Placement = tenancy.IsolationShared, tenancy.Placement{}
					_, err := m.Driver().ExecContext(tenancy.NewContext(t.Context(), before), "INSERT INTO notes (id, tenant_id, body) VALUES ('left', '"+string(globex.ID)+"', 'left')")
					must(t, err)
				}
				if receipt, err := m.Lifecycle().Erase(t.Context(), globex.ID); err != nil || !receipt.Dropped || !slices.Equal(receipt.Rows, left) {
					t.Errorf("Erase: %+v, %v", receipt, err)
				}
			})
		}
	}
}
