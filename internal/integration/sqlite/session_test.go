package sqlite_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
)

// session is what begins or ends a transaction, or would stay on the connection.
func session() []string {
	return []string{
		"BEGIN", "begin immediate", "BEGIN EXCLUSIVE TRANSACTION", "COMMIT", "commit transaction", "END", "END TRANSACTION", "ROLLBACK",
		"rollback transaction;", "PRAGMA foreign_keys = off", "pragma Foreign_Keys=0", "PRAGMA foreign_keys(0)", "PRAGMA main.foreign_keys = 0",
		"PRAGMA \"foreign_keys\" = 0", "PRAGMA [main].[foreign_keys] (0)", "PRAGMA 'foreign_keys' = 0", "PRAGMA busy_timeout = 1",
		"PRAGMA writable_schema = 1", "PRAGMA query_only = 1", "PRAGMA case_sensitive_like = 1", "PRAGMA journal_mode = DELETE",
		"CREATE TEMP TABLE memos (id)", "create temporary view memos as select 1", "CREATE TABLE temp.memos (id)", "CREATE TABLE IF NOT EXISTS temp . memos (id)",
		"CREATE TABLE \"temp\".memos (id)", "CREATE VIRTUAL TABLE IF NOT EXISTS [temp].x USING fts5(a)", "CREATE TRIGGER `temp`.a AFTER INSERT ON memos BEGIN SELECT 1; END",
		"CREATE UNIQUE INDEX 'temp'.i ON memos (id)",
		"EXPLAIN PRAGMA foreign_keys = 0", "EXPLAIN QUERY PLAN PRAGMA foreign_keys = 0",
		"-- a\n\tCOMMIT", "/* a */ COMMIT", ";COMMIT", "\ufeffCOMMIT", "SELECT ';'; COMMIT",
		"CREATE TRIGGER a AFTER INSERT ON memos BEGIN SELECT 1; END; COMMIT", "CREATE TRIGGER a AFTER INSERT ON memos BEGIN SELECT 1; END; END",
		"CREATE TABLE trigger (id); END", "CREATE INDEX trigger ON memos (id); END", "SELECT $a('); COMMIT; --')",
		"SELECT @a::b('); COMMIT; --')", "SELECT :a('); COMMIT; --')", "SELECT #a('); COMMIT; --')",
	}
}

func TestSessionIsRefused(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.Create().SetText("undone").Exec(ctx))
		for _, query := range session() {
			if _, err := tx.ExecContext(ctx, query); !errors.Is(err, sqlite.ErrRefused) {
				t.Errorf("%s, %q in a transaction: %v", tenant, query, err)
			}
		}
		must(t, tx.Rollback())
		conn, err := w.drv.Conn(ctx)
		must(t, err)
		for _, query := range append(session(), "SAVEPOINT a", "PRAGMA defer_foreign_keys = 1") {
			if _, err := w.client.ExecContext(ctx, query); !errors.Is(err, sqlite.ErrRefused) {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
			if _, err := column(w.client.QueryContext(ctx, query)); !errors.Is(err, sqlite.ErrRefused) {
				t.Errorf("%s, %q as a query: %v", tenant, query, err)
			}
			if _, err := conn.PrepareContext(ctx, query); !errors.Is(err, sqlite.ErrRefused) { //nolint:sqlclosecheck // there is none
				t.Errorf("%s, %q prepared: %v", tenant, query, err)
			}
		}
		must(t, conn.Close())
		if n := w.client.Memo.Query().CountX(ctx); n != 0 {
			t.Errorf("%s has %d memos", tenant, n)
		}
	}
}

// TestNotSession sends what looks like a refused statement and is none.
func TestNotSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.Tx(ctx)
		must(t, err)
		for _, query := range []string{
			"SAVEPOINT a", "ROLLBACK TO a", "ROLLBACK TRANSACTION TO SAVEPOINT a", "RELEASE a", "SAVEPOINT b", "RELEASE SAVEPOINT b",
			"PRAGMA defer_foreign_keys = 1", "PRAGMA foreign_keys",
		} {
			if _, err := tx.ExecContext(ctx, query); err != nil {
				t.Errorf("%s, %q in a transaction: %v", tenant, query, err)
			}
		}
		must(t, tx.Rollback())
		for _, query := range []string{
			"PRAGMA foreign_keys", "PRAGMA main.journal_mode;", "PRAGMA table_info(memos)", "PRAGMA main.index_list('memos')",
			"PRAGMA foreign_key_check", "PRAGMA integrity_check(1)", "PRAGMA user_version = 2", "PRAGMA main.wal_checkpoint(PASSIVE)",
			"SELECT 'BEGIN; COMMIT', \";COMMIT\", 1 AS [;END] /* ; COMMIT */ -- ; COMMIT", "EXPLAIN SELECT CASE 1 WHEN 1 THEN 2 END",
			"CREATE TRIGGER a AFTER INSERT ON memos BEGIN UPDATE memos SET text = ''; SELECT 1; END; DROP TRIGGER a",
			"CREATE TABLE temp (temporary TEXT)", "CREATE VIEW temporary AS SELECT \"temp\".\"temporary\" FROM temp", "CREATE INDEX main.i ON temp (\"temporary\")", "DROP VIEW temporary", "DROP TABLE temp",
		} {
			if _, err := w.client.ExecContext(ctx, query); err != nil {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
		}
	}
}

// TestSystemScopeMaySetTheSession has a System scope in the home of tenants, on
// the connection of tenants.
func TestSystemScopeMaySetTheSession(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, drv := w.onOneConnection(t)
	for _, query := range []string{
		"BEGIN", "COMMIT", "BEGIN IMMEDIATE", "END", "BEGIN", "ROLLBACK", "SAVEPOINT a", "RELEASE a", "PRAGMA foreign_keys = off", "PRAGMA foreign_keys = on",
	} {
		if _, err := client.ExecContext(system(t), query); err != nil {
			t.Errorf("%q: %v", query, err)
		}
	}
	tenants, _, err := driver.SplitTables(migrate.Tables, migrate.Tenancy)
	must(t, err)
	must(t, migrate.Create(system(t), migrate.NewSchema(drv), tenants))
}

// TestNothingStaysOnTheConnection has one tenant try to leave something on the
// connection on which another writes, and to undo what that has written.
func TestNothingStaysOnTheConnection(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, _ := w.onOneConnection(t)
	a, b := as(t, w.shared), as(t, tenancy.Tenant{ID: "other", Isolation: tenancy.IsolationShared})
	for _, step := range [][2]string{{"BEGIN", "ROLLBACK"}, {"SAVEPOINT a", "ROLLBACK TO a"}, {"PRAGMA foreign_keys = off", "COMMIT"}} {
		if _, err := client.ExecContext(a, step[0]); !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s: %v", step[0], err)
		}
		must(t, client.Memo.Create().SetText(step[0]).Exec(b))
		if on, err := column(client.QueryContext(b, "PRAGMA foreign_keys")); err != nil || !slices.Equal(on, []string{"1"}) {
			t.Errorf("after %s foreign keys are off: %q, %v", step[0], on, err)
		}
		if _, err := client.ExecContext(a, step[1]); err == nil {
			t.Errorf("%s: no error", step[1])
		}
		if texts := names(t, plain(t, w.config.Home), "SELECT text FROM memos"); !slices.Equal(texts, []string{step[0]}) {
			t.Errorf("after %s and %s the home has %q", step[0], step[1], texts)
		}
		_, err := client.Memo.Delete().Exec(b)
		must(t, err)
	}
}

// TestWhatSystemLeaves has a System scope make a table that would hide one of tenants.
func TestWhatSystemLeaves(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, drv := w.onOneConnection(t)
	ctx := as(t, w.shared)
	memos := func() []string {
		t.Helper()
		found, err := column(drv.QueryContext(ctx, "SELECT text FROM memos"))
		must(t, err)
		return found
	}
	for _, query := range []string{
		"CREATE TEMP TABLE memos AS SELECT 'hidden' AS text", "SELECT 1; CREATE TEMPORARY VIEW memos AS SELECT 'hidden' AS text", "CREATE TABLE temp.memos AS SELECT 'hidden' AS text",
	} {
		tx, err := drv.Tx(system(t))
		must(t, err)
		must(t, tx.Exec(system(t), query, []any{}, nil))
		found, err := column(tx.(*driver.Tx).QueryContext(system(t), "SELECT text FROM memos")) //nolint:forcetypeassert // it is what Tx returns
		must(t, err)
		must(t, tx.Commit())
		if !slices.Equal(found, []string{"hidden"}) {
			t.Errorf("%s: the scope finds %q of what it has made", query, found)
		}
		if found := memos(); len(found) > 0 {
			t.Errorf("%s: a tenant finds %q", query, found)
		}
		_, err = drv.ExecContext(system(t), query)
		must(t, err)
		if found := memos(); len(found) > 0 {
			t.Errorf("%s outside of a transaction: a tenant finds %q", query, found)
		}
	}
}

// TestWhatSystemLeavesIsForNoTenant has a System scope make a temporary table on a
// connection that tenants use after it.
func TestWhatSystemLeavesIsForNoTenant(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	_, drv := w.onOneConnection(t)
	a, sys := as(t, w.shared), system(t)
	conn, err := drv.Conn(a)
	must(t, err)
	prepared, err := conn.PrepareContext(a, "SELECT text FROM memos")
	must(t, err)
	_, err = conn.ExecContext(sys, "CREATE TEMP TABLE memos (id int, text text)")
	must(t, err)
	const write = "INSERT INTO memos VALUES (1, 'a secret')"
	_, executed := conn.ExecContext(a, write)
	_, queried := column(conn.QueryContext(a, "SELECT text FROM memos"))
	begun, begins := conn.BeginTx(a, nil)
	if begins == nil {
		must(t, begun.Rollback())
	}
	_, before := column(prepared.QueryContext(a))
	_, now := conn.PrepareContext(a, "SELECT 1") //nolint:sqlclosecheck // there is none
	raw := conn.Raw(func(inner any) error {
		_, err := inner.(sqldriver.ExecerContext).ExecContext(a, write, nil) //nolint:forcetypeassert // the guard's
		return err
	})
	tx, err := conn.BeginTx(sys, nil)
	must(t, err)
	_, within := tx.ExecContext(a, write)
	for what, err := range map[string]error{
		"a statement": executed, "a query": queried, "a transaction": begins, "what was prepared before": before,
		"what is prepared now": now, "in Raw": raw, "in a transaction of a System scope": within,
	} {
		if !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
	}
	found, err := column(tx.QueryContext(sys, "SELECT text FROM memos"))
	if err != nil || len(found) > 0 {
		t.Errorf("tenants have written %q, %v", found, err)
	}
	must(t, errors.Join(tx.Commit(), prepared.Close(), conn.Close())) //nolint:sqlclosecheck // one after the other
	_, err = column(drv.QueryContext(a, "SELECT text FROM memos"))
	must(t, err)
}

// onOneConnection returns a client that has one connection to the home, for all scopes.
func (w *world) onOneConnection(t *testing.T) (*ent.Client, *driver.Driver) {
	t.Helper()
	home := pool(w.files.Home())
	home.DB().SetMaxOpenConns(1)
	drv, err := driver.New(home, driver.Config{})
	must(t, err)
	t.Cleanup(func() { must(t, drv.Close()) })
	return ent.NewClient(ent.TenancyDriver(drv)), drv
}

// TestPreparedIsRefusedWhenItIsRun prepares what may be run, and runs it where it may not.
func TestPreparedIsRefusedWhenItIsRun(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	client, drv := w.onOneConnection(t)
	ctx := as(t, w.shared)
	conn, err := drv.Conn(ctx)
	must(t, err)
	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	begins, err := conn.PrepareContext(ctx, "SAVEPOINT a") //nolint:sqlclosecheck // closed below
	must(t, err)
	sets, err := conn.PrepareContext(system(t), "PRAGMA foreign_keys = off") //nolint:sqlclosecheck // closed below
	must(t, err)
	must(t, tx.Commit())
	for what, statement := range map[string]*sql.Stmt{"a savepoint outside of a transaction": begins, "a PRAGMA that a System scope has prepared": sets} {
		if _, err := statement.ExecContext(ctx); !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s: %v", what, err)
		}
		if _, err := column(statement.QueryContext(ctx)); !errors.Is(err, sqlite.ErrRefused) {
			t.Errorf("%s, as a query: %v", what, err)
		}
		must(t, statement.Close())
	}
	must(t, conn.Close())
	must(t, client.Memo.Create().SetText("kept").Exec(ctx))
	if texts := names(t, plain(t, w.config.Home), "SELECT text FROM memos"); !slices.Equal(texts, []string{"kept"}) {
		t.Errorf("the home has %q", texts)
	}
}
