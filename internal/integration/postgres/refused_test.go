package postgres_test

import (
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

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
		} {
			_, err := db.ExecContext(ctx, text)
			wantErr(t, err, postgres.ErrRefused)
			if err != nil && t.Failed() {
				t.Logf("text: %s", text)
			}
		}
		for _, text := range []string{"COMMIT", "SET x = 1", "CALL p()", "DO 'x'", "COPY items TO STDOUT", " ( COMMIT"} {
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
		"CREATE FUNCTION pg_temp.g() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$",
		"DO $$ BEGIN PERFORM 1; END $$", "SELECT CASE WHEN true THEN 1 END", "PREPARE p AS SELECT 1; DEALLOCATE p",
		`SELECT 1 AS ";COMMIT"`, "SELECT U&'\\0041;COMMIT'",
	} {
		if _, err := db.ExecContext(ctx, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	for _, text := range []string{
		"SET LOCAL statement_timeout = 1000", "SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK WORK TO SAVEPOINT a", "RELEASE a", "SET CONSTRAINTS ALL DEFERRED",
	} {
		if _, err := tx.ExecContext(ctx, text); err != nil {
			t.Errorf("%s: %v", text, err)
		}
	}
	must(t, count(ctx, tx, "SET LOCAL statement_timeout = 1000"))
	must(t, tx.Commit())
	nothingStays(t, db)
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
