package manager_test

import (
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

// startedOnNothing starts a Manager for which nobody is behind row-level security, before
// there are tables.
func startedOnNothing(t *testing.T, c manager.Config, replicas ...tenancy.Secret) *manager.Manager {
	t.Helper()
	c.Isolation = manager.IsolationConfig{Default: tenancy.IsolationSchema}
	c.Database.ReplicaURLs = replicas
	files := migrations(t, dialect.Postgres)
	return open(t, c, manager.App{Migrations: files, SharedMigrations: files})
}

// behindRows is a new tenant that is to be kept apart by row-level security.
func behindRows(identifier string) registry.NewTenant {
	return registry.NewTenant{Identifier: identifier, Name: identifier, Isolation: tenancy.IsolationRLS}
}

// apply migrates with what a Manager has been given.
func apply(t *testing.T, m *manager.Manager) {
	t.Helper()
	_, err := m.Migrator().Apply(t.Context())
	must(t, err)
}

// TestTheFirstTenantBehindRows is held to what Start has had no reason to look at.
func TestTheFirstTenantBehindRows(t *testing.T) {
	t.Parallel()
	refused := func(t *testing.T, err error, says string) {
		t.Helper()
		if !errors.Is(err, postgres.ErrUnsafe) || !strings.Contains(err.Error(), says) {
			t.Errorf("want %q: %v", says, err)
		}
	}
	t.Run("a replica that bypasses policies", func(t *testing.T) {
		t.Parallel()
		c := postgresConfig(t)
		m := startedOnNothing(t, c, c.Database.URL, c.Database.SystemURL)
		apply(t, m)
		acme, err := m.Provision(t.Context(), behindRows("acme"))
		refused(t, err, "address 2 of TENANCY_DATABASE_REPLICA_URLS")
		_, err = m.Lifecycle().Resume(t.Context(), acme.ID)
		refused(t, err, "address 2 of TENANCY_DATABASE_REPLICA_URLS")
		_, err = m.Provision(t.Context(), registry.NewTenant{Identifier: "globex", Name: "Globex"})
		must(t, err)
	})
	t.Run("an open registry", func(t *testing.T) {
		t.Parallel()
		c := postgresConfig(t)
		m := startedOnNothing(t, c)
		apply(t, m)
		execute(t, m, "GRANT SELECT ON tenancy_tenants TO PUBLIC")
		acme, err := m.Provision(t.Context(), behindRows("acme"))
		refused(t, err, "may use public.tenancy_tenants")
		execute(t, m, "REVOKE SELECT ON tenancy_tenants FROM PUBLIC")
		_, err = m.Lifecycle().Resume(t.Context(), acme.ID)
		must(t, err)
	})
	t.Run("all is well", func(t *testing.T) {
		t.Parallel()
		c := postgresConfig(t)
		m := startedOnNothing(t, c, named(t, c.Database.URL, "safe"))
		apply(t, m)
		acme, err := m.Provision(t.Context(), behindRows("acme"))
		must(t, err)
		if got := reads(t, m, acme, "SELECT current_setting('application_name')"); got != "safe" {
			t.Errorf("%q answers, want the replica, which was looked at", got)
		}
	})
}

// TestATenantBehindRowsOfAnotherProcess is not served by replicas that nobody has looked at here.
func TestATenantBehindRowsOfAnotherProcess(t *testing.T) {
	t.Parallel()
	const who = "SELECT current_setting('application_name')"
	c := postgresConfig(t)
	serving := startedOnNothing(t, c, named(t, c.Database.SystemURL, "unsafe"), named(t, c.Database.URL, "safe"))
	m := startedOnNothing(t, c)
	apply(t, m)
	var all []tenancy.Tenant
	for _, identifier := range []string{"acme", "globex"} {
		made, err := m.Provision(t.Context(), behindRows(identifier))
		must(t, err)
		_, err = m.Driver().ExecContext(tenancy.NewContext(t.Context(), made), "INSERT INTO notes VALUES ('"+identifier+"', '"+string(made.ID)+"', '"+identifier+"')")
		must(t, err)
		all = append(all, made)
	}
	moved, err := m.Provision(t.Context(), registry.NewTenant{Identifier: "initech", Name: "Initech"})
	must(t, err)
	await(t, "a replica answers who is elsewhere", func() bool { return reads(t, serving, moved, who) == "unsafe" })

	for range 4 {
		for _, of := range all {
			if got := reads(t, serving, of, "SELECT string_agg(body, ',') FROM notes"); got != of.Identifier {
				t.Errorf("%s reads %q", of.Identifier, got)
			}
		}
	}
	await(t, "the safe one answers when it was looked at", func() bool { return reads(t, serving, all[0], who) == "safe" })
	for range 10 {
		if got := reads(t, serving, all[0], who); got != "safe" {
			t.Errorf("%q answers", got)
		}
	}
	if _, err := serving.Provision(t.Context(), behindRows("hooli")); !errors.Is(err, postgres.ErrUnsafe) {
		t.Errorf("it makes one itself: %v", err)
	}
}
