package postgres_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

func TestRefusedBeforeItIsSent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, sharedTenants, db)
	ctx := w.as(t, sharedTenants)
	sent := w.during(func() {
		for _, text := range []string{
			"BEGIN", "begin work", "START TRANSACTION", "COMMIT", "commit and chain", "END", "ABORT", "ROLLBACK", "ROLLBACK AND CHAIN",
			"PREPARE TRANSACTION 'x'", "SET search_path TO public", "set session tenancy.tenant_id = 'x'", "SET ROLE postgres", "RESET ALL",
			"COPY items TO STDOUT", "  /* a /* nested */ comment */ -- and\n COMMIT", "(;;COMMIT",
			"SELECT 1; COMMIT; SELECT 2", "SELECT ';'; COMMIT", `SELECT ";" FROM x; COMMIT`, "SELECT $$;$$; COMMIT", "SELECT $a$ $$ ; $b$ $a$; COMMIT",
			`SELECT E'\';'; COMMIT`, `SELECT '\'; COMMIT; --'`, "SELECT 1 /* ; */; -- ;\nCOMMIT", "SELECT 1; -- a line\rCOMMIT", "SELECT a$b$c FROM d$b$ ; COMMIT", "SELECT $1;COMMIT",
			`SELECT e'a''\'b'; COMMIT`, "SELECT U&'\\0041'; COMMIT", "insert into items (name) values ('x')\n;\n\n rollback\n",
			"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'; END",
			"CREATE TEMP TABLE t (id int)", "create temporary table if not exists t as select 1", "CREATE /* a */ LOCAL TEMP TABLE t (id int) ON COMMIT DELETE ROWS",
			"CREATE TEMP TABLE t (id int) ON COMMIT PRESERVE ROWS", "CREATE TEMP TABLE t (id text DEFAULT ' ON COMMIT DROP')", "CREATE TABLE pg_temp.t (id int)",
			"CREATE OR REPLACE TEMP VIEW v AS SELECT 1", "CREATE GLOBAL TEMPORARY SEQUENCE s", "CREATE TEMP RECURSIVE VIEW v (n) AS SELECT 1",
			"SELECT * INTO TEMP t FROM items", "select 1 as n into temporary table t", "WITH a AS (SELECT 1) SELECT * INTO TEMP t FROM a", "(SELECT 1 INTO TEMP t)",
			"EXPLAIN ANALYZE CREATE TEMP TABLE t AS SELECT 1", "EXPLAIN ANALYZE SELECT 1 INTO TEMP t", "SELECT 1; CREATE TEMP TABLE t (id int)",
			"SET LOCAL tenancy.tenant_id = 'x'", "set local Tenancy . Tenant_ID to default", `SET LOCAL "tenancy.tenant_id" = 'x'`,
			`SET LOCAL tenancy."tenant_id" = 'x'`, `SET LOCAL "tenancy" . "tenant_id" TO 'x'`, "SET LOCAL tenancy/* a */./* b */tenant_id = 'x'", "SET LOCAL tenancy -- a\n. tenant_id = 'x'",
			`SET LOCAL U&"tenancy.tenant\005fid" = 'x'`, `SET LOCAL tenancy.U&"tenant!005fid" UESCAPE '!' = 'x'`, `set /* a */ local /* b */ "Tenancy"."TENANT_ID" = 'x'`, `SET LOCAL "a""b" = 'x'`,
			"SET LOCAL search_path/* = */ TO public", `SET LOCAL "search_path" TO public`, "SET LOCAL /* a */ SCHEMA 'public'",
			"SELECT set_config('tenancy' || '.tenant_id', 'x', true)", "SELECT set_config($1, 'x', true)", "SELECT set_config(name, 'x', true) FROM items", "SELECT set_config('tenancy.'\n'tenant_id', 'x', true)",
			`SELECT set_config(U&'tenancy\002etenant_id', 'x', true)`, `SELECT set_config(E'tenancy\x2etenant_id', 'x', true)`, "SELECT set_config($$tenancy.tenant_id$$, 'x', true)", "SELECT set_config(('tenancy.tenant_id'), 'x', true)",
			"SELECT set_config('tenancy.tenant_id'::text, 'x', true)", "SELECT set_config('tenancy.tenant_id'::name, 'x', true)", "SELECT set_config/* a */('tenancy.tenant_id', 'x', true)", "SELECT set_config -- a\n ('tenancy.tenant_id', 'x', true)",
			"SELECT set_config(/* a */ 'tenancy.tenant_id', 'x', true)", "SELECT set_config('a.b', /* ' */ 'x', false) /* ', true) */", "SELECT set_config('a.b', $$'$$, false), ', true)'", `SELECT set_config('a.b', E'\'', false), ', true)'`,
			"SELECT set_config('tenancy.tenant_id', 'x', true)", "SELECT 1, pg_catalog.SET_CONFIG( 'Tenancy.tenant_id' , 'x', true)",
			"SELECT set_config('a.b', 'x', true), set_config('tenancy.tenant_id', 'x', true)", "SELECT 1; SET LOCAL tenancy.tenant_id = 'x'",
			"SET LOCAL search_path = public", `set local "search_path" = public`, "SET LOCAL SCHEMA 'public'", "SELECT set_config('search_path', 'public', true)",
			"SELECT set_config('a.b', 'x', false)", "SELECT Set_Config('a.b', $1, $2)", "SELECT set_config('a.b', ',', true AND false)", `SELECT "set_config"($1, 'x', 'f')`,
			"SELECT set_config('a.b', 'true', true), set_config('a.b', (SELECT 'x)'), not true)", "SELECT set_config('a.b'", "UPDATE pg_settings SET setting = 'public' WHERE name = 'a.b'",
			"WITH a AS (UPDATE ONLY pg_catalog.PG_SETTINGS SET setting = 'x' RETURNING 1) SELECT 1", "ALTER ROLE CURRENT_USER SET search_path = x", "alter database x set a.b = 1",
			"SELECT * INTO pg_temp.t FROM items", "SELECT 1 INTO LOCAL TEMPORARY TABLE t", "select 1 Into Temp t", `CREATE TABLE "pg_temp".t (id int)`,
			"WITH q AS (SELECT 1 AS insert) SELECT insert INTO TEMP t FROM q", "WITH q AS (SELECT 1 AS merge) SELECT merge INTO LOCAL TEMP t FROM q", "WITH q AS (SELECT 1) SELECT (1) insert INTO TEMP t",
			"EXPLAIN ANALYZE SELECT insert INTO TEMP t FROM (SELECT 1 AS insert) AS q", "EXPLAIN (ANALYZE) SELECT 1 AS merge, count(*) merge INTO TEMPORARY t", "WITH q AS (SELECT 1) (SELECT (1) insert INTO TEMP t)",
			"EXPLAIN ANALYZE CREATE TABLE pg_temp.t AS SELECT 1", "CREATE DOMAIN pg_temp.text AS int", "CREATE TRIGGER t AFTER INSERT ON pg_temp.t EXECUTE FUNCTION f()",
			"CREATE TABLE atomic (id int); END; SELECT 1", "CREATE TABLE t (id int) -- begin atomic\n; END; SELECT 1",
			"CREATE FUNCTION f() RETURNS int BEGIN ATOMIC SELECT 1; END; END", "PREPARE p AS SELECT 1", "EXECUTE p(1)", "DEALLOCATE ALL", "deallocate p", "DISCARD ALL", "SELECT 1; discard plans",
			"LISTEN orders", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "declare c no scroll cursor with hold for select 1",
			`UPDATE "pg_settings" SET setting = 'x' WHERE name = 'a.b'`, `update only ("pg_catalog" . "pg_settings") set setting = 'x'`, `WITH a AS (SELECT 1) UPDATE pg_catalog."pg_settings" SET setting = 'x'`,
			"SELECT E'a'\n'\\''; COMMIT; --'", "SELECT e'a' -- '\n\t-- b\r '\\''; COMMIT; --'", "SELECT E'a''b'\n'c'\r\n'\\''; SET a.b = 'x'; --'", "SELECT set_config('a.b', E'a'\n'\\'', false), ', true)'",
			"SELECT U&'a'\n'\\'; COMMIT; --'", "SELECT 'a'\n'\\'; COMMIT; --'", "SELECT E'a' '\\'; COMMIT; --'",
			`SELECT U&"set\005fconfig"('a.b', 'x', false)`, `select u&"set!005fconfig" uescape '!' ('a.b', 'x', false)`, `CREATE TABLE U&"pg\005ftemp".t AS SELECT 1`, `UPDATE U&"pg\005fsettings" SET setting = 'x'`,
			"CREATE FUNCTION pg_temp.f() RETURNS void BEGIN ATOMIC END; END; SELECT 1", "CREATE FUNCTION pg_temp.f() RETURNS void begin /* a */ atomic -- b\n end; END",
			`CREATE FUNCTION pg_temp.f(begin "int4", atomic "int4") RETURNS int LANGUAGE sql AS 'SELECT 1'; END`, "CREATE FUNCTION pg_temp.f(begin atomic) RETURNS int LANGUAGE sql AS 'SELECT 1'; END",
			"SELECT 1 AS n iNTO TEMP t", "SELECT insert INTO TEMP t FROM items", "CREATE TEMP TABLE t AS SELECT 1 FROM items JOIN commit ON commit.drop", `CREATE TEMP TABLE t AS SELECT 1 FROM a JOIN commit ON commit "drop"`,
			"SET transaction.x = 'y'", "SET TRANSACTION /* a */ . x TO 'y'", "SET constraints.x = 'y'", "SET local.x = 'y'",
		} {
			_, err := db.ExecContext(ctx, text)
			wantErr(t, err, postgres.ErrRefused)
			if err != nil && t.Failed() {
				t.Logf("text: %s", text)
			}
		}
		for _, text := range []string{"COMMIT", "SET x = 1", "CALL p()", "DO 'x'", "COPY items TO STDOUT", " ( COMMIT", "CREATE TEMP TABLE t (id int)", "SELECT 1 INTO TEMP t", "LISTEN x"} {
			wantErr(t, count(ctx, db, text), postgres.ErrRefused)
		}
	})
	if sent != 0 {
		t.Errorf("%d round trips were made", sent)
	}
}

func TestNotRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := w.as(t, sharedTenants)
	for _, text := range []string{
		"", ";", "-- nothing", "SELECT 'COMMIT; COMMIT'", "SELECT $$;COMMIT;$$", "SELECT 1; /* COMMIT; */ SELECT 2;", `SELECT E'\'; COMMIT; '`,
		"CREATE FUNCTION pg_temp.f() RETURNS int BEGIN ATOMIC SELECT 1; SELECT 2; END; SELECT 1",
		"CREATE FUNCTION pg_temp.e() RETURNS void BEGIN ATOMIC END; SELECT 1; CREATE FUNCTION pg_temp.e(begin int, atomic int) RETURNS int BEGIN ATOMIC SELECT CASE WHEN true THEN 1 END; END; SELECT 1",
		"SELECT E'a'\n'\\'; COMMIT; '", "SELECT e'a' -- b\r'\\'; COMMIT; ', 'a'\n'\\', 1", `SELECT 1 AS "U&", 'U&"a"', 2&"a" FROM (SELECT 3 AS "a") AS u`,
		"CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1 FROM (SELECT true AS drop) AS commit JOIN (SELECT 1) AS a ON commit.drop",
		"CREATE FUNCTION pg_temp.g() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
		"DO $$ BEGIN PERFORM 1; END $$", "SELECT CASE WHEN true THEN 1 END",
		`SELECT 1 AS ";COMMIT"`, "SELECT U&'\\0041;COMMIT'",
		"CREATE TABLE temp (into_temp int, temporary int)", "INSERT INTO temp VALUES (1)", "WITH a AS (INSERT INTO temp VALUES (2) RETURNING into_temp) SELECT into_temp, 'INTO TEMP', \"into_temp\" FROM a",
		"WITH a AS (SELECT 3 AS n) INSERT INTO temp SELECT n FROM a", "EXPLAIN ANALYZE VERBOSE INSERT INTO temp VALUES (4)", "EXPLAIN (VERBOSE) MERGE INTO temp USING (SELECT 1 AS n) AS a ON n = into_temp WHEN MATCHED THEN DELETE",
		"WITH a AS (SELECT 5 AS n), b AS (INSERT INTO \"temp\" (temporary) SELECT n FROM a RETURNING temporary) MERGE INTO temp USING b ON b.temporary = into_temp WHEN MATCHED THEN DO NOTHING",
		"SELECT temporary FROM temp", "EXPLAIN SELECT temporary AS create FROM temp", "CREATE VIEW temporary AS SELECT * FROM temp", "DROP TABLE temp CASCADE",
		"CREATE TEMP TABLE t ON COMMIT DROP AS SELECT 1",
		"CREATE TABLE asset_config (id int, jpg_template text)", "INSERT INTO asset_config (id) VALUES (1)", "WITH preset_config (a) AS (SELECT 1) SELECT a, 'set_config(1)' FROM preset_config",
		"WITH u AS (SELECT 'pg_temp' AS t) INSERT INTO asset_config (jpg_template) SELECT t FROM u", "COMMENT ON TABLE asset_config IS 'see set_config(a, b, false)' -- set_config(1)",
		"WITH s AS (SELECT name FROM pg_catalog.pg_settings) UPDATE asset_config SET id = (SELECT count(*) FROM s)", "EXPLAIN SELECT * FROM pg_catalog.pg_settings",
		"UPDATE asset_config SET id = 2; CREATE FUNCTION h() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1'",
		"ALTER FUNCTION h() SET search_path = pg_catalog, pg_temp; INSERT INTO asset_config VALUES (3)", "DROP TABLE asset_config; DROP FUNCTION h()",
		"CREATE FUNCTION i() RETURNS void LANGUAGE plpgsql AS $$ BEGIN PERFORM set_config('a.b', 'c', false); END $$", "DROP FUNCTION i()",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	for _, text := range []string{
		"SET LOCAL statement_timeout = 1000", "SET LOCAL a.tenant_id = 'tenancy.tenant_id'", `SET LOCAL "a" . b TO 'search_path'`, "SET LOCAL /* tenancy.tenant_id */ a.tenancy = 1", "SET LOCAL TIME ZONE 'UTC'", "SELECT set_config('a.b'::text, E'it\\'s $1', true)",
		"SET LOCAL a.b = 'the search_path'; DECLARE d CURSOR FOR WITH hold AS (SELECT 1) SELECT * FROM hold; SELECT current_setting('tenancy.tenant_id')", "SAVEPOINT a",
		"SELECT set_config('a.b', current_setting('tenancy.tenant_id'), true)",
		"SELECT 'set_config' AS set_config, set_config ( 'a.b', 'a,(b' , TRUE ), 1", "SELECT setting FROM pg_settings WHERE name = 'a.b'", "ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "RELEASE a", "SET CONSTRAINTS ALL DEFERRED",
		"CREATE TEMP TABLE t (id int) ON COMMIT DROP", "INSERT INTO t VALUES (1)", "DECLARE c CURSOR WITHOUT HOLD FOR SELECT id FROM t", "FETCH c",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	must(t, count(ctx, tx, "SET LOCAL statement_timeout = 1000"))
	must(t, tx.Commit())
	nothingStays(t, db)
	// One without a schema may have its own path.
	for _, text := range []string{
		"SET LOCAL search_path = public, pg_catalog; SET LOCAL SCHEMA 'public'; SELECT set_config('search_path', 'public', true)",
		"SET LOCAL search_path = pg_catalog, public, pg_temp", `SET LOCAL search_path TO "pg_catalog", 'PG_TEMP'`, "SET LOCAL search_path = a, pg_catalog, \"pg_temp\" -- pg_temp", "SET LOCAL search_path TO DEFAULT",
		"SELECT set_config('search_path', '', true)", `SELECT set_config('search_path', '"a,b", public', true)`, "SELECT set_config('search_path', 'PG_Catalog , public, pg_temp'::text, true)",
	} {
		if _, err := db.ExecContext(w.as(t, 0), text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	nothingStays(t, db)
}

// TestPathOfTemporaryTables makes a table where it would outlive the transaction. The
// role may not use public, which PostgreSQL passes over therefore.
func TestPathOfTemporaryTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	run(t, w.owner, "REVOKE ALL ON SCHEMA public FROM PUBLIC", "REVOKE ALL ON SCHEMA public FROM "+appRole(w))
	closed := "SET LOCAL search_path = public, pg_temp; CREATE TABLE items (id int)"
	for _, text := range []string{
		closed, `SET LOCAL search_path TO "public", 'pg_temp'`, "SELECT set_config('search_path', 'public, pg_temp', true)", "SET LOCAL search_path = information_schema, pg_temp",
		"SELECT set_config('search_path', 'pg_catalog\u00a0, pg_temp', true)", "SELECT set_config('search_path', 'pg_catalog\u0085,pg_temp', true)", // other schemas to the server
		"SELECT set_config('search_path', '\vpg_temp', true)", "SELECT set_config('search_path', 'a,pg_temp\v, public', true)", "SELECT set_config('search_path', 'pg_catalog\v, pg_temp', true)",
		"SET LOCAL search_path = pg_temp; CREATE TABLE items (id int)", "set local \"search_path\" to 'a', PG_TEMP", "SET LOCAL SCHEMA 'pg_temp'",
		"SELECT set_config('search_path', 'pg_temp', true)", "SELECT SET_CONFIG('Search_Path', 'a,' || 'PG_Temp', true)",
		"SET LOCAL search_path = pg_temp, public", "SET LOCAL search_path = pg_temp_8", `SET LOCAL search_path = "$user", pg_temp`, "SET LOCAL search_path = 'PUBLIC', pg_temp",
		`SET LOCAL search_path = E'pg\137temp'`, "SET LOCAL search_path = 'pg_'\n'temp'", "SET LOCAL search_path = $$pg_temp$$", `SET LOCAL search_path = U&'pg\005ftemp'`, "SET LOCAL search_path FROM CURRENT",
		"SELECT set_config('search_path', 'pg_' || 'temp', true); CREATE TABLE items (id int)", "SELECT set_config('search_path', 'a, pg_temp_8, public', true)", "SELECT set_config('search_path', 'pg_'\n'temp', true)",
		`SELECT set_config('search_path', '"a,public,b", pg_temp', true)`, `SELECT set_config('search_path', '"PUBLIC", "pg_temp"', true)`, `SELECT set_config('search_path', E'pg\137temp', true)`,
		"SELECT set_config('search_path', lower('PG_' || 'TEMP'), true)",
		"CREATE TABLE pg_temp_8.items (id int)", `CREATE VIEW "pg_temp_12".items AS SELECT 1`, "SELECT 1 AS id INTO pg_temp_8.items",
	} {
		_, err := db.ExecContext(w.as(t, 0), text)
		if !errors.Is(err, postgres.ErrRefused) {
			t.Errorf("%s: %v", text, err)
		}
	}
	wantErr(t, count(w.as(t, 0), db, "SELECT set_config('search_path', $1, true)", "pg_temp"), postgres.ErrRefused)
	_, err := db.ExecContext(w.as(t, sharedTenants), "CREATE TABLE pg_temporary (pg_temp_ int, pg_temp_8a int)") // which are no such names
	must(t, err)
	before := backend(w.as(t, 0), t, db)
	_, err = db.ExecContext(system(t), closed)
	must(t, err)
	if backend(w.as(t, 0), t, db) == before {
		t.Error("the connection of a System scope that has made one serves tenants")
	}
	for _, passing := range []string{"SET LOCAL search_path = public, pg_catalog, pg_temp", "SELECT set_config('search_path', 'pg_catalog, pg_temp', true)"} {
		_, err = db.ExecContext(w.as(t, 0), passing+"; CREATE TABLE items (id int)")
		wantCode(t, err, "42501") // no table can be made in pg_catalog
	}
}

// TestTemporaryTables shows why they are refused, by a function that makes one:
// what is written to it is not where it belongs, and the next tenant on the
// connection reads it. The right that Verify hints at ends that too.
func TestTemporaryTables(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.owner, "CREATE FUNCTION stage() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TEMP TABLE memos (LIKE public.memos INCLUDING ALL); END $$")
	db := openURL(t, g.app, postgres.Config{}) // of one connection
	as := func(id tenancy.ID) context.Context { return asTenant(t, id) }
	seen := func(id tenancy.ID) int { return one[int](as(id), t, db, "SELECT count(*) FROM memos") }
	hinted := func() bool {
		hints, err := postgres.Verify(t.Context(), db, g.tenancy, postgres.VerifyConfig{})
		must(t, err)
		return slices.ContainsFunc(hints, func(h postgres.Hint) bool { return strings.Contains(h.String(), "REVOKE TEMPORARY") })
	}
	write := "INSERT INTO memos (tenant_id, text) VALUES ($1, 'a')"

	_, err := db.ExecContext(as("a"), "CREATE TEMP TABLE memos (LIKE public.memos INCLUDING ALL)")
	wantErr(t, err, postgres.ErrRefused)
	_, err = db.ExecContext(as("b"), write, "b")
	must(t, err)
	if a, b := seen("a"), seen("b"); a != 0 || b != 1 || !hinted() {
		t.Errorf("a sees %d memos, b %d; or there is no hint", a, b)
	}

	run(t, g.asAdmin(t), g.fill(t, "REVOKE TEMPORARY ON DATABASE {database} FROM PUBLIC"))
	_, err = db.ExecContext(as("a"), "SELECT stage()")
	wantCode(t, err, "42501")
	if hinted() {
		t.Error("there is a hint still")
	}
	run(t, g.asAdmin(t), g.fill(t, "GRANT TEMPORARY ON DATABASE {database} TO {app}"))
	_, err = db.ExecContext(as("a"), "SELECT stage()")
	must(t, err)
	_, err = db.ExecContext(as("b"), write, "b")
	must(t, err)
	if a := seen("a"); a != 1 {
		t.Errorf("a sees %d memos of b: what is the hint for?", a)
	}
}

// TestProcedureWithCommit shows why CALL is refused: within a pipeline its
// COMMIT would end the tenant's setting and carry on without.
func TestProcedureWithCommit(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	schema := quoted(w.tenants[sharedTenants].Placement.Schema)
	run(t, w.owner,
		"CREATE PROCEDURE "+schema+".p(n text) LANGUAGE plpgsql AS $$ BEGIN INSERT INTO items (name) VALUES (n); COMMIT; INSERT INTO items (name) VALUES (n); END $$")
	db := w.open(t, 1, postgres.Config{})
	ctx := w.as(t, sharedTenants)
	_, err := db.ExecContext(ctx, "CALL p($1)", "x")
	wantErr(t, err, postgres.ErrRefused)
	_, err = db.ExecContext(ctx, "CALL p('x')")
	wantCode(t, err, "2D000")
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	_, err = tx.ExecContext(ctx, "CALL p($1)", "x")
	wantCode(t, err, "2D000")
	must(t, tx.Rollback())
	w.sees(t, sharedTenants, db)
}

func TestStatementsThatRefuseAPipeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, text := range []string{"VACUUM", "CREATE DATABASE never", "CREATE INDEX CONCURRENTLY never ON items (name)"} {
		for _, number := range []int{0, sharedTenants} {
			_, err := db.ExecContext(w.as(t, number), text)
			wantErr(t, err, postgres.ErrNeedsSystem)
			if err == nil || !strings.Contains(err.Error(), "System") {
				t.Errorf("%q does not say what to do", err)
			}
			wantErr(t, count(w.as(t, number), db, text), postgres.ErrNeedsSystem)
		}
	}
	_, err := db.ExecContext(system(t), "VACUUM")
	must(t, err)
	w.sees(t, 0, db)
}

func TestScriptsAreOneTransaction(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for number := range w.tenants {
		ctx := w.as(t, number)
		_, err := db.ExecContext(ctx, "INSERT INTO items (name) VALUES ('one'); INSERT INTO items (name) VALUES ('two'); SELECT 1/0")
		wantCode(t, err, "22012")
		w.sees(t, number, db)
		result, err := db.ExecContext(ctx, "INSERT INTO items (name) VALUES ('one'); DELETE FROM items WHERE name = 'one'")
		must(t, err)
		if n, _ := result.RowsAffected(); n != 1 {
			t.Errorf("%d rows affected", n)
		}
		w.sees(t, number, db)
		nothingStays(t, db)
	}
	_, err := db.ExecContext(w.as(t, 0), "SELECT 1; SELEC 2")
	if position := serverError(t, err).Position; position != 11 {
		t.Errorf("the error is said to be at %d", position)
	}
}

// TestEntsWithVar is pitfall 12: ent's session variables outlive a commit.
func TestEntsWithVar(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	driver := entsql.OpenDB(dialect.Postgres, db)
	ctx := entsql.WithVar(w.as(t, 0), "tenancy.tenant_id", string(w.tenants[1].ID)) //nolint:forbidigo // It is what must not work.
	var rows entsql.Rows
	wantErr(t, driver.Query(ctx, "SELECT 1", []any{}, &rows), postgres.ErrRefused)
	tx, err := driver.Tx(w.as(t, 0))
	must(t, err)
	wantErr(t, tx.Exec(ctx, "SELECT 1", []any{}, nil), postgres.ErrRefused)
	must(t, tx.Rollback())
	nothingStays(t, db)
	w.sees(t, 0, db)
}
