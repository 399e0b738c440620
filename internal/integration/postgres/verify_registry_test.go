package postgres_test

import (
	"database/sql"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/registry"
)

// withRegistry has the registry's tables in the database, by whose owner it keeps them.
func withRegistry(t *testing.T) (*guarded, *sql.DB) {
	t.Helper()
	g := newGuarded(t, isolationApp)
	owner, err := sql.Open("pgx", g.owner)
	must(t, err)
	t.Cleanup(func() { _ = owner.Close() })
	store, err := registry.NewEntStore(entsql.OpenDB(dialect.Postgres, owner), registry.EntConfig{})
	must(t, err)
	must(t, store.Init(t.Context()))
	return g, owner
}

func TestVerifyRefusesARoleThatReachesTheRegistry(t *testing.T) {
	t.Parallel()
	g, owner := withRegistry(t) // default privileges give it all
	db := g.serve(t)
	_, err := postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
	if err == nil || !strings.Contains(err.Error(), "public.tenancy_audit, public.tenancy_domains, public.tenancy_quotas, public.tenancy_registry_lock, "+
		"public.tenancy_registry_revisions, public.tenancy_tenants FROM ") {
		t.Errorf("%v does not say what to revoke", err)
	}
	hints, err := postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{KeepsRegistry: true})
	must(t, err)
	if !slices.ContainsFunc(hints, func(h postgres.Hint) bool { return strings.Contains(h.Message, "keeps the registry") }) {
		t.Errorf("no hint: %v", hints)
	}
	name := strings.Trim(role(t, g.app), `"`)
	must(t, postgres.RevokeRegistry(t.Context(), owner, name))
	_, err = postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	must(t, err)
	must(t, postgres.RevokeRegistry(t.Context(), owner, name)) // nothing is left
	must(t, postgres.RevokeRegistry(t.Context(), owner, "nobody"))
}

// TestRevokeRegistryLeavesWhatIsGrantedByName takes what comes by itself, and from no other role.
func TestRevokeRegistryLeavesWhatIsGrantedByName(t *testing.T) {
	t.Parallel()
	g, owner := withRegistry(t)
	may := func(of, table string) bool {
		return one[bool](t.Context(), t, owner, "SELECT has_table_privilege('"+of+"', '"+table+"', 'SELECT')")
	}
	app, system := strings.Trim(role(t, g.app), `"`), strings.Trim(role(t, g.system), `"`)
	must(t, postgres.RevokeRegistry(t.Context(), owner, app))
	if may(app, "tenancy_tenants") || !may(app, "orders") || !may(system, "tenancy_tenants") {
		t.Error("it takes too little or too much")
	}
	run(t, g.owner, g.fill(t, "ALTER DEFAULT PRIVILEGES REVOKE ALL ON TABLES FROM {app}"), g.fill(t, "GRANT SELECT ON tenancy_tenants TO {app}"))
	must(t, postgres.RevokeRegistry(t.Context(), owner, app))
	if !may(app, "tenancy_tenants") {
		t.Error("it takes what somebody has granted")
	}
}

func TestVerifyFindsWaysToTheRegistry(t *testing.T) {
	t.Parallel()
	for name, grants := range map[string][]string{
		"a column":            {"GRANT UPDATE (status) ON tenancy_tenants TO {app}"},
		"everybody":           {"GRANT SELECT ON tenancy_tenants TO PUBLIC"},
		"truncate":            {"GRANT TRUNCATE ON tenancy_audit TO {app}"},
		"the home's versions": {"CREATE TABLE tenancy_migrations ()", "CREATE TABLE atlas_schema_revisions ()", "REVOKE ALL ON tenancy_migrations FROM {app}", "GRANT INSERT ON atlas_schema_revisions TO {app}"},
		"another schema":      {"CREATE SCHEMA away", "ALTER TABLE tenancy_domains SET SCHEMA away", "GRANT SELECT ON away.tenancy_domains TO {app}"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g, owner := withRegistry(t)
			must(t, postgres.RevokeRegistry(t.Context(), owner, strings.Trim(role(t, g.app), `"`)))
			for _, grant := range grants {
				run(t, g.owner, g.fill(t, grant))
			}
			_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
			wantErr(t, err, postgres.ErrUnsafe)
			_, statement, _ := strings.Cut(err.Error(), "can read and change: ")
			run(t, g.owner, statement)
			_, err = postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
			must(t, err)
		})
	}
	t.Run("a role that reads everything", func(t *testing.T) {
		t.Parallel()
		g, owner := withRegistry(t)
		must(t, postgres.RevokeRegistry(t.Context(), owner, strings.Trim(role(t, g.app), `"`)))
		run(t, g.asAdmin(t), g.fill(t, "GRANT pg_read_all_data TO {app}"))
		_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
		wantErr(t, err, postgres.ErrUnsafe)
		if err == nil || !strings.Contains(err.Error(), "pg_read_all_data") {
			t.Errorf("%v does not say what gives it the right", err)
		}
	})
	t.Run("revisions of a tenant's own schema", func(t *testing.T) {
		t.Parallel()
		g, owner := withRegistry(t)
		must(t, postgres.RevokeRegistry(t.Context(), owner, strings.Trim(role(t, g.app), `"`)))
		run(t, g.owner, "CREATE SCHEMA acme", "CREATE TABLE acme.atlas_schema_revisions ()")
		_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
		must(t, err)
	})
}
