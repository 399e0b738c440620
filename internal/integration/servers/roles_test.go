package servers_test

import (
	"testing"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func TestPostgresRolesAreWhatTheySay(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	for _, test := range []struct {
		name, url    string
		owns, bypass bool
	}{
		{name: "owner", url: owner, owns: true},
		{name: "app", url: app},
		{name: "system", url: system, bypass: true},
	} {
		var super, bypass, owns bool
		var memberships int
		err := connectPostgres(t, test.url).QueryRow(t.Context(), `
			SELECT r.rolsuper OR r.rolcreaterole OR r.rolcreatedb, r.rolbypassrls, d.datdba = r.oid,
			       (SELECT count(*) FROM pg_auth_members m WHERE m.member = r.oid)
			FROM pg_roles r, pg_database d
			WHERE r.rolname = current_user AND d.datname = current_database()`,
		).Scan(&super, &bypass, &owns, &memberships)
		if err != nil {
			t.Fatal(err)
		}
		if super || memberships != 0 || bypass != test.bypass || owns != test.owns {
			t.Errorf("%s: superuser %t, bypassrls %t, owner %t, member of %d roles", test.name, super, bypass, owns, memberships)
		}
	}
}

func TestPostgresRolesShareWhatTheOwnerMakes(t *testing.T) {
	t.Parallel()
	owner, app, system := servers.PostgresRoles(t)
	own := connectPostgres(t, owner)
	for _, statement := range []string{
		"CREATE SCHEMA other",
		"CREATE TABLE other.things (id bigserial PRIMARY KEY, name text)",
	} {
		if _, err := own.Exec(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
	for name, url := range map[string]string{"app": app, "system": system} {
		conn := connectPostgres(t, url)
		for _, statement := range []string{
			"INSERT INTO other.things (name) VALUES ('a')",
			"UPDATE other.things SET name = 'b' WHERE id = 1",
			"DELETE FROM other.things WHERE name = 'b'",
		} {
			if _, err := conn.Exec(t.Context(), statement); err != nil {
				t.Errorf("%s: %s: %v", name, statement, err)
			}
		}
		if _, err := conn.Exec(t.Context(), "CREATE TABLE public.mine ()"); err == nil {
			t.Errorf("%s can make tables", name)
		}
	}
}
