package postgres_test

import (
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

// defect is one thing wrong with a database that is otherwise right.
type defect struct {
	name string
	// sql is run by a superuser. {app}, {owner}, {system} and {database} stand for names.
	sql []string
	// want is in the line that Verify says about it, in that order.
	want []string
	// also is in further lines; there must be no others.
	also []string
}

func tableDefects() []defect {
	const mine = "(tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))"
	canary := func(does string) []string { return []string{"a tenant can " + does + " another's rows"} }
	const everything = "read, insert, update, delete"
	return []defect{
		{"no row-level security", []string{"ALTER TABLE orders DISABLE ROW LEVEL SECURITY"}, []string{"public.orders", "is off", "ENABLE"}, canary(everything)},
		{"no policy", []string{"DROP POLICY tenant_isolation ON orders"}, []string{"public.orders", "no policy", "CREATE POLICY"}, nil},
		{"USING altered", []string{"ALTER POLICY tenant_isolation ON orders USING (true)"}, []string{"public.orders", "tenant_isolation is altered"}, canary("read, update, delete")},
		{"USING of another setting", []string{"ALTER POLICY tenant_isolation ON orders USING (tenant_id = (SELECT NULLIF(current_setting('app.tenant', true), '')))"}, []string{"orders", "altered"}, nil},
		{"USING with a way round", []string{"ALTER POLICY tenant_isolation ON orders USING (" + mine + " OR total > 1000)"}, []string{"orders", "altered"}, nil},
		{"USING of another column", []string{"ALTER POLICY tenant_isolation ON orders USING (number = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))"}, []string{"orders", "altered"}, nil},
		{"USING without NULLIF", []string{"ALTER POLICY tenant_isolation ON orders USING (tenant_id = (SELECT current_setting('tenancy.tenant_id', true)))"}, []string{"orders", "altered"}, nil},
		{"USING of a function that looks alike", []string{
			"CREATE FUNCTION public.current_setting(text, boolean) RETURNS text LANGUAGE sql AS 'SELECT ''b''::text'",
			"ALTER POLICY tenant_isolation ON orders USING (tenant_id = (SELECT NULLIF(public.current_setting('tenancy.tenant_id', true), '')))",
		}, []string{"orders", "altered"}, canary("read, update, delete")},
		{"WITH CHECK altered", []string{"ALTER POLICY tenant_isolation ON orders WITH CHECK (true)"}, []string{"orders", "altered"}, canary("insert")},
		{"for SELECT only", []string{"DROP POLICY tenant_isolation ON orders", "CREATE POLICY tenant_isolation ON orders FOR SELECT USING " + mine}, []string{"orders", "altered", "all commands"}, nil},
		{"for another role", []string{"ALTER POLICY tenant_isolation ON orders TO {owner}"}, []string{"orders", "altered"}, nil},
		{"restrictive", []string{"DROP POLICY tenant_isolation ON orders", "CREATE POLICY tenant_isolation ON orders AS RESTRICTIVE USING " + mine}, []string{"orders", "altered", "permissive"}, nil},
		{"one more policy", []string{"CREATE POLICY support ON orders USING (true)"}, []string{"orders", `"support"`, "RESTRICTIVE"}, canary(everything)},
		{"one more policy for INSERT", []string{"CREATE POLICY load ON orders FOR INSERT TO {app} WITH CHECK (true)"}, []string{"orders", `"load"`}, canary("insert")},
		{"one more policy for UPDATE", []string{"CREATE POLICY load ON orders FOR UPDATE USING (true)"}, []string{"orders", `"load"`}, canary("update")},
		{"one more policy for DELETE", []string{"CREATE POLICY sweep ON orders FOR DELETE USING (total = 0)"}, []string{"orders", `"sweep"`}, canary("delete")},
		{"a policy on a join table", []string{"CREATE POLICY open ON user_groups USING (true)"}, []string{"user_groups", `"open"`}, canary(everything)},
		{"no trigger", []string{"DROP TRIGGER tenant_isolation ON memos"}, []string{"memos", "trigger", "missing"}, nil},
		{"trigger switched off", []string{"ALTER TABLE memos DISABLE TRIGGER tenant_isolation"}, []string{"memos", "trigger", "off"}, nil},
		{"trigger that asks something else", []string{
			"CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON memos FOR EACH ROW WHEN (OLD.text <> NULLIF(current_setting('tenancy.tenant_id', true), '')) EXECUTE FUNCTION tenant_isolation()",
		}, []string{"memos", "trigger", "altered"}, nil},
		{"trigger that comes too late", []string{
			"CREATE OR REPLACE TRIGGER tenant_isolation AFTER UPDATE OR DELETE ON memos FOR EACH ROW WHEN (OLD.tenant_id <> NULLIF(current_setting('tenancy.tenant_id', true), '')) EXECUTE FUNCTION tenant_isolation()",
		}, []string{"memos", "trigger", "altered"}, nil},
		{"trigger that lets pass", []string{
			"CREATE FUNCTION pass() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'",
			"CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON memos FOR EACH ROW WHEN (OLD.tenant_id <> NULLIF(current_setting('tenancy.tenant_id', true), '')) EXECUTE FUNCTION pass()",
		}, []string{"memos", "trigger", "altered"}, nil},
		{"table missing", []string{"DROP TABLE items"}, []string{`"items"`, "there is none", "migrate"}, nil},
		{"table hidden", []string{"REVOKE USAGE ON SCHEMA public FROM PUBLIC, {app}"}, []string{`"items"`, "USAGE"}, []string{"there is none"}},
		{"a view in its place", []string{"ALTER TABLE memos RENAME TO hidden", "CREATE VIEW memos AS SELECT * FROM hidden"}, []string{`"memos"`, "there is none"}, nil},
		{"tenant column nullable", []string{"ALTER TABLE teams ALTER tenant_id DROP NOT NULL"}, []string{"teams", "may be null", "SET NOT NULL"}, nil},
		{"tenant column missing", []string{"ALTER TABLE memos DROP COLUMN tenant_id CASCADE"}, []string{"memos", "no column"}, []string{"no policy", "the trigger"}},
		{"tenant column folds case", []string{
			"DROP POLICY tenant_isolation ON memos", "DROP TRIGGER tenant_isolation ON memos",
			"CREATE COLLATION folded (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
			`ALTER TABLE memos ALTER tenant_id TYPE varchar COLLATE folded`,
			"CREATE POLICY tenant_isolation ON memos USING " + mine,
		}, []string{"memos", "collation"}, []string{"the trigger"}},
		{"tenant column of another type", []string{
			"DROP POLICY tenant_isolation ON memos", "DROP TRIGGER tenant_isolation ON memos",
			"ALTER TABLE memos ALTER tenant_id TYPE char(40)",
			"CREATE POLICY tenant_isolation ON memos USING " + mine,
		}, []string{"memos", "type character", "character varying"}, []string{"the trigger"}},
		{"child", []string{"CREATE TABLE archive () INHERITS (memos)", "CREATE TABLE older () INHERITS (archive)", "GRANT SELECT ON older TO {app}", "REVOKE ALL ON archive FROM {app}"}, []string{"memos", "child public.older", "REVOKE ALL ON public.older"}, nil},
		{"child with a policy of its own", []string{
			"CREATE TABLE archive () INHERITS (memos)", "GRANT INSERT ON archive TO {app}", "ALTER TABLE archive ENABLE ROW LEVEL SECURITY", "CREATE POLICY open ON archive USING (true)",
		}, []string{"memos", "public.archive"}, nil},
		{"child with another's policy for everybody", []string{
			"CREATE POLICY backup ON memos TO {system} USING (true)", "CREATE TABLE archive () INHERITS (memos)", "GRANT SELECT ON archive TO PUBLIC",
			"ALTER TABLE archive ENABLE ROW LEVEL SECURITY", "CREATE POLICY open ON archive USING (true)",
		}, []string{"memos", "public.archive", "PUBLIC"}, nil},
		{"no composite key", []string{"ALTER TABLE orders DROP CONSTRAINT orders_users_orders"}, []string{"orders", "no foreign key (tenant_id, owner_id)", "users"}, nil},
		{"simple key", []string{
			"ALTER TABLE orders DROP CONSTRAINT orders_users_orders",
			"ALTER TABLE orders ADD CONSTRAINT orders_users_orders FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE",
		}, []string{"orders", "no foreign key (tenant_id, owner_id)"}, nil},
		{"no unique constraint", []string{"ALTER TABLE groups DROP CONSTRAINT groups_tenant_id_id_key CASCADE"}, []string{"user_groups", "no foreign key (tenant_id, group_id)"}, nil},
		{"key not validated", []string{
			"ALTER TABLE orders DROP CONSTRAINT orders_users_orders",
			"ALTER TABLE orders ADD CONSTRAINT k FOREIGN KEY (tenant_id, owner_id) REFERENCES users (tenant_id, id) NOT VALID",
		}, []string{"orders", "VALIDATE CONSTRAINT k"}, nil},
		{"key clears the tenant", []string{
			"ALTER TABLE items DROP CONSTRAINT items_orders_items",
			"ALTER TABLE items ADD CONSTRAINT k FOREIGN KEY (tenant_id, order_items) REFERENCES orders (tenant_id, id) ON DELETE SET NULL",
		}, []string{"items", "clears the tenant", "DROP CONSTRAINT k"}, nil},
		{"key switched off", []string{"ALTER TABLE items DISABLE TRIGGER ALL"}, []string{"items", "switched off"}, []string{"items: the trigger"}},
		{"truncate", []string{"GRANT TRUNCATE ON clubs TO {app}"}, []string{"clubs", "TRUNCATE", "REVOKE"}, nil},
		{"superuser", []string{"ALTER ROLE {app} SUPERUSER"}, []string{"role {app}", "is a superuser"}, []string{"a tenant can"}},
		{"BYPASSRLS", []string{"ALTER ROLE {app} BYPASSRLS"}, []string{"role {app}", "has BYPASSRLS"}, []string{"a tenant can"}},
		{"SET ROLE to BYPASSRLS", []string{"GRANT {system} TO {app}"}, []string{"role {app} can SET ROLE to {system}", "has BYPASSRLS", "REVOKE"}, nil},
		{"SET ROLE to a superuser", []string{"ALTER ROLE {system} SUPERUSER NOBYPASSRLS", "GRANT {system} TO {app}"}, []string{"role {app} can SET ROLE to {system}", "superuser"}, nil},
		{"owner without FORCE", []string{"ALTER TABLE badges OWNER TO {app}", "ALTER TABLE clubs OWNER TO {app}", "ALTER TABLE clubs NO FORCE ROW LEVEL SECURITY"}, []string{"clubs", "owner {app}", "FORCE"}, []string{"public.clubs: row-level security does not hold"}},
		{"member of an owner without FORCE", []string{"ALTER TABLE clubs NO FORCE ROW LEVEL SECURITY", "GRANT {owner} TO {app}"}, []string{"clubs", "owner {owner}", "FORCE"}, []string{"public.clubs: row-level security does not hold"}},
		{"setting of the role", []string{"ALTER ROLE {app} SET tenancy.tenant_id = 'a'"}, []string{"tenancy.tenant_id", "default", "ALTER ROLE"}, nil},
		{"setting of the database", []string{"ALTER DATABASE {database} SET Tenancy.Tenant_ID = 'a'"}, []string{"tenancy.tenant_id", "default", "ALTER DATABASE"}, nil},
		{"setting of the role in the database", []string{"ALTER ROLE {app} IN DATABASE {database} SET tenancy.tenant_id = 'a'"}, []string{"default"}, nil},
	}
}

func (g *guarded) fill(tb testing.TB, text string) string {
	tb.Helper()
	names := []string{"{app}", role(tb, g.app), "{owner}", role(tb, g.owner), "{system}", role(tb, g.system)}
	if strings.Contains(text, "{database}") {
		names = append(names, "{database}", database(tb, g.owner))
	}
	return strings.NewReplacer(names...).Replace(text)
}

// defectOf is a defect that only one side of PostgreSQL 16 knows, which took
// from CREATEROLE that it made anybody a member of anything.
func defectOf(version int) defect {
	if version < 160000 {
		return defect{"CREATEROLE", []string{"ALTER ROLE {app} CREATEROLE"}, []string{"role {app}", "has CREATEROLE"}, nil}
	}
	return defect{
		"CREATEROLE and who may be granted",
		[]string{"ALTER ROLE {app} CREATEROLE", "GRANT {system} TO {app} WITH ADMIN TRUE, INHERIT FALSE, SET FALSE"},
		[]string{"role {app} can SET ROLE to {system}", "has BYPASSRLS", "REVOKE"},
		nil,
	}
}

// alone reports whether the defect is one of a role, which all databases see.
func (d defect) alone() bool {
	return slices.ContainsFunc(d.sql, func(sql string) bool {
		return strings.HasPrefix(sql, "ALTER ROLE") || strings.HasPrefix(sql, "GRANT {")
	})
}

func TestVerifyRefuses(t *testing.T) {
	t.Parallel()
	right := newBare(t, isolationApp)
	t.Run("migrate", func(t *testing.T) { // and disconnect, so that it can be copied
		must(t, right.migrate(t))
		rowsOfTwo(t, right)
	})
	for _, d := range slices.Concat(tableDefects(), kinDefects(), viewDefects(), settingDefects(), []defect{defectOf(servers.PostgresVersion(t))}) {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			var g *guarded
			if d.alone() {
				g = newGuarded(t, isolationApp)
				rowsOfTwo(t, g)
			} else {
				g = right.copy(t)
			}
			fill := func(text string) string { return g.fill(t, text) }
			for _, statement := range d.sql {
				run(t, g.asAdmin(t), fill(statement))
			}
			before := g.contents(t)
			_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
			wantErr(t, err, postgres.ErrUnsafe)
			g.explains(t, d, fill, err)
			if after := g.contents(t); after != before {
				t.Errorf("Verify changed the database:\n%s\n%s", before, after)
			}
		})
	}
}

// explains fails the test unless err says what the defect is, and nothing that is not.
func (g *guarded) explains(t *testing.T, d defect, fill func(string) string, err error) {
	t.Helper()
	if err == nil {
		return
	}
	lines := strings.Split(err.Error(), "\n")[1:]
	said := make(map[string]bool)
	for _, line := range lines {
		if inOrder(line, d.want, fill) {
			said["want"] = true
			continue
		}
		known := false
		for _, also := range d.also {
			if strings.Contains(line, fill(also)) {
				known, said[also] = true, true
			}
		}
		if !known {
			t.Errorf("it also says %q", line)
		}
	}
	if !said["want"] || len(said) != 1+len(d.also) {
		t.Errorf("want %q and %q, got %q", d.want, d.also, lines)
	}
}

func inOrder(line string, parts []string, fill func(string) string) bool {
	for _, part := range parts {
		_, rest, ok := strings.Cut(line, fill(part))
		if !ok {
			return false
		}
		line = rest
	}
	return true
}

// contents is all rows of all tables, and where all sequences are.
func (g *guarded) contents(tb testing.TB) string {
	tb.Helper()
	db := openURL(tb, g.asAdmin(tb), postgres.Config{})
	return one[string](system(tb), tb, db, `
		SELECT string_agg(query_to_xml('SELECT t.*, xmin, xmax FROM ' || c.oid::regclass || ' t', true, true, '')::text, E'\n' ORDER BY c.relname)
			|| (SELECT string_agg(concat(sequencename, last_value), ',' ORDER BY sequencename) FROM pg_sequences)
		FROM pg_class c WHERE c.relnamespace = 'public'::regnamespace AND c.relkind = 'r'`)
}

func TestVerifyPasses(t *testing.T) {
	t.Parallel()
	for name, app := range map[string]application{"text": isolationApp, "typed": typedApp} {
		for _, rows := range []bool{false, true} {
			g := newGuarded(t, app)
			if rows && name == "text" {
				rowsOfTwo(t, g)
			}
			before := g.contents(t)
			for _, config := range []postgres.Config{{}, {Unnamed: true}, {EagerBegin: true}, {RefuseSystem: true}} {
				db := openURL(t, g.app, config)
				if _, err := postgres.Verify(asTenant(t, "a"), db, g.tenancy, postgres.VerifyConfig{}); err != nil {
					t.Errorf("%s, %+v: %v", name, config, err)
				}
				if config.RefuseSystem {
					continue
				}
				nothingStays(t, db)
			}
			if after := g.contents(t); after != before {
				t.Errorf("Verify changed the database:\n%s\n%s", before, after)
			}
		}
	}
}

// TestVerifyPassesChildren has partitions and children that the role cannot use, or
// is held in.
func TestVerifyPassesChildren(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	for _, statement := range []string{
		"CREATE SCHEMA parts", "CREATE TABLE parts.hidden () INHERITS (memos)", "GRANT ALL ON parts.hidden TO {app}", "REVOKE USAGE ON SCHEMA parts FROM {app}",
		"CREATE TABLE closed () INHERITS (memos)", "REVOKE ALL ON closed FROM {app}",
		"CREATE TABLE held () INHERITS (memos)", "ALTER TABLE held ENABLE ROW LEVEL SECURITY",
		"CREATE POLICY backup ON held TO {system} USING (true)",
		"CREATE POLICY tenant_isolation ON held USING (tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))",
	} {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	g.verifies(t)
}

// TestVerifyTriesEveryType has the canary find what is open, whatever the type
// of the tenant column. The tables are empty: it is the write that succeeds.
func TestVerifyTriesEveryType(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, typedApp)
	for _, table := range []string{"docs", "ledgers", "ledger_marks"} {
		run(t, g.owner, "ALTER POLICY tenant_isolation ON "+table+" WITH CHECK (true)")
	}
	_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
	if n := strings.Count(fmt.Sprint(err), "a tenant can insert"); n != 3 {
		t.Errorf("the canary got into %d tables, want 3: %v", n, err)
	}
}

// TestVerifyPassesBesideOthers has what looks dangerous and is not.
func TestVerifyPassesBesideOthers(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	for _, statement := range []string{
		"CREATE POLICY support ON orders TO {system} USING (true)",
		"CREATE POLICY working_hours ON orders AS RESTRICTIVE USING (total < 100)",
		"CREATE POLICY own ON orders FOR SELECT USING (tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))",
		"ALTER POLICY tenant_isolation ON users RENAME TO another_name",
		"ALTER TABLE groups NO FORCE ROW LEVEL SECURITY", // the role does not own it
		"ALTER TABLE orders DROP CONSTRAINT orders_users_orders",
		"ALTER TABLE orders ADD CONSTRAINT k FOREIGN KEY (owner_id, tenant_id) REFERENCES users (id, tenant_id)",
		"ALTER TABLE orders ADD CONSTRAINT k2 FOREIGN KEY (owner_id) REFERENCES users (id)",
		"ALTER ROLE {system} SET tenancy.tenant_id = 'a'",
	} {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	run(t, g.owner, "DROP POLICY tenant_isolation ON teams", "DROP TRIGGER tenant_isolation ON teams", "ALTER TABLE teams ALTER tenant_id TYPE text")
	run(t, g.owner, postgres.Policies(schema.Metadata{Tables: []schema.Table{{Name: "teams", TenantColumn: "tenant_id"}}})...)
	g.verifies(t)
}

func TestVerifyAsOwnerHints(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	hints, err := postgres.Verify(t.Context(), openURL(t, g.owner, postgres.Config{}), g.tenancy, postgres.VerifyConfig{})
	must(t, err)
	found := 0
	for _, hint := range hints {
		if strings.Contains(hint.String(), "is or can become its owner") {
			found++
		}
	}
	if found != len(g.tenancy.Tables) {
		t.Errorf("%d hints for %d tables: %v", found, len(g.tenancy.Tables), hints)
	}
}

// TestVerifyListsAll has three tables that are wrong in three ways.
func TestVerifyListsAll(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.asAdmin(t), "DROP TABLE items", "DROP POLICY tenant_isolation ON orders", "ALTER TABLE users ALTER tenant_id DROP NOT NULL")
	_, err := postgres.Verify(t.Context(), g.serve(t), g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
	for _, name := range []string{"items", "orders", "users"} {
		if err == nil || !strings.Contains(err.Error(), name) {
			t.Errorf("%v does not name %s", err, name)
		}
	}
}

// TestVerifyNeedsTheConnector has a pool that keeps the tenant to itself.
func TestVerifyNeedsTheConnector(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	db, err := sql.Open("pgx", g.app)
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	_, err = postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	wantErr(t, err, postgres.ErrUnsafe)
	if err != nil && !strings.Contains(err.Error(), "NewConnector") {
		t.Errorf("%v does not say what to do", err)
	}
}

func TestVerifyThatCannotFinishIsNoVerdict(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	_, err := postgres.Verify(t.Context(), g.serve(t), schema.Metadata{}, postgres.VerifyConfig{})
	if err == nil || errors.Is(err, postgres.ErrUnsafe) {
		t.Errorf("without tables: %v", err)
	}
	db := g.serve(t)
	must(t, db.Close())
	_, err = postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
	if err == nil || errors.Is(err, postgres.ErrUnsafe) || errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("on a closed pool: %v", err)
	}
}
