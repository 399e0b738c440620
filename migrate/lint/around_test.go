package lint_test

import (
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/migrate/lint"
	"github.com/entenancy/tenancy/schema"
)

// tried is a file that is to be refused for each of some rules, or for none. What
// was before is applied already.
type tried struct {
	before, text string
	want         []lint.Rule
}

func tryAll(t *testing.T, database string, all []tried) {
	t.Helper()
	for _, test := range all {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			got := lintTexts(t, database, test.before, test.text+";\n")
			got = slices.DeleteFunc(got, func(f lint.Finding) bool { return f.File != "2_file.sql" })
			if !slices.Equal(rules(got), test.want) {
				t.Errorf("want %q, got %v", test.want, got)
			}
		})
	}
}

// only is one rule.
func only(rule lint.Rule) []lint.Rule { return []lint.Rule{rule} }

// TestNoWayAround has the statements that are harmful in a form that is seldom
// seen.
func TestNoWayAround(t *testing.T) {
	t.Parallel()
	t.Run("postgres", func(t *testing.T) {
		t.Parallel()
		tryAll(t, dialect.Postgres, aroundPostgres())
	})
	t.Run("mysql", func(t *testing.T) {
		t.Parallel()
		tryAll(t, dialect.MySQL, aroundMySQL())
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		tryAll(t, dialect.SQLite, aroundSQLite())
	})
}

func aroundPostgres() []tried {
	all := []tried{
		// What is new.
		{"", "CREATE TABLE IF NOT EXISTS orders (id int); DROP TABLE orders", only(lint.Destructive)},
		{"", "CREATE TABLE IF NOT EXISTS orders (id int); CREATE INDEX i ON orders (id)", only(lint.Locking)},
		{"", "CREATE TEMP TABLE orders (id int); DROP TABLE orders; DROP TABLE orders", only(lint.Destructive)},
		{"", "CREATE TABLE orders (id int); ALTER TABLE orders RENAME TO o; DROP TABLE orders", only(lint.Destructive)},
		// What is lost.
		{"", "DROP OWNED BY CURRENT_USER", []lint.Rule{lint.Destructive, lint.Outside}},
		{"", "WITH x AS (DELETE FROM countries RETURNING 1) SELECT 1", only(lint.Destructive)},
		{"", "WITH x AS (SELECT 1) DELETE FROM t", only(lint.Destructive)},
		{"", "DELETE FROM t USING (SELECT 1 AS n WHERE true) AS u", only(lint.Destructive)},
		{"", "CREATE TABLE u AS WITH x AS (DELETE FROM t RETURNING n) SELECT n FROM x", only(lint.Destructive)},
		{"", "EXPLAIN ANALYZE DELETE FROM t", only(lint.Destructive)},
		{"", "ALTER TABLE t DROP key", only(lint.Destructive)},
		{"", "ALTER FOREIGN TABLE t DROP n", only(lint.Destructive)},
		{"", "ALTER TABLE t RENAME key TO k", only(lint.Destructive)},
		// What is held.
		{"", "ALTER TABLE t ADD COLUMN code text UNIQUE", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN code text CONSTRAINT c UNIQUE", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN c int PRIMARY KEY", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN c int CHECK (c > 0)", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN c int DEFAULT 1 REFERENCES u (id)", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN c int NOT NULL REFERENCES u (id) ON DELETE SET DEFAULT", only(lint.Locking)},
		{"", "ALTER TABLE t ADD key text NOT NULL", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN k uuid DEFAULT public.uuid_generate_v4()", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN k uuid DEFAULT public.now()", only(lint.Locking)},
		{"", `ALTER TABLE t ADD COLUMN k uuid DEFAULT "gen_random_uuid"()`, only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN k text DEFAULT 'k' || random()", only(lint.Locking)},
		{"", "ALTER TABLE t ADD COLUMN k serial8", only(lint.Locking)},
		{"CREATE TABLE t (total int)", "ALTER TABLE t ALTER COLUMN total TYPE text", only(lint.Locking)},
		{"CREATE TABLE t (total varchar[])", "ALTER TABLE t ALTER COLUMN total TYPE text", only(lint.Locking)},
		{"CREATE TABLE t (total varchar COLLATE \"C\")", "ALTER TABLE t ALTER COLUMN total TYPE text", only(lint.Locking)},
		{"CREATE TABLE IF NOT EXISTS t (total varchar)", "ALTER TABLE t ALTER COLUMN total TYPE text", only(lint.Locking)},
		{"CREATE TABLE t (total varchar); ALTER TABLE t ALTER total TYPE int", "ALTER TABLE t ALTER COLUMN total TYPE text", only(lint.Locking)},
		{"CREATE TABLE t (total int, n varchar); ALTER TABLE t DROP n; ALTER TABLE t RENAME total TO n", "ALTER TABLE t ALTER COLUMN n TYPE text", only(lint.Locking)},
		{"CREATE TABLE t (total varchar)", "ALTER TABLE t ALTER COLUMN total TYPE text COLLATE \"C\"", only(lint.Destructive)},
		{"", "ALTER TABLE t SET UNLOGGED", only(lint.Locking)},
		{"", "ALTER TABLE t SET LOGGED", only(lint.Locking)},
		{"", "ALTER TABLE t SET TABLESPACE fast", only(lint.Locking)},
		{"", "ALTER TABLE t ADD CONSTRAINT c NOT NULL n", only(lint.Locking)},
		{"", "ALTER TABLE t ADD NOT NULL n", only(lint.Locking)},
		{"", "ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID; ALTER TABLE t RENAME CONSTRAINT c TO d; ALTER TABLE t VALIDATE CONSTRAINT d", only(lint.Locking)},
		{"", "-- atlas:txmode none\nCREATE INDEX CONCURRENTLY i ON t (n)", only(lint.Locking)},
		{"", "DROP INDEX CONCURRENTLY i", only(lint.Locking)},
		{"", "CREATE TABLE t (n int); CREATE INDEX CONCURRENTLY i ON t (n)", only(lint.Locking)},
		// Who sees what.
		{"", "DROP TRIGGER tenant_isolation ON orders", only(lint.Isolation)},
		{"", `DROP TRIGGER IF EXISTS "tenant_isolation" ON orders; ` + trigger("items"), only(lint.Isolation)},
		{"", "ALTER TRIGGER tenant_isolation ON orders RENAME TO t", only(lint.Isolation)},
		{"", "ALTER TABLE orders ENABLE REPLICA TRIGGER tenant_isolation", only(lint.Isolation)},
		{"", "DROP FUNCTION tenant_isolation() CASCADE", only(lint.Isolation)},
		{"", "CREATE OR REPLACE FUNCTION tenant_isolation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN OLD; END'", only(lint.Isolation)},
		{"CREATE TABLE t (n int); ALTER TABLE t FORCE ROW LEVEL SECURITY", "WITH x AS (SELECT 1) UPDATE t SET n = 1", only(lint.Isolation)},
	}
	for _, text := range outsidePostgres() {
		all = append(all, tried{"", text, only(lint.Outside)})
	}
	for _, text := range qualifiedPostgres() {
		all = append(all, tried{"", text, only(lint.Qualified)})
	}
	return all
}

// trigger is what package driver/postgres has for a table.
func trigger(table string) string {
	t := schema.Table{Name: table, TenantColumn: "tenant_id", ColumnType: schema.String}
	all := postgres.Policies(schema.Metadata{Tables: []schema.Table{t}})
	return all[len(all)-1]
}

func outsidePostgres() []string {
	return []string{
		"ALTER TABLE orders SET SCHEMA public",
		"ALTER TABLE IF EXISTS ONLY orders SET SCHEMA public",
		"ALTER FUNCTION f(int) SET SCHEMA public",
		"SET LOCAL SCHEMA 'tenant_b'",
		`SET LOCAL "search_path" TO b`,
		`SET LOCAL "Search_Path" TO b`,
		`SET LOCAL U&"search_path" TO b`,
		`SET LOCAL U&"search\005fpath" TO b`,
		"SET LOCAL SESSION AUTHORIZATION b",
		`SET LOCAL "role" TO b`,
		"SET LOCAL session_replication_role = replica",
		"SET SCHEMA 'tenant_b'",
		"SELECT pg_catalog.set_config('search_path', 'b', true)",
		`SELECT "set_config"('search_path', 'b', true)`,
		"UPDATE pg_settings SET setting = 'b' WHERE name = 'search_path'",
		"DO $$ BEGIN SET LOCAL search_path TO b; END $$",
		"DO $$ BEGIN PERFORM set_config('search_path', 'b', true); END $$",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path TO b AS 'SELECT 1'",
		"ALTER FUNCTION f() SET search_path = pg_catalog, b",
		"SELECT pg_try_advisory_lock(1)",
		"SELECT pg_try_advisory_lock_shared(1)",
		"SELECT pg_advisory_unlock_all()",
		`SELECT "pg_advisory_lock"(1)`,
		"DO $$ BEGIN PERFORM pg_advisory_lock(1); END $$",
		"IMPORT FOREIGN SCHEMA a FROM SERVER s INTO b",
		"REASSIGN OWNED BY a TO b",
	}
}

func qualifiedPostgres() []string {
	return []string{
		"INSERT INTO t SELECT b.n FROM a, tenant_b.orders b",
		"INSERT INTO t SELECT n FROM a JOIN c ON a.n = c.n AND a.m IN (1, 2), b.u",
		"INSERT INTO t SELECT n FROM a JOIN c ON CASE WHEN a.n THEN c.n END, b.u",
		"INSERT INTO t SELECT n FROM f(1) AS f, LATERAL (SELECT 1) AS l, b.u",
		"INSERT INTO t SELECT n FROM (a JOIN b.u ON a.n = u.n)",
		"INSERT INTO t SELECT n FROM a WHERE n IN (TABLE b.u)",
		"INSERT INTO t SELECT n FROM a AS set, b.u",
		`INSERT INTO t SELECT n FROM U&"b".u`,
		`INSERT INTO t SELECT n FROM a, "b" . "u"`,
		"SELECT n INTO b.t FROM u",
		"SELECT n INTO new.t FROM u",
		"DELETE FROM t USING b.u WHERE t.id = u.id",
		"DELETE FROM t USING a, b.u WHERE t.id = u.id",
		"WITH x AS (SELECT 1) UPDATE b.t SET n = 1",
		"UPDATE t SET n = 1 FROM a, b.u WHERE t.id = u.id",
		"MERGE INTO t USING b.u ON t.id = u.id WHEN MATCHED THEN UPDATE SET n = u.n",
		"CREATE TABLE t PARTITION OF b.u FOR VALUES IN (1)",
		"CREATE TABLE t (n int) INHERITS (b.u)",
		"CREATE TABLE t (n int) INHERITS (a, b.u)",
		"CREATE TABLE t (LIKE b.u INCLUDING ALL)",
		"CREATE TABLE t (n int, LIKE b.u)",
		"CREATE TABLE t (n int DEFAULT nextval('b.s'))",
		"ALTER TABLE t ATTACH PARTITION b.u DEFAULT",
		"ALTER TABLE t INHERIT b.u",
		"CREATE TABLE t (n int); CREATE INDEX ON b.t (n)",
		"CREATE TRIGGER g AFTER INSERT OR UPDATE ON b.t FOR EACH ROW EXECUTE FUNCTION f()",
		"CREATE FUNCTION b.f() RETURNS int LANGUAGE sql AS 'SELECT 1'",
		"DROP FUNCTION b.f(int)",
		"DROP INDEX a, b.i",
		"GRANT EXECUTE ON FUNCTION b.f(int) TO r",
		"GRANT SELECT (n), UPDATE (n) ON t, b.u TO r",
		"REVOKE ALL ON b.t FROM r",
		"COMMENT ON CONSTRAINT c ON b.t IS 'x'",
		"SET CONSTRAINTS b.c DEFERRED",
		"DO $$ BEGIN IF EXISTS (SELECT 1 FROM a, b.t) THEN RAISE 'x'; END IF; END $$",
		"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r b.t%ROWTYPE; BEGIN RETURN r; END $$",
		"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO b.t SELECT 1; RETURN NEW; END $$",
	}
}

func aroundMySQL() []tried {
	return []tried{
		{"", "CREATE OR REPLACE TABLE orders (id int)", only(lint.Destructive)},
		{"", "CREATE TABLE IF NOT EXISTS orders (id int); DROP TABLE orders", only(lint.Destructive)},
		{"", "RENAME TABLE orders TO other.orders", []lint.Rule{lint.Destructive, lint.Qualified}},
		{"", "CREATE TABLE a (id int); RENAME TABLE a TO b, orders TO o", only(lint.Destructive)},
		{"", "ALTER TABLE orders RENAME other.orders", []lint.Rule{lint.Destructive, lint.Qualified}},
		{"", "ALTER TABLE orders DROP PARTITION p0", only(lint.Destructive)},
		{"", "ALTER TABLE orders TRUNCATE PARTITION p0", only(lint.Destructive)},
		{"", "ALTER TABLE orders DISCARD TABLESPACE", only(lint.Destructive)},
		{"", "ALTER IGNORE TABLE orders DROP COLUMN n", only(lint.Destructive)},
		{"", "ALTER TABLE orders NOWAIT DROP COLUMN n", only(lint.Destructive)},
		{"", "ALTER TABLE orders ADD (a int, b int NOT NULL)", only(lint.Locking)},
		{"", "DROP TABLES a, b", only(lint.Destructive)},
		{"", "WITH x AS (SELECT 1) DELETE FROM t", only(lint.Destructive)},
		{"", "DELETE QUICK a FROM a JOIN b ON a.id = b.id", only(lint.Destructive)},
		{"", "SELECT RELEASE_ALL_LOCKS()", only(lint.Outside)},
		{"", "DO GET_LOCK('a', 1)", only(lint.Outside)},
		{"", "SELECT `get_lock`('a', 1)", only(lint.Outside)},
		{"", "FLUSH TABLES WITH READ LOCK", only(lint.Outside)},
		{"", "RENAME USER a TO b", only(lint.Outside)},
		{"", "INSERT INTO t SELECT n FROM a, other.u", only(lint.Qualified)},
		{"", "INSERT IGNORE other.t VALUES (1)", only(lint.Qualified)},
		{"", "REPLACE other.t VALUES (1)", only(lint.Qualified)},
		{"", "UPDATE t, other.u SET t.n = 1 WHERE t.id = u.id", only(lint.Qualified)},
		{"", "DELETE t FROM t JOIN (a, other.u) ON t.id = u.id WHERE t.n = 1", only(lint.Qualified)},
		{"", "INSERT INTO t SELECT n FROM a FOR SYSTEM_TIME ALL, other.u", only(lint.Qualified)},
		{"", "CREATE TABLE t LIKE other.u", only(lint.Qualified)},
		{"", "INSERT INTO t SELECT n FROM 1shop.u", only(lint.Qualified)},
		{"", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci", []lint.Rule{lint.Destructive, lint.Isolation}},
		{"", "ALTER TABLE t CONVERT TO CHARACTER SET utf8mb4", []lint.Rule{lint.Destructive, lint.Isolation}},
		{"", "ALTER TABLE t CONVERT TO CHARSET utf8mb4 COLLATE 'utf8mb4_bin'", only(lint.Destructive)},
		{"", "ALTER TABLE t MODIFY tenant_id varchar(255) COLLATE utf8mb4_0900_ai_ci NOT NULL", []lint.Rule{lint.Destructive, lint.Isolation}},
		{"", "ALTER TABLE t CHANGE tenant_id tenant_id varchar(255) CHARACTER SET latin1", []lint.Rule{lint.Destructive, lint.Isolation}},
		{"", "ALTER TABLE t MODIFY tenant_id varchar(255) CHARACTER SET utf8mb4 BINARY NOT NULL", only(lint.Destructive)},
		{"", "ALTER TABLE t MODIFY n int DEFAULT 2", only(lint.Destructive)}, // of which nothing is known
		{"CREATE TABLE IF NOT EXISTS t (n int)", "ALTER TABLE t MODIFY n int DEFAULT 2", only(lint.Destructive)},
		{"CREATE TABLE t (n int)", "ALTER TABLE t MODIFY COLUMN n INT DEFAULT (1 + 1) COMMENT 'NOT NULL' AFTER id", nil},
		{"CREATE TABLE t (n int NOT NULL DEFAULT 1)", "ALTER TABLE t CHANGE `n` `n` int NULL DEFAULT NULL", nil},
		{"CREATE TABLE t (n timestamp NULL)", "ALTER TABLE t MODIFY n timestamp NULL DEFAULT CURRENT_TIMESTAMP(0) ON UPDATE CURRENT_TIMESTAMP", nil},
		{"CREATE TABLE t (n varchar(9) NOT NULL COLLATE utf8mb4_bin)", "ALTER TABLE t MODIFY n varchar(9) COLLATE utf8mb4_bin NOT NULL DEFAULT ''", nil},
		{"CREATE TABLE t (n int)", "ALTER TABLE t MODIFY n int NOT NULL DEFAULT 2", only(lint.Destructive)},
		{"CREATE TABLE t (n bigint DEFAULT 1)", "ALTER TABLE t MODIFY n int DEFAULT 1", only(lint.Destructive)},
		{"CREATE TABLE t (n int unsigned DEFAULT 1)", "ALTER TABLE t MODIFY n int DEFAULT 1", only(lint.Destructive)},
		{"CREATE TABLE t (n enum('a', 'b') NOT NULL)", "ALTER TABLE t MODIFY n enum('a', 'B') NOT NULL", only(lint.Destructive)},
		{"CREATE TABLE t (n varchar(9) DEFAULT 'a')", "ALTER TABLE t MODIFY n varchar(9) CHARACTER SET ascii DEFAULT 'a'", []lint.Rule{lint.Destructive, lint.Isolation}},
		{"CREATE TABLE t (n varchar(9)); ALTER TABLE t DEFAULT CHARSET = ascii", "ALTER TABLE t MODIFY n varchar(9) DEFAULT 'a'", only(lint.Destructive)},
		{"CREATE TABLE t (n varchar(9)); ALTER TABLE t DEFAULT CHAR SET = ascii", "ALTER TABLE t MODIFY n varchar(9) DEFAULT 'a'", only(lint.Destructive)},
		{"CREATE TABLE t (n varchar(9))", "ALTER TABLE t DEFAULT CHARSET latin1 COLLATE latin1_bin, MODIFY n varchar(9) DEFAULT 'a'", only(lint.Destructive)},
		{"CREATE TABLE t (n varchar(9))", "ALTER TABLE t CHANGE n n varchar(9) DEFAULT 'a', COLLATE = latin1_bin", only(lint.Destructive)},
		{"CREATE TABLE t (n varchar(9))", "ALTER TABLE t ADD m varchar(9) COLLATE latin1_bin, MODIFY n varchar(9) DEFAULT 'a', ENGINE = InnoDB", nil},
		{"CREATE TABLE t (n int); ALTER TABLE t MODIFY n bigint", "ALTER TABLE t MODIFY n int", only(lint.Destructive)},
		{"CREATE TABLE t (n int); ALTER TABLE t MODIFY n bigint", "ALTER TABLE t MODIFY n bigint DEFAULT 1", nil},
		{"CREATE TABLE t (n int)", "ALTER TABLE t CHANGE n m int", only(lint.Destructive)},
		{"", "ALTER TABLE t ENGINE = InnoDB, DEFAULT CHARSET = utf8mb4", only(lint.Isolation)},
		{"", "ALTER TABLE t COLLATE utf8mb4_general_ci", only(lint.Isolation)},
		{"", "ALTER TABLE t COLLATE = utf8mb4_bin", nil},
		{"", "ALTER TABLE t ADD COLUMN n varchar(255) COLLATE utf8mb4_general_ci", nil},
		{"", "ALTER TABLE t ALTER COLUMN charset SET DEFAULT 'x'", nil},
		{"", "ALTER TABLE t ALTER charset DROP DEFAULT, DROP INDEX charset", nil},
		{"", "ALTER TABLE t ALTER COLUMN charset SET DEFAULT 'x', COLLATE utf8mb4_general_ci", only(lint.Isolation)},
		{"", "ALTER TABLE t RENAME COLUMN charset TO c", only(lint.Destructive)},
	}
}

func aroundSQLite() []tried {
	const table = "CREATE TABLE t (id integer, n text)"
	again := func(copied string) string {
		return "CREATE TABLE new_t (id integer, n text); " + copied + "DROP TABLE t; ALTER TABLE new_t RENAME TO t"
	}
	return []tried{
		{table, again(""), only(lint.Destructive)},
		{table, again("INSERT INTO new_t (id) SELECT id FROM t; "), only(lint.Destructive)},
		{table, again("INSERT INTO new_t (id, n) SELECT id, '' FROM t; "), only(lint.Destructive)},
		{table, again("INSERT INTO new_t (id, n) SELECT id, n FROM t WHERE id = 1; "), only(lint.Destructive)},
		{table, again("INSERT INTO new_t (id, n) SELECT id, n FROM u; "), only(lint.Destructive)},
		{table, again("INSERT INTO new_t (id, n) VALUES (1, 'n'); "), only(lint.Destructive)},
		{"CREATE TABLE t (n text, id integer)", again("INSERT INTO new_t SELECT * FROM t; "), only(lint.Destructive)},
		{"CREATE TABLE t (id integer, key text)", again("INSERT INTO new_t (id) SELECT id FROM t; "), only(lint.Destructive)},
		{"", again("INSERT INTO new_t (id, n) SELECT id, n FROM t; "), only(lint.Destructive)}, // of which columns nothing is known
		{table, again("INSERT INTO new_t (id, n) SELECT id, n FROM t; "), nil},
		{table, again("INSERT INTO new_t (id, n) SELECT id, IFNULL(n, '') AS n FROM t; "), nil},
		{table, again("INSERT INTO new_t SELECT * FROM t; "), nil},
		{"", "CREATE TABLE IF NOT EXISTS t (id integer); DROP TABLE t", only(lint.Destructive)},
		{"", "UPDATE OR IGNORE main.t SET n = 1", only(lint.Qualified)},
		{"", "ALTER TABLE 'orders' DROP COLUMN 'note'", only(lint.Destructive)},
		{"", "ALTER TABLE 'orders' RENAME TO 'o'", only(lint.Destructive)},
		{"", "ALTER TABLE 'orders' RENAME 'note' TO 'n'", only(lint.Destructive)},
		{"", "ALTER TABLE 'orders' ADD 'n' text NOT NULL", only(lint.Locking)},
		{"", "DROP TABLE 'orders'", only(lint.Destructive)},
		{"", "INSERT INTO 'global'.'countries' VALUES ('x.y')", only(lint.Qualified)},
		{"", "DELETE FROM 'global'.'countries' WHERE n = 1", only(lint.Qualified)},
		{"", "UPDATE 'global'.countries SET n = 1", only(lint.Qualified)},
		{"", "CREATE INDEX 'main'.'i' ON t (n)", only(lint.Qualified)},
		{"", "CREATE TABLE 'orders' (id integer); DROP TABLE orders", nil},
		{"", "INSERT INTO t SELECT 'a.b', 'c' FROM u WHERE n IN ('d', 'e')", nil},
		{table, again("INSERT INTO new_t (id, n) SELECT id, 'n' FROM t; "), only(lint.Destructive)},
		{table, again("INSERT INTO 'new_t' ('id', 'n') SELECT id, n FROM 't'; "), nil},
		{"", "INSERT INTO t SELECT n FROM a, main.u", only(lint.Qualified)},
	}
}

// TestHarmless has statements that look like harmful ones.
func TestHarmless(t *testing.T) {
	t.Parallel()
	for database, texts := range map[string][]string{
		dialect.Postgres: {
			"INSERT INTO t SELECT u.n FROM u JOIN v ON v.id IN (1, 2)",
			"INSERT INTO t SELECT u.n FROM u JOIN v ON v.id IS NULL",
			"INSERT INTO t SELECT u.n FROM u JOIN v ON v.done AND v.id = u.id",
			"INSERT INTO t SELECT DISTINCT ON (u.n, u.m) u.n, u.m FROM u GROUP BY u.n, u.m ORDER BY u.n, u.m",
			"INSERT INTO t (n) SELECT u.n FROM u, v WHERE u.id = v.id ON CONFLICT (n) DO UPDATE SET n = excluded.n, m = excluded.m",
			"UPDATE t SET n = u.n, m = u.m FROM u WHERE u.id = t.id RETURNING t.n, u.m",
			"DELETE FROM t USING u WHERE t.id = u.id RETURNING t.n, u.n",
			"MERGE INTO t USING u ON u.id = t.id WHEN MATCHED THEN UPDATE SET n = u.n, m = u.m",
			"WITH x AS (DELETE FROM t WHERE n = 1 RETURNING t.n, t.m) SELECT x.n, x.m FROM x",
			"UPDATE t SET n = substring(t.n FROM t.m FOR 2) WHERE t.n IS NOT DISTINCT FROM t.m",
			"UPDATE t SET n = 1 WHERE t.n LIKE t.m",
			"INSERT INTO t SELECT n FROM public.series(1, 2)",
			"CREATE POLICY p ON t AS RESTRICTIVE USING (t.tenant_id = current_setting('tenancy.tenant_id'))",
			"CREATE TABLE t (type public.kind, domain public.kind)",
			"ALTER TABLE t ADD COLUMN type public.kind",
			"ALTER TABLE t RENAME CONSTRAINT c TO d",
			"SET CONSTRAINTS ALL DEFERRED",
			"SET LOCAL statement_timeout = 0",
			"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN SELECT u.n, u.m INTO NEW.n, NEW.m FROM u; RETURN NEW; END $$",
			"CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ DECLARE r u; BEGIN FOR r IN SELECT * FROM u LOOP RAISE NOTICE '%', r.n, r.m; END LOOP; RETURN NEW; END $$",
			"CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
			"CREATE FUNCTION f() RETURNS int LANGUAGE sql SET search_path FROM CURRENT AS 'SELECT 1'",
			"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW EXECUTE FUNCTION public.f()",
			"CREATE TRIGGER g BEFORE UPDATE OF n ON t FOR EACH ROW WHEN (OLD.n IS DISTINCT FROM NEW.n) EXECUTE PROCEDURE public.f()",
			"DROP TRIGGER mine ON t",
			"DROP TRIGGER tenant_isolation ON t; " + trigger("t"),
			"CREATE TABLE t (n varchar(10)); ALTER TABLE t ALTER COLUMN n TYPE text",
			"ALTER TABLE t ADD CONSTRAINT c NOT NULL n NOT VALID",
			"ALTER TABLE t ADD COLUMN n int REFERENCES u (id)",
			"ALTER TABLE t ADD COLUMN n numeric(10,2) DEFAULT '0'::numeric(10,2)",
			"ALTER TABLE t ADD COLUMN n timestamp DEFAULT (pg_catalog.now() AT TIME ZONE 'utc')",
			"ALTER TABLE t ADD COLUMN n public.point DEFAULT '0 0'::public.point(2)",
		},
		dialect.MySQL: {
			"INSERT INTO t SELECT REPLACE(u.n, 'a', 'b'), TRUNCATE(u.m, 2) FROM u",
			"INSERT INTO t (n) SELECT u.n FROM u ON DUPLICATE KEY UPDATE t.n = u.n, t.m = u.m",
			"UPDATE t JOIN u ON u.id = t.id SET t.n = u.n, t.m = u.m",
			"ALTER TABLE t RENAME INDEX i TO j",
			"CREATE TABLE a (n int); RENAME TABLE a TO b; DROP TABLE b",
			"CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW SET NEW.n = 1, NEW.m = OLD.n",
		},
		dialect.SQLite: {
			"CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM u; END",
		},
	} {
		for _, text := range texts {
			if got := lintText(t, database, text+";\n"); len(got) > 0 {
				t.Errorf("%s: %s: %v", database, text, got)
			}
		}
	}
	got := lintTexts(t, dialect.Postgres, "CREATE TABLE t (n character varying(10) NOT NULL)", "ALTER TABLE t ALTER COLUMN n TYPE text;")
	if len(got) > 0 {
		t.Errorf("varchar is text already: %v", got)
	}
}

// TestDirectiveNeedsAnEmptyLine is what Atlas and the runner want of it.
func TestDirectiveNeedsAnEmptyLine(t *testing.T) {
	t.Parallel()
	const index = "CREATE INDEX CONCURRENTLY i ON t (n);\n"
	got := lintText(t, dialect.Postgres, "-- atlas:txmode none\n"+index)
	if len(got) != 1 || got[0].Rule != lint.Locking || !strings.Contains(got[0].Message, "empty line") {
		t.Errorf("got %v", got)
	}
	if got := lintText(t, dialect.Postgres, "-- Large tables.\n-- atlas:txmode none\n\n"+index); len(got) > 0 {
		t.Errorf("with one: %v", got)
	}
}
