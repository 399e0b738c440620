package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// plainPool is a pool of stdlib connections, which know nothing of tenants.
func (w *world) plainPool(t *testing.T, mode pgx.QueryExecMode) *sql.DB {
	t.Helper()
	config := w.config(t)
	config.DefaultQueryExecMode = mode
	db := stdlib.OpenDB(*config)
	db.SetMaxOpenConns(1)
	t.Cleanup(func() { must(t, db.Close()) })
	return db
}

// allBack fails the test if a connection was not given back, or bears a trace of a tenant.
func allBack(t *testing.T, db *sql.DB) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	conn, err := db.Conn(ctx) // waits for database/sql to end what a context's end left
	if err != nil {
		t.Fatalf("no connection came back: %v", err)
	}
	must(t, conn.Close())
	if n := db.Stats().InUse; n != 0 {
		t.Fatalf("%d connections are in use", n)
	}
	nothingStays(t, db)
}

// read reads a column through an ent driver.
func read(ctx context.Context, on dialect.ExecQuerier, query string, args ...any) ([]string, error) {
	var rows entsql.Rows
	if err := on.Query(ctx, query, args, &rows); err != nil {
		return nil, err
	}
	found := []string{}
	err := entsql.ScanSlice(rows, &found)
	return found, errors.Join(err, rows.Close())
}

// drained reads and closes rows.
func drained(rows *sql.Rows, err error) error {
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
	}
	return rows.Err()
}

func TestTransactions(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, mode := range map[string]pgx.QueryExecMode{
		"extended protocol": pgx.QueryExecModeCacheStatement, "simple protocol": pgx.QueryExecModeSimpleProtocol,
	} {
		db := w.plainPool(t, mode)
		drv := postgres.Transactions(entsql.OpenDB(dialect.Postgres, db))
		for what, test := range map[string]func(*testing.T, *world, *postgres.TxDriver){
			"each sees its own":    txEachSeesItsOwn,
			"writes are committed": txWritesAreCommitted,
			"rows are left open":   txRowsAreLeftOpen,
			"errors":               txErrors,
			"commit fails":         txCommitFails,
			"refused":              txRefused,
			"scopes":               txScopes,
			"transactions":         txTransactions,
			"under driver.New":     txUnderDriverNew,
		} {
			t.Run(name+"/"+what, func(t *testing.T) {
				test(t, w, drv)
				allBack(t, db)
			})
		}
	}
}

func txEachSeesItsOwn(t *testing.T, w *world, drv *postgres.TxDriver) {
	for range 2 {
		for number, tenant := range w.tenants {
			found, err := read(w.as(t, number), drv, "SELECT name FROM items WHERE id > $1 AND name <> $2", 0, "new")
			must(t, err)
			if len(found) != w.rows(number) || slices.ContainsFunc(found, func(name string) bool { return name != string(tenant.ID) }) {
				t.Errorf("%s sees %q, want %d of its own", tenant, found, w.rows(number))
			}
		}
	}
}

func txWritesAreCommitted(t *testing.T, w *world, drv *postgres.TxDriver) {
	for number, tenant := range w.tenants {
		ctx := w.as(t, number)
		ids, err := read(ctx, drv, "INSERT INTO items (name) VALUES ('new'), ('new') RETURNING id::text")
		must(t, err)
		var result sql.Result
		must(t, drv.Exec(ctx, "UPDATE items SET name = 'new' WHERE name = $1", []any{"new"}, &result))
		if n, err := result.RowsAffected(); n != 2 || err != nil {
			t.Errorf("%s updates %d rows, %v; want 2", tenant, n, err)
		}
		result, err = drv.ExecContext(ctx, "DELETE FROM items WHERE name = 'new'")
		must(t, err)
		if n, err := result.RowsAffected(); n != 2 || len(ids) != 2 || err != nil {
			t.Errorf("%s deletes %d of %d rows, %v", tenant, n, len(ids), err)
		}
	}
}

// txRowsAreLeftOpen ends rows in every way but reading them to the end.
func txRowsAreLeftOpen(t *testing.T, w *world, drv *postgres.TxDriver) {
	open := func(ctx context.Context, query string) *entsql.Rows {
		rows := &entsql.Rows{}
		must(t, drv.Query(ctx, query, []any{}, rows))
		if !rows.Next() {
			t.Fatalf("no row: %v", rows.Err())
		}
		return rows
	}
	for number, tenant := range w.tenants {
		ctx := w.as(t, number)
		rows := open(ctx, "INSERT INTO items (name) VALUES ('new'), ('new') RETURNING id")
		must(t, rows.Close())
		must(t, rows.Close())
		if found, err := read(ctx, drv, "SELECT name FROM items WHERE name = 'new'"); len(found) != 2 || err != nil {
			t.Errorf("%s: closing rows early leaves %q, %v; want both", tenant, found, err)
		}
		must(t, drv.Exec(ctx, "DELETE FROM items WHERE name = 'new'", []any{}, nil))

		rows = open(ctx, "SELECT 1 / (3 - g) FROM generate_series(1, 5) AS g")
		for rows.Next() {
		}
		if err := rows.Err(); err == nil || !strings.Contains(err.Error(), "division by zero") {
			t.Errorf("%s: an error while reading: %v", tenant, err)
		}

		ended, cancel := context.WithCancel(ctx)
		rows = open(ended, "SELECT name FROM items")
		cancel()
		for rows.Next() {
		}
		_ = rows.Close()
	}
}

func txErrors(t *testing.T, w *world, drv *postgres.TxDriver) {
	for number := range w.tenants {
		ctx := w.as(t, number)
		if err := drv.Exec(ctx, "DELETE FROM nowhere", []any{}, nil); err == nil {
			t.Error("no error for a table that is not there")
		}
		if _, err := read(ctx, drv, "SELECT 1 / 0"); err == nil {
			t.Error("no error for a division by zero")
		}
		if err := drv.Query(ctx, "SELECT 1", []any{}, nil); err == nil {
			t.Error("no error for a query without rows")
		}
		ended, cancel := context.WithCancel(ctx)
		cancel()
		if err := drv.Exec(ended, "DELETE FROM items", []any{}, nil); !errors.Is(err, context.Canceled) {
			t.Errorf("after the context's end: %v", err)
		}
	}
}

// txCommitFails has a constraint that fails no sooner than COMMIT.
func txCommitFails(t *testing.T, w *world, drv *postgres.TxDriver) {
	number := len(w.tenants) - 1
	schema := quoted(w.tenants[number].Placement.Schema)
	run(t, w.owner, "ALTER TABLE "+schema+".items ADD CONSTRAINT once EXCLUDE (name WITH =) WHERE (name = 'twice') DEFERRABLE INITIALLY DEFERRED")
	defer run(t, w.owner, "ALTER TABLE "+schema+".items DROP CONSTRAINT once")
	const insert = "INSERT INTO items (name) VALUES ('twice'), ('twice') RETURNING name"
	ctx := w.as(t, number)
	if found, err := read(ctx, drv, insert); err == nil {
		t.Errorf("read to the end: %q and no error", found)
	}
	if err := drv.Exec(ctx, insert, []any{}, nil); err == nil {
		t.Error("executed: no error")
	}
	var rows entsql.Rows
	must(t, drv.Query(ctx, insert, []any{}, &rows))
	if err := rows.Close(); err == nil {
		t.Error("closed early: no error")
	}
}

func txRefused(t *testing.T, w *world, drv *postgres.TxDriver) {
	for _, query := range []string{
		"COMMIT", "SELECT 1; COMMIT; SELECT name FROM items", "/* a */ ROLLBACK", "SET search_path = public", "RESET ALL",
		"SET SESSION tenancy.tenant_id = 'other'", "COPY items TO STDOUT", "BEGIN", "PREPARE TRANSACTION 'a'",
	} {
		for number := range w.tenants {
			if err := drv.Exec(w.as(t, number), query, []any{}, nil); !errors.Is(err, postgres.ErrRefused) {
				t.Errorf("%q: %v", query, err)
			}
			if _, err := read(w.as(t, number), drv, query); !errors.Is(err, postgres.ErrRefused) {
				t.Errorf("%q as a query: %v", query, err)
			}
		}
	}
	for number := range w.tenants {
		if err := drained(drv.QueryContext(w.as(t, number), "SELECT 1")); !errors.Is(err, postgres.ErrNeedsTransaction) {
			t.Errorf("QueryContext: %v", err)
		}
	}
}

func txScopes(t *testing.T, _ *world, drv *postgres.TxDriver) {
	if err := drv.Exec(t.Context(), "DELETE FROM items", []any{}, nil); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("no tenant: %v", err)
	}
	if _, err := drv.Tx(t.Context()); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("no tenant in a transaction: %v", err)
	}
	for _, name := range []string{"", "public", "pg_temp", "$user", strings.Repeat("a", 64)} {
		bad := tenancy.Tenant{ID: "bad", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: name}}
		if _, err := read(tenancy.NewContext(t.Context(), bad), drv, "SELECT name FROM items"); !errors.Is(err, tenancy.ErrInvalidPlacement) {
			t.Errorf("schema %q: %v", name, err)
		}
	}
	if found, err := read(system(t), drv, "SELECT name FROM public.items"); err != nil || len(found) != 0 {
		t.Errorf("a System scope of a role behind row-level security sees %q, %v", found, err)
	}
	if err := drained(drv.QueryContext(system(t), "SELECT 1")); err != nil {
		t.Errorf("a System scope's QueryContext: %v", err)
	}
}

func txTransactions(t *testing.T, w *world, drv *postgres.TxDriver) {
	for number, tenant := range w.tenants {
		ctx, other := w.as(t, number), w.as(t, (number+1)%len(w.tenants))
		begun, err := drv.BeginTx(ctx, &sql.TxOptions{Isolation: sql.LevelSerializable})
		must(t, err)
		tx, ok := begun.(interface {
			dialect.Tx
			ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
			QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
		})
		if !ok {
			t.Fatalf("%T lacks what ent asks of a transaction", begun)
		}
		for _, query := range []string{"SAVEPOINT a", "INSERT INTO items (name) VALUES ('new')", "ROLLBACK TO SAVEPOINT a"} {
			_, err := tx.ExecContext(ctx, query)
			must(t, err)
		}
		if found, err := read(ctx, tx, "SELECT name FROM items"); len(found) != w.rows(number) || err != nil {
			t.Errorf("%s sees %d rows, %v", tenant, len(found), err)
		}
		for scope, want := range map[context.Context]error{other: tenancy.ErrCrossTenant, system(t): tenancy.ErrCrossTenant, t.Context(): tenancy.ErrNoTenant} {
			if err := tx.Exec(scope, "DELETE FROM items", []any{}, nil); !errors.Is(err, want) {
				t.Errorf("another scope in the transaction: %v, want %v", err, want)
			}
			if err := drained(tx.QueryContext(scope, "SELECT 1")); !errors.Is(err, want) {
				t.Errorf("another scope's QueryContext: %v, want %v", err, want)
			}
		}
		must(t, drained(tx.QueryContext(ctx, "SELECT name FROM items")))
		must(t, tx.Commit())
	}
}

// txUnderDriverNew takes a tenant's table away, of which public has one.
func txUnderDriverNew(t *testing.T, w *world, txs *postgres.TxDriver) {
	drv, err := driver.New(txs, driver.Config{})
	must(t, err)
	for number, tenant := range w.tenants {
		if found, err := read(w.as(t, number), drv, `SELECT name FROM "tenancy_tenant"."items"`); len(found) != w.rows(number) || err != nil {
			t.Errorf("%s sees %d rows, %v", tenant, len(found), err)
		}
	}
	number := len(w.tenants) - 1
	schema := quoted(w.tenants[number].Placement.Schema)
	run(t, w.owner, "ALTER TABLE "+schema+".items RENAME TO away")
	defer run(t, w.owner, "ALTER TABLE "+schema+".away RENAME TO items")
	if found, err := read(w.as(t, number), drv, "SELECT name FROM items"); !errors.Is(err, tenancy.ErrNotProvisioned) {
		t.Errorf("without a table: %q, %v", found, err)
	}
}
