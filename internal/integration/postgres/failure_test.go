package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgconn/ctxwatch"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestPipelineCloseErrorDropped is pitfall 2: a deferred constraint fails after
// the statement has succeeded, when its transaction ends.
func TestPipelineCloseErrorDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run(t, w.owner,
		"CREATE TABLE public.parents (id int PRIMARY KEY)",
		"CREATE TABLE public.children (id serial, parent int REFERENCES public.parents DEFERRABLE INITIALLY DEFERRED)",
		"GRANT ALL ON ALL TABLES IN SCHEMA public TO "+appRole(w), "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO "+appRole(w))
	const orphans = "INSERT INTO children (parent) SELECT $1::int FROM generate_series(1, 20) RETURNING id"
	for name, config := range map[string]postgres.Config{"named": {}, "unnamed": {Unnamed: true}} {
		t.Run(name, func(t *testing.T) {
			db := w.open(t, 1, config)
			ctx := w.as(t, 0)
			_, err := db.ExecContext(ctx, orphans, 1)
			wantCode(t, err, "23503")
			_, err = db.ExecContext(ctx, "INSERT INTO children (parent) VALUES (1)")
			wantCode(t, err, "23503")

			rows, err := db.QueryContext(ctx, orphans, 1)
			must(t, err)
			read := 0
			for rows.Next() {
				read++
			}
			wantCode(t, rows.Err(), "23503")
			_ = rows.Close() //nolint:sqlclosecheck // The connection is needed before the test is over.
			if read != 20 {
				t.Errorf("read %d rows", read)
			}

			rows, err = db.QueryContext(ctx, orphans, 1) //nolint:rowserrcheck // The error of Close is what is tested.
			must(t, err)
			rows.Next()
			wantCode(t, rows.Close(), "23503") //nolint:sqlclosecheck // As above.

			var id int
			wantCode(t, db.QueryRowContext(ctx, orphans, 1).Scan(&id), "23503")
			w.sees(t, 0, db)
			nothingStays(t, db)
		})
	}
}

// TestErrorAtSyncWhileAStatementIsEarned is the same with another transaction behind it.
func TestErrorAtSyncWhileAStatementIsEarned(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for number := sharedTenants; number < sharedTenants+2; number++ {
		schema := quoted(w.tenants[number].Placement.Schema)
		run(t, w.owner,
			"CREATE TABLE "+schema+".parents (id int PRIMARY KEY)",
			"CREATE TABLE "+schema+".children (parent int REFERENCES "+schema+".parents DEFERRABLE INITIALLY DEFERRED)",
			"GRANT ALL ON ALL TABLES IN SCHEMA "+schema+" TO "+appRole(w))
	}
	db := w.open(t, 1, postgres.Config{})
	for range 6 {
		for number := sharedTenants; number < sharedTenants+2; number++ {
			_, err := db.ExecContext(w.as(t, number), "INSERT INTO children VALUES ($1)", 1)
			wantCode(t, err, "23503")
			wantCode(t, count(w.as(t, number), db, "INSERT INTO children VALUES ($1) RETURNING parent", 1), "23503")
			w.sees(t, number, db)
		}
	}
	nothingStays(t, db)
}

// TestSetConfigReadyFlagAfterAFailedPipeline is pitfall 3: what a failed
// transaction has prepared stays prepared.
func TestSetConfigReadyFlagAfterAFailedPipeline(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, failing := range []string{"SELECT 1/$1::int", "SELECT nothing FROM nowhere WHERE $1 = 0", "SELECT $1 FROM", "INSERT INTO items (id, name) VALUES (1, 'x'), (1, $1::int::text)"} {
		db := w.open(t, 1, postgres.Config{})
		for range 3 {
			for number := range w.tenants[:sharedTenants+1] {
				if _, err := execZero(w.as(t, number), db, failing); err == nil && number < sharedTenants {
					t.Errorf("%s did not fail", failing)
				}
				w.sees(t, number, db)
			}
		}
		nothingStays(t, db)
	}
}

func execZero(ctx context.Context, db querier, query string) (int64, error) {
	result, err := db.ExecContext(ctx, query, 0)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// TestErrBadConnForBusy is pitfall 5. Called bad, the connection would be
// closed, and database/sql would wait for ever for the rows to end.
func TestErrBadConnForBusy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, ctx := range []context.Context{w.as(t, 0), w.as(t, sharedTenants), system(t)} {
		conn, err := db.Conn(ctx)
		must(t, err)
		rows, err := conn.QueryContext(ctx, "SELECT generate_series(1, $1::int)", 100_000)
		must(t, err)
		if !rows.Next() {
			t.Fatal(rows.Err())
		}
		_, err = names(ctx, conn)
		wantErr(t, err, postgres.ErrBusy)
		_, err = conn.ExecContext(ctx, "SELECT 1")
		wantErr(t, err, postgres.ErrBusy)
		_, err = conn.BeginTx(ctx, nil)
		wantErr(t, err, postgres.ErrBusy)
		wantErr(t, conn.PingContext(ctx), postgres.ErrBusy)
		must(t, rows.Close()) //nolint:sqlclosecheck // The connection is needed before the test is over.
		_, err = names(ctx, conn)
		must(t, err)
		must(t, conn.Close())
	}
}

// TestBusyAndDead is the worse case: the server is gone while rows are open.
func TestBusyAndDead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, ctx := range []context.Context{w.as(t, 0), system(t)} {
		conn, err := db.Conn(ctx)
		must(t, err)
		rows, err := conn.QueryContext(ctx, "SELECT repeat('x', 1000), pg_backend_pid() FROM generate_series(1, $1::int)", 1_000_000) //nolint:rowserrcheck // They end badly.
		must(t, err)
		rows.Next()
		var text string
		var pid int
		must(t, rows.Scan(&text, &pid))
		w.kill(t, pid)
		must(t, conn.Raw(func(driverConn any) error { // as pgx does when it comes to the point where the rows break off
			lender, ok := driverConn.(interface{ Conn() *pgx.Conn })
			if !ok {
				return errors.New("it has no method Conn")
			}
			_ = lender.Conn().PgConn().Close(ctx)
			return nil
		}))
		_, err = conn.ExecContext(ctx, "SELECT 1")
		wantErr(t, err, postgres.ErrBusy)
		_ = rows.Close() //nolint:sqlclosecheck // The connection is needed before the test is over.
		if rows.Next() {
			t.Error("there are rows of a dead connection")
		}
		_ = conn.Close()
		w.sees(t, 0, db)
	}
}

// kill ends server processes of the application's role, all of them if none is named.
func (w *world) kill(tb testing.TB, pids ...int) {
	tb.Helper()
	filter := "true"
	if len(pids) > 0 {
		filter = fmt.Sprintf("pid = %d", pids[0])
	}
	run(tb, w.admin, fmt.Sprintf("SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '%s' AND %s", appRole(w), filter))
}

func TestDeadPooledConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, config := range map[string]postgres.Config{"lazy": {}, "eager": {EagerBegin: true}, "unnamed": {Unnamed: true}} {
		t.Run(name, func(t *testing.T) {
			db := openConfig(t, 2, w.config(t), config) // not counted: the socket itself can be looked at
			for _, number := range []int{0, sharedTenants} {
				ctx := w.as(t, number)
				for what, use := range map[string]func(){
					"query": func() { w.sees(t, number, db) },
					"exec":  func() { _, err := db.ExecContext(ctx, "UPDATE items SET name = name WHERE id = $1", 1); must(t, err) },
					"text":  func() { _, err := db.ExecContext(ctx, "UPDATE items SET name = name"); must(t, err) },
					"transaction": func() {
						tx, err := db.BeginTx(ctx, nil)
						must(t, err)
						w.sees(t, number, tx) //nolint:contextcheck // It makes the same one.
						must(t, tx.Commit())
					},
					"System": func() { _, err := names(system(t), db); must(t, err) },
				} {
					fill(ctx, t, db)
					w.kill(t)
					if use(); t.Failed() {
						t.Fatalf("%s failed on a connection that was dead before", what)
					}
				}
			}
		})
	}
}

// TestDeadConnectionIsToldByItsFarewell is what helps where the socket cannot
// be looked at: the server's last words come instead of the first answer.
func TestDeadConnectionIsToldByItsFarewell(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 2, postgres.Config{EagerBegin: true})
	ctx := w.as(t, sharedTenants)
	for what, use := range map[string]func(){
		"query": func() { w.sees(t, sharedTenants, db) },
		"exec":  func() { _, err := db.ExecContext(ctx, "UPDATE items SET name = name WHERE id = $1", 1); must(t, err) },
		"text":  func() { _, err := db.ExecContext(ctx, "UPDATE items SET name = name"); must(t, err) },
		"begin": func() { tx, err := db.BeginTx(ctx, nil); must(t, err); must(t, tx.Rollback()) },
	} {
		for range 2 {
			fill(ctx, t, db)
			w.kill(t)
			if use(); t.Failed() {
				t.Fatalf("%s failed on a connection that was dead before", what)
			}
		}
	}
}

// fill opens as many connections as the pool may have, and uses them.
func fill(ctx context.Context, tb testing.TB, db *sql.DB) {
	tb.Helper()
	var conns []*sql.Conn
	for range db.Stats().MaxOpenConnections {
		conn, err := db.Conn(ctx)
		must(tb, err)
		conns = append(conns, conn)
		_, err = names(ctx, conn)
		must(tb, err)
		_, err = conn.ExecContext(ctx, "UPDATE items SET name = name WHERE id = $1", 1)
		must(tb, err)
	}
	for _, conn := range conns {
		must(tb, conn.Close())
	}
}

// TestNeverRetriedInTheMiddle shows that a statement whose connection is lost
// while it runs is not run a second time.
func TestNeverRetriedInTheMiddle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := w.as(t, 0)
	_, err := db.ExecContext(ctx, "INSERT INTO items (name) SELECT $1 FROM pg_terminate_backend(pg_backend_pid()), pg_sleep(1)", "twice")
	if err == nil || errors.Is(err, driver.ErrBadConn) {
		t.Errorf("got %v", err)
	}
	wantCode(t, err, "57P01")
	w.sees(t, 0, db)
}

func TestCancellation(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	polite := w.config(t)
	polite.BuildContextWatcherHandler = func(conn *pgconn.PgConn) ctxwatch.Handler {
		return &pgconn.CancelRequestContextWatcherHandler{Conn: conn, DeadlineDelay: 5 * time.Second}
	}
	for name, config := range map[string]*pgx.ConnConfig{"deadline": w.config(t), "cancel request": polite} {
		t.Run(name, func(t *testing.T) {
			db := openConfig(t, 1, config, postgres.Config{})
			for number := range w.tenants {
				for _, end := range []func(ctx context.Context) error{
					func(ctx context.Context) error {
						_, err := db.ExecContext(ctx, "SELECT pg_sleep($1)", 10)
						return err
					},
					func(ctx context.Context) error { _, err := db.ExecContext(ctx, "SELECT pg_sleep(10)"); return err },
					func(ctx context.Context) error {
						return count(ctx, db, "SELECT pg_sleep(x) FROM generate_series(0, $1::int) x", 10)
					},
				} {
					ctx, cancel := context.WithTimeout(w.as(t, number), 30*time.Millisecond)
					if name == "deadline" {
						wantErr(t, end(ctx), context.DeadlineExceeded)
					} else if err := end(ctx); !errors.Is(err, context.DeadlineExceeded) { // which database/sql may find first
						wantCode(t, err, "57014")
					}
					cancel()
					w.sees(t, number, db)
				}
			}
			nothingStays(t, db)
		})
	}
}

// count reads all rows of a query.
func count(ctx context.Context, db querier, query string, args ...any) error {
	rows, err := db.QueryContext(ctx, query, args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		continue // only the end matters
	}
	return rows.Err()
}

func TestRowsClosedEarly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	w.sees(t, 0, db)
	before := w.dials.Load()
	for number := range w.tenants {
		rows, err := db.QueryContext(w.as(t, number), "SELECT * FROM items, generate_series(1, $1::int)", 10_000)
		must(t, err)
		rows.Next()
		must(t, rows.Close()) //nolint:sqlclosecheck // The connection is needed before the test is over.
		must(t, rows.Err())
		w.sees(t, number, db)
	}
	if w.dials.Load() != before {
		t.Error("closing rows early cost the connection")
	}
}

func TestTwoTenantsRowsAtOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, len(w.tenants), postgres.Config{})
	var all []*sql.Rows
	for number := range w.tenants {
		rows, err := db.QueryContext(w.as(t, number), itemsOf, 0) //nolint:rowserrcheck,sqlclosecheck // They are, below.
		must(t, err)
		all = append(all, rows)
	}
	for range 3 {
		for number, rows := range all {
			var name string
			if !rows.Next() {
				t.Fatal(rows.Err())
			}
			must(t, rows.Scan(&name))
			if name != string(w.tenants[number].ID) {
				t.Errorf("%s got a row of %s", w.tenants[number], name)
			}
		}
	}
	for _, rows := range all {
		must(t, rows.Close())
		must(t, rows.Err())
	}
}

// TestErrorsKeepSecrets looks for argument values and addresses in messages.
func TestErrorsKeepSecrets(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	type card struct{ Number string }
	for _, err := range []error{
		count(w.as(t, 0), db, "SELECT $1::int", card{"4111-1111"}),
		count(w.as(t, 0), db, "SELECT $1::int", 1, "4111-1111"),
		count(w.as(t, 0), w.open(t, 1, postgres.Config{Unnamed: true}), "SELECT $1", card{"4111-1111"}),
	} {
		if err == nil {
			t.Error("it did not fail")
		} else if strings.Contains(err.Error(), "4111") {
			t.Errorf("an argument is in %q", err)
		}
	}
	_, err := names(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "x", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "pg_x"}}), db)
	wantErr(t, err, tenancy.ErrInvalidPlacement)
}
