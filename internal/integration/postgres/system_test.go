package postgres_test

import (
	"context"
	"testing"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestWhatSystemLeaves has a System scope send what is refused to tenants, because
// it stays on the connection. The next tenant must not find it.
func TestWhatSystemLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	path := "SET search_path = " + quoted(w.tenants[sharedTenants].Placement.Schema)
	for _, text := range []string{
		path, "SELECT 1; " + path, "SET tenancy.tenant_id = 'x'", "RESET search_path", "SELECT set_config('search_path', 'pg_catalog', false)",
		"UPDATE pg_settings SET setting = 'pg_catalog' WHERE name = 'search_path'", "CREATE TEMP TABLE items (name text, id bigint)",
		"CREATE TABLE pg_temp.items (name text, id bigint)", "SELECT 'x' AS name, 1::bigint AS id INTO TEMP items", "CREATE TEMP VIEW items AS SELECT 'x' AS name, 1 AS id",
		"LISTEN orders", "PREPARE p AS SELECT 1", "DECLARE c CURSOR WITH HOLD FOR SELECT 1", "DEALLOCATE ALL", "DISCARD ALL",
		`UPDATE "pg_settings" SET setting = 'pg_catalog' WHERE name = 'search_path'`, `SELECT U&"set\005fconfig"('search_path', 'pg_catalog', false)`, "SELECT E'a'\n'\\''; SET search_path = pg_catalog; --'",
		"BEGIN; SET LOCAL search_path = pg_temp; CREATE TABLE items (name text, id bigint); COMMIT", "SELECT 'x' AS name, 1::bigint AS id iNTO TEMP items", "SET transaction.a = 'b'",
		"WITH q AS (SELECT 'x' AS name, 1::bigint AS id, 1 AS insert) SELECT name, id, insert INTO TEMP items FROM q",
		"SELECT set_config('search_path', 'pg_' || 'temp', true); CREATE TABLE items (name text, id bigint)",
	} {
		before := backend(w.as(t, 0), t, db)
		_, err := db.ExecContext(system(t), text)
		must(t, err)
		if backend(w.as(t, 0), t, db) == before {
			t.Errorf("%s: its connection serves tenants", text)
		}
		w.sees(t, 0, db)
		nothingStays(t, db)

		before = backend(w.as(t, 0), t, db)
		_ = count(system(t), db, text) // as a query, which some cannot be
		if backend(w.as(t, 0), t, db) == before {
			t.Errorf("%s as a query: its connection serves tenants", text)
		}
	}
}

// TestWhatSystemHolds goes on with what it has left, as long as it has the connection.
func TestWhatSystemHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := system(t)
	hold := func(on querier) (process int) {
		t.Helper()
		process = backend(ctx, t, on)
		for _, text := range []string{"SET a.b = 'c'", "CREATE TEMP TABLE items (name text)", "INSERT INTO items VALUES ('x')", "LISTEN orders", "SELECT pg_advisory_lock(1)"} {
			_, err := on.ExecContext(ctx, text)
			must(t, err)
		}
		if set := one[string](ctx, t, on, "SELECT current_setting('a.b') || name FROM items"); set != "cx" || backend(ctx, t, on) != process {
			t.Errorf("it has %q", set)
		}
		return process
	}
	conn, err := db.Conn(ctx)
	must(t, err)
	first := hold(conn)
	must(t, conn.Close())
	w.sees(t, 0, db)
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	second := hold(tx)
	must(t, tx.Commit())
	w.sees(t, 0, db)
	if now := backend(ctx, t, db); first == second || second == now {
		t.Error("a connection on which something was left serves others")
	}
}

// TestTenantBehindWhatSystemHolds has a tenant use the connection while it is held.
func TestTenantBehindWhatSystemHolds(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	conn, err := db.Conn(system(t))
	must(t, err)
	w.sees(t, sharedTenants, conn)
	_, err = conn.ExecContext(system(t), "CREATE TEMP TABLE items (name text)")
	must(t, err)
	for _, number := range []int{0, sharedTenants} {
		ctx := w.as(t, number)
		_, err = conn.ExecContext(ctx, "INSERT INTO items (name) VALUES ($1)", "x")
		wantErr(t, err, postgres.ErrRefused)
		wantErr(t, count(ctx, conn, "SELECT name FROM items"), postgres.ErrRefused)
		_, err = conn.BeginTx(ctx, nil)
		wantErr(t, err, postgres.ErrRefused)
		wantErr(t, postgres.Raw(ctx, conn, func(*pgx.Conn) error { return nil }), postgres.ErrRefused)
	}
	if got := one[int](system(t), t, conn, "SELECT count(*) FROM pg_temp.items"); got != 0 {
		t.Errorf("the temporary table has %d rows", got)
	}
	must(t, conn.Close())
	w.sees(t, sharedTenants, db)
}

// TestSystemKeepsItsConnection sends what leaves nothing behind.
func TestSystemKeepsItsConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := system(t)
	before := backend(ctx, t, db)
	schema := quoted(w.tenants[sharedTenants].Placement.Schema)
	for _, text := range []string{
		"SELECT 1", "BEGIN; SET LOCAL search_path = pg_catalog, public, pg_temp; SET LOCAL search_path = pg_catalog; SET CONSTRAINTS ALL DEFERRED; COMMIT", "SELECT set_config('search_path', 'pg_catalog', true), set_config('tenancy.tenant_id', 'x', true)",
		"CREATE TABLE " + schema + ".more (id int); ALTER TABLE " + schema + ".more ADD name text; CREATE INDEX ON " + schema + ".more (name); DROP TABLE " + schema + ".more",
		"CREATE FUNCTION " + schema + ".f() RETURNS int LANGUAGE sql SET search_path = pg_catalog, pg_temp AS 'SELECT 1'", "DO $$ BEGIN SET LOCAL a.b = 'c'; END $$",
		"SELECT pg_advisory_lock(1)", "SELECT pg_advisory_unlock(1)", "CREATE TEMP TABLE t (id int) ON COMMIT DROP", "UPDATE " + schema + ".items SET name = 'SET a.b = c'", "UNLISTEN *",
	} {
		_, err := db.ExecContext(ctx, text)
		must(t, err)
		must(t, count(ctx, db, "SELECT set_config($1, $2, true)", "a.b", "c"))
		if backend(ctx, t, db) != before {
			t.Fatalf("%s: its connection was closed", text)
		}
	}
	if dials := w.dials.Load(); dials != 1 {
		t.Errorf("%d connections were opened, want 1", dials)
	}
}

// backend is the server's process of the connection.
func backend(ctx context.Context, tb testing.TB, db querier) int {
	tb.Helper()
	return one[int](ctx, tb, db, "SELECT pg_backend_pid()")
}
