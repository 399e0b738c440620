package migratediff_test

import (
	"crypto/rand"
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/driver/postgres"
	isolation "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/schema"
)

// fingerprint is all that tells one schema from another, but its name.
const fingerprint = `
	SELECT replace(line, $1::text || '.', '') FROM (
		SELECT 'column ' || c.relname || '.' || a.attname || ' ' || format_type(a.atttypid, a.atttypmod) || ' ' || a.attnotnull || ' ' || coalesce(pg_get_expr(d.adbin, d.adrelid), '') AS line
		FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped LEFT JOIN pg_attrdef d ON d.adrelid = c.oid AND d.adnum = a.attnum
		WHERE c.relnamespace = to_regnamespace($1::text) AND c.relkind = 'r'
		UNION ALL SELECT 'index ' || pg_get_indexdef(i.indexrelid) FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE c.relnamespace = to_regnamespace($1::text)
		UNION ALL SELECT 'constraint ' || conrelid::regclass || ' ' || conname || ' ' || pg_get_constraintdef(oid) || ' ' || convalidated FROM pg_constraint WHERE connamespace = to_regnamespace($1::text)
		UNION ALL SELECT 'security ' || relname || ' ' || relrowsecurity || ' ' || relforcerowsecurity FROM pg_class WHERE relnamespace = to_regnamespace($1::text) AND relkind = 'r'
		UNION ALL SELECT 'policy ' || tablename || ' ' || policyname || ' ' || permissive || ' ' || cmd || ' ' || coalesce(qual, '') || ' ' || coalesce(with_check, '') FROM pg_policies WHERE schemaname = $1::text
		UNION ALL SELECT 'trigger ' || pg_get_triggerdef(g.oid) FROM pg_trigger g JOIN pg_class c ON c.oid = g.tgrelid WHERE c.relnamespace = to_regnamespace($1::text) AND NOT g.tgisinternal
		UNION ALL SELECT 'function ' || proname || ' ' || prosrc FROM pg_proc WHERE pronamespace = to_regnamespace($1::text)
		UNION ALL SELECT 'grant ' || table_name || ' ' || grantee || ' ' || privilege_type FROM information_schema.role_table_grants WHERE table_schema = $1::text
	) all_lines ORDER BY 1`

// inSchema runs the tenants' files from one on in a schema.
func inSchema(tb testing.TB, db *sql.DB, config diff.Config, name string, from int) {
	tb.Helper()
	run(tb, db, "CREATE SCHEMA IF NOT EXISTS "+name)
	apply(tb, db, filepath.Join(config.Dir, diff.TenantDir), from, "SET search_path TO "+name)
}

// verified fails where postgres.Verify does not pass for a role that serves.
func verified(tb testing.TB, address, name string, m schema.Metadata) {
	tb.Helper()
	parsed, err := pgx.ParseConfig(withSchema(tb, address, name))
	must(tb, err)
	connector, err := postgres.NewConnector(parsed, postgres.Config{})
	must(tb, err)
	db := sql.OpenDB(connector)
	defer func() { must(tb, db.Close()) }()
	if _, err := postgres.Verify(tb.Context(), db, m, postgres.VerifyConfig{Schema: name}); err != nil {
		tb.Error(err)
	}
}

// TestOneFileFitsEverySchema runs the same files in two schemas.
func TestOneFileFitsEverySchema(t *testing.T) {
	t.Parallel()
	for title, configure := range map[string]func(testing.TB, string) diff.Config{"shop": shop, "typed": typedShop} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			config := configure(t, dialect.Postgres)
			named(t, config, "init")
			owner, app, _ := servers.PostgresRoles(t)
			db := open(t, "pgx", owner)
			inSchema(t, db, config, "acme", 0)
			inSchema(t, db, config, "globex", 0)
			acme, globex := lines(t, db, fingerprint, "acme"), lines(t, db, fingerprint, "globex")
			if len(acme) == 0 || !slices.Equal(acme, globex) {
				t.Errorf("the schemas differ:\n%s\n\n%s", strings.Join(acme, "\n"), strings.Join(globex, "\n"))
			}
			for _, name := range []string{"acme", "globex"} {
				run(t, db, "GRANT USAGE ON SCHEMA "+name+" TO PUBLIC")
				verified(t, app, name, config.Tenancy)
			}
			open := lines(t, db, "SELECT relname FROM pg_class WHERE relnamespace = 'acme'::regnamespace AND relkind = 'r' AND NOT (relrowsecurity AND relforcerowsecurity)")
			if len(open) > 0 {
				t.Errorf("without forced row-level security: %q", open)
			}
		})
	}
}

// TestHomeHasAllTables runs the home's directory, which is all that a home with
// shared tables needs.
func TestHomeHasAllTables(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	named(t, config, "init")
	owner, app, _ := servers.PostgresRoles(t)
	db := open(t, "pgx", owner)
	apply(t, db, filepath.Join(config.Dir, diff.SharedDir), 0)
	verified(t, app, "public", config.Tenancy)
	if got := lines(t, db, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"); len(got) != len(config.Tables) {
		t.Errorf("%d tables of %d", len(got), len(config.Tables))
	}
}

// TestPoliciesAreDiffed breaks what the files have made, by another file, in
// each way that Atlas does not see.
func TestPoliciesAreDiffed(t *testing.T) {
	t.Parallel()
	for title, breach := range map[string]string{
		"disabled":      `ALTER TABLE "docs" DISABLE ROW LEVEL SECURITY`,
		"not forced":    `ALTER TABLE "docs" NO FORCE ROW LEVEL SECURITY`,
		"dropped":       `DROP POLICY tenant_isolation ON "docs"`,
		"altered":       `ALTER POLICY tenant_isolation ON "docs" USING (true)`,
		"no trigger":    `DROP TRIGGER tenant_isolation ON "docs"`,
		"other trigger": `CREATE OR REPLACE FUNCTION tenant_isolation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'`,
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			config := typedShop(t, dialect.Postgres)
			named(t, config, "init")
			path := filepath.Join(config.Dir, diff.TenantDir, "20990101000000_breach.sql")
			must(t, os.WriteFile(path, []byte(breach+";\n"), 0o600))
			must(t, diff.Hash(config.Dir))
			written := named(t, config, "repair")
			if len(written) != 1 || !strings.HasPrefix(filepath.Base(written[0]), "20990101000001_repair") {
				t.Fatalf("wrote %q", written)
			}
			must(t, diff.Check(t.Context(), config))
			owner, app, _ := servers.PostgresRoles(t)
			apply(t, open(t, "pgx", owner), filepath.Join(config.Dir, diff.TenantDir), 0)
			verified(t, app, "public", config.Tenancy)
		})
	}
}

// TestTablesFromBeforeGetPolicies has files that were made without tenancy's DDL.
func TestTablesFromBeforeGetPolicies(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	path := named(t, config, "init")
	for _, file := range path {
		text, err := os.ReadFile(file)
		must(t, err)
		plain, _, _ := strings.Cut(string(text), "-- What refuses cascades")
		must(t, os.WriteFile(file, []byte(plain), 0o600))
	}
	must(t, diff.Hash(config.Dir))
	named(t, config, "policies")
	owner, app, _ := servers.PostgresRoles(t)
	apply(t, open(t, "pgx", owner), filepath.Join(config.Dir, diff.TenantDir), 0)
	verified(t, app, "public", config.Tenancy)
}

// TestRolesAreGranted needs no role on the dev database, and grants what a role
// that is added later lacks.
func TestRolesAreGranted(t *testing.T) {
	t.Parallel()
	config := typedShop(t, dialect.Postgres)
	db := open(t, "pgx", servers.PostgresAdmin(t))
	first, second := role(t, db), role(t, db)
	config.Roles = []string{first}
	named(t, config, "init")
	must(t, diff.Check(t.Context(), config))
	config.Roles = []string{first, second}
	written := named(t, config, "reports")
	must(t, diff.Check(t.Context(), config))
	if len(written) != 2 {
		t.Fatalf("wrote %q", written)
	}
	text, err := os.ReadFile(written[0])
	must(t, err)
	if strings.Contains(string(text), first) {
		t.Errorf("granted again:\n%s", text)
	}
	byHand(t, config, diff.TenantDir, `REVOKE DELETE ON "entries" FROM `+first) // which is meant, and kept
	must(t, diff.Check(t.Context(), config))
	place := database(t, dialect.Postgres)
	apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
	for _, name := range []string{first, second} {
		got := lines(t, place, "SELECT DISTINCT privilege_type FROM information_schema.role_table_grants WHERE grantee = $1 ORDER BY 1", name)
		if !slices.Equal(got, []string{"DELETE", "INSERT", "SELECT", "UPDATE"}) {
			t.Errorf("%s has %q", name, got)
		}
	}
	for _, finding := range linted(t, config) {
		t.Error(finding)
	}
}

// TestTableThatIsMadeAgainIsGranted drops tables by hand, which ent's schema still has, or has them made again by hand.
func TestTableThatIsMadeAgainIsGranted(t *testing.T) {
	t.Parallel()
	config := typedShop(t, dialect.Postgres)
	granted := role(t, open(t, "pgx", servers.PostgresAdmin(t)))
	config.Roles = []string{granted}
	named(t, config, "init")
	for _, name := range []string{diff.TenantDir, diff.SharedDir} {
		byHand(t, config, name, `DROP TABLE "docs" CASCADE`)
	}
	named(t, config, "again")
	must(t, diff.Check(t.Context(), config))
	place := database(t, dialect.Postgres)
	apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
	const granting = "SELECT DISTINCT table_name FROM information_schema.role_table_grants WHERE grantee = $1 AND privilege_type = 'INSERT' ORDER BY 1"
	if got := lines(t, place, granting, granted); !slices.Contains(got, "docs") || !slices.Contains(got, "entries") {
		t.Errorf("%s may write to %q", granted, got)
	}
	all := files(t, filepath.Join(config.Dir, diff.TenantDir))
	if text := string(all[len(all)-1].Bytes()); strings.Contains(text, `GRANT SELECT, INSERT, UPDATE, DELETE ON "entries"`) {
		t.Errorf("granted again:\n%s", text)
	}
}

// role makes a role that cannot log in.
func role(tb testing.TB, admin *sql.DB) string {
	tb.Helper()
	name := "tenancy_test_" + strings.ToLower(rand.Text())
	run(tb, admin, "CREATE ROLE "+name)
	tb.Cleanup(func() {
		// After the databases with its grants are gone, which were made later.
		run(cleaning{tb}, admin, "DROP ROLE IF EXISTS "+name)
	})
	return name
}

// TestForeignKeysOnForcedTablesAreChecked adds a key to tables with rows. The
// owner sees no rows of a forced table, and would take any key for valid.
func TestForeignKeysOnForcedTablesAreChecked(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	tables, err := entschema.CopyTables(isolation.Tables)
	must(t, err)
	config.Tables = tables
	config.Tenancy.Tables = slices.Clone(config.Tenancy.Tables)
	var orders, teams *entschema.Table
	for _, table := range tables {
		switch table.Name {
		case "orders":
			orders = table
		case "teams":
			teams = table
		}
	}
	named(t, config, "init")
	column := &entschema.Column{Name: "team_id", Type: field.TypeInt, Nullable: true}
	orders.Columns = append(orders.Columns, column)
	named(t, config, "column")
	orders.ForeignKeys = append(orders.ForeignKeys, &entschema.ForeignKey{
		Symbol: "orders_teams_team", Columns: []*entschema.Column{column}, RefTable: teams, RefColumns: teams.Columns[:1], OnDelete: entschema.NoAction,
	})
	for i, described := range config.Tenancy.Tables {
		if described.Name == "orders" {
			described.ForeignKeys = append(slices.Clone(described.ForeignKeys), schema.ForeignKey{
				Symbol: "orders_teams_team", Column: "team_id", RefTable: "teams", RefColumn: "id", RefTenantColumn: "tenant_id",
			})
			config.Tenancy.Tables[i] = described
		}
	}
	named(t, config, "key")
	db := database(t, dialect.Postgres)
	conn, err := db.Conn(t.Context())
	must(t, err)
	defer func() { must(t, conn.Close()) }()
	all := files(t, filepath.Join(config.Dir, diff.TenantDir))
	for _, file := range all[:2] {
		run(t, conn, string(file.Bytes()))
	}
	run(t, conn, "SET tenancy.tenant_id = 'acme'", "INSERT INTO orders (tenant_id, number, team_id) VALUES ('acme', 'one', 99)", "RESET tenancy.tenant_id")
	for i, file := range all[2:] {
		statements, err := file.StmtDecls()
		must(t, err)
		for _, statement := range statements {
			if _, err = conn.ExecContext(t.Context(), statement.Text); err != nil {
				break
			}
		}
		if last := i == len(all)-3; last != (err != nil) || last && !strings.Contains(err.Error(), "23503") {
			t.Errorf("%s: with a row that refers to no team: %v", file.Name(), err)
		}
	}
}
