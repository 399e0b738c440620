package postgres_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// viewDefects are of what reads tables of tenants as somebody else than the role.
func viewDefects() []defect {
	const (
		seen    = "CREATE VIEW seen AS SELECT number FROM orders" // of a superuser
		granted = "GRANT SELECT ON seen TO {app}"
		clubs   = "CREATE VIEW seen AS SELECT tenant_id FROM clubs"
		owned   = "ALTER VIEW seen OWNER TO {owner}"
		invoked = "CREATE VIEW invoked WITH (security_invoker) AS SELECT number FROM "
	)
	hidden := partitioned(
		"CREATE SCHEMA parts", "CREATE TABLE parts.part PARTITION OF items DEFAULT", "GRANT SELECT ON parts.part TO {app}",
		"CREATE VIEW seen WITH (security_invoker = on) AS SELECT tenant_id FROM parts.part", granted)
	return []defect{
		{"view of a superuser", []string{seen, granted}, []string{"view public.seen", "table public.orders", "security_invoker"}, nil},
		{"view of BYPASSRLS", []string{seen, "ALTER VIEW seen OWNER TO {system}", granted}, []string{"view public.seen", "table public.orders", "as its owner {system}"}, nil},
		{"view of the owner without FORCE", []string{clubs, owned, granted, "ALTER TABLE clubs NO FORCE ROW LEVEL SECURITY"}, []string{"view public.seen", "public.clubs", "{owner}"}, nil},
		{"view of a role that a policy spares", []string{clubs, owned, granted, "CREATE POLICY migrations ON clubs TO {owner} USING (true)"}, []string{"view public.seen", "public.clubs", "{owner}"}, nil},
		{"column of a view", []string{seen, "GRANT SELECT (number) ON seen TO PUBLIC"}, []string{"view public.seen", "public.orders", "PUBLIC"}, nil},
		{"view that can be written to", []string{seen, "GRANT DELETE ON seen TO {app}"}, []string{"view public.seen", "public.orders"}, nil},
		{"view over a view", []string{seen, "CREATE VIEW over AS SELECT * FROM seen", "GRANT SELECT ON over TO {app}"}, []string{"view public.over", "through view public.seen", "public.orders", "REVOKE ALL ON public.over"}, nil},
		{"view of a join", []string{"CREATE VIEW seen AS SELECT c.code FROM countries c JOIN orders o ON o.order_country = c.id", granted}, []string{"view public.seen", "public.orders"}, nil},
		{"view of a parent", []string{
			"CREATE TABLE base AS SELECT number FROM orders LIMIT 0", "ALTER TABLE orders INHERIT base", "CREATE VIEW seen AS SELECT number FROM base", owned,
			"GRANT SELECT ON base TO {owner}", granted,
		}, []string{"view public.seen", "public.base"}, nil},
		{"view of a hidden partition", hidden, []string{"view public.seen", "parts.part", "REVOKE"}, nil},
		{"materialized view", []string{
			"CREATE MATERIALIZED VIEW kept AS SELECT number FROM orders", "ALTER MATERIALIZED VIEW kept OWNER TO {owner}", "GRANT SELECT ON kept TO {app}",
		}, []string{"materialized view public.kept", "public.orders", "REVOKE ALL ON public.kept"}, nil},
		{"materialized view over a view", []string{
			invoked + "orders", "CREATE MATERIALIZED VIEW kept AS SELECT number FROM invoked", "GRANT SELECT ON kept TO {app}",
		}, []string{"materialized view public.kept", "public.invoked"}, nil},
		{"view of a materialized view", []string{
			"CREATE MATERIALIZED VIEW kept AS SELECT number FROM orders", "CREATE VIEW seen AS SELECT number FROM kept", granted,
		}, []string{"view public.seen", "through materialized view public.kept", "public.orders"}, nil},
		{"rule", []string{
			"CREATE TABLE clicks (n int)", "CREATE TABLE copied (n varchar)", "CREATE RULE copy AS ON INSERT TO clicks DO ALSO INSERT INTO copied SELECT number FROM orders",
			"GRANT INSERT ON clicks TO {app}",
		}, []string{"table public.clicks", "its rules", "table public.orders", "DROP RULE"}, nil},
		{"rule of a tenant's table", []string{
			"CREATE TABLE copied (n varchar)", "CREATE RULE copy AS ON INSERT TO memos DO ALSO INSERT INTO copied SELECT number FROM orders",
			"ALTER TABLE orders NO FORCE ROW LEVEL SECURITY",
		}, []string{"table public.memos", "its rules", "table public.orders"}, nil},
	}
}

// settingDefects are of what switches foreign keys and triggers off.
func settingDefects() []defect {
	want := []string{"session_replication_role", "replica", "RESET"}
	return []defect{
		{"keys switched off for the role", []string{"ALTER ROLE {app} SET session_replication_role = 'replica'"}, want, nil},
		{"keys switched off for the database", []string{"ALTER DATABASE {database} SET Session_Replication_Role = replica"}, want, nil},
	}
}

// TestVerifyPassesViews has those that are held, which the role cannot use, or of what is no tenant's.
func TestVerifyPassesViews(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	for _, statement := range []string{
		"CREATE VIEW invoked WITH (security_invoker) AS SELECT number FROM orders", "GRANT ALL ON invoked TO {app}",
		"CREATE VIEW owned AS SELECT number FROM orders", "ALTER VIEW owned OWNER TO {owner}", "GRANT ALL ON owned TO {app}",
		"CREATE VIEW spared AS SELECT tenant_id FROM clubs", "ALTER VIEW spared OWNER TO {owner}", "GRANT ALL ON spared TO {app}",
		"CREATE POLICY backup ON clubs TO {system} USING (true)", // of which the owner is no member
		"CREATE VIEW closed AS SELECT number FROM orders",
		"CREATE SCHEMA reports", "CREATE VIEW reports.hidden AS SELECT number FROM orders", "GRANT ALL ON reports.hidden TO {app}",
		"CREATE MATERIALIZED VIEW kept AS SELECT number FROM orders",
		"CREATE VIEW global AS SELECT code FROM countries", "GRANT ALL ON global TO {app}",
		"CREATE TABLE clicks (n int)", "CREATE TABLE copied (n varchar)", "ALTER TABLE clicks OWNER TO {owner}", "GRANT ALL ON clicks TO {app}",
		"CREATE RULE copy AS ON INSERT TO clicks DO ALSO INSERT INTO copied SELECT number FROM orders",
	} {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	g.verifies(t)
}

// TestVerifyHintsAtDefiners has functions that act as somebody whom no policy holds.
func TestVerifyHintsAtDefiners(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	const (
		function = " RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM orders'"
		definer  = function + " SECURITY DEFINER"
	)
	for _, statement := range []string{
		"CREATE FUNCTION count_all()" + definer,
		"CREATE FUNCTION count_as_system(int)" + definer, "ALTER FUNCTION count_as_system OWNER TO {system}",
		"CREATE FUNCTION count_mine()" + function,
		"CREATE FUNCTION count_as_owner()" + definer, "ALTER FUNCTION count_as_owner OWNER TO {owner}",
		"CREATE FUNCTION count_closed()" + definer, "REVOKE ALL ON FUNCTION count_closed FROM PUBLIC",
		"CREATE SCHEMA inside", "CREATE FUNCTION inside.count_hidden()" + definer,
		"CREATE FUNCTION audit() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END'",
	} {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	hints, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
	must(t, err)
	var told []string
	for _, hint := range hints {
		if strings.Contains(hint.Message, "count_") || strings.Contains(hint.Message, "audit") {
			told = append(told, hint.String())
		}
	}
	slices.Sort(told)
	all := strings.Join(told, "\n")
	if len(told) != 2 || !strings.Contains(all, "public.count_all()") || !strings.Contains(all, g.fill(t, "as {system}")) || !strings.Contains(all, "public.count_as_system(integer)") {
		t.Errorf("got %q", told)
	}
}

// TestVerifyHintsAtTheRightToSwitchKeysOff has one who may, and has not.
func TestVerifyHintsAtTheRightToSwitchKeysOff(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	told := func() bool { return strings.Contains(g.hints(t)[""], "session_replication_role") }
	if told() {
		t.Error("a role without the right has the hint")
	}
	t.Cleanup(func() { run(t, g.asAdmin(t), g.fill(t, "REVOKE SET ON PARAMETER session_replication_role FROM {app}")) })
	run(t, g.asAdmin(t), g.fill(t, "GRANT SET ON PARAMETER session_replication_role TO {app}"))
	if !told() {
		t.Error("a role that may set it has no hint")
	}
}
