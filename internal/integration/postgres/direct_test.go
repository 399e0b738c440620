package postgres_test

import (
	"bytes"
	"context"
	"database/sql"
	"database/sql/driver"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestSettingsGoWithTheirStatementOnly has pgx refuse a statement after the
// tenant's settings were put into its buffer. They must not go with what another
// sends next on the connection.
func TestSettingsGoWithTheirStatementOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, number := range []int{0, sharedTenants} {
		for range 3 { // prepares all that is needed
			w.sees(t, number, db)
		}
		conn, err := db.Conn(t.Context())
		must(t, err)
		over, cancel := context.WithCancel(w.as(t, number))
		cancel()
		must(t, conn.Raw(func(driverConn any) error { // past database/sql, which looks at the context
			on, ok := driverConn.(driver.QueryerContext)
			if !ok {
				t.Fatalf("a %T has no QueryContext", driverConn)
			}
			_, err := on.QueryContext(over, itemsOf, []driver.NamedValue{{Ordinal: 1, Value: int64(0)}})
			wantErr(t, err, context.Canceled)
			return nil
		}))
		var set, path string
		must(t, conn.QueryRowContext(system(t), "SELECT coalesce(current_setting($1, true), ''), current_setting('search_path')", postgres.Setting).Scan(&set, &path))
		if set != "" || strings.Contains(path, "nant") {
			t.Errorf("a System scope runs with the tenant %q and the path %q of a statement that was not sent", set, path)
		}
		w.sees(t, 1, conn)
		must(t, conn.Close())
	}
}

// TestTenantIsConfirmed has a proxy answer that another tenant was set. No row
// may be given out, and the connection may not be used again.
func TestTenantIsConfirmed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config := w.config(t)
	var lie atomic.Bool
	var dials atomic.Int64
	dial := config.DialFunc
	config.DialFunc = func(ctx context.Context, network, address string) (net.Conn, error) {
		dials.Add(1)
		conn, err := dial(ctx, network, address)
		return &liar{conn, &lie}, err
	}
	db := openConfig(t, 1, config, postgres.Config{})
	for range 3 {
		w.sees(t, sharedTenants, db)
	}
	lie.Store(true)
	if got, err := names(w.as(t, sharedTenants), db); err == nil || len(got) > 0 || !strings.Contains(err.Error(), "did not confirm") {
		t.Errorf("got %d rows and %v where another tenant was set", len(got), err)
	}
	lie.Store(false)
	before := dials.Load()
	w.sees(t, sharedTenants, db)
	if dials.Load() == before {
		t.Error("the connection was used again")
	}
}

// liar changes one tenant's id into another's in what the server says.
type liar struct {
	net.Conn
	lie *atomic.Bool
}

func (l *liar) Read(b []byte) (int, error) {
	n, err := l.Conn.Read(b)
	if l.lie.Load() {
		copy(b[:n], bytes.ReplaceAll(b[:n], []byte("schema-2"), []byte("schema-3")))
	}
	return n, err
}

// TestResultsOfEveryKind runs statements that answer in different ways, warm, in
// turns: each answer is the statement's own, and the connection goes on.
func TestResultsOfEveryKind(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	rows := func(on querier, number int, query string, want int) {
		t.Helper()
		got, err := on.QueryContext(w.as(t, number), query, 1)
		must(t, err)
		defer got.Close()
		n := 0
		for got.Next() {
			n++
		}
		must(t, got.Err())
		if n != want {
			t.Errorf("%s: %d rows, want %d", query, n, want)
		}
	}
	all := func(on querier, number int) {
		rows(on, number, "SELECT 1 FROM generate_series(1, 5) WHERE $1 = 1", 5)
		rows(on, number, "SELECT 1 WHERE $1 = 2", 0)
		rows(on, number, "SELECT FROM generate_series(1, 3) WHERE $1 = 1", 3) // rows without columns
		rows(on, number, "UPDATE items SET name = name WHERE id + 1 = $1", 0)
		result, err := on.ExecContext(w.as(t, number), "UPDATE items SET name = name WHERE $1 = 1", 1)
		must(t, err)
		if n, _ := result.RowsAffected(); n != int64(w.rows(number)) {
			t.Errorf("%d rows were changed, want %d", n, w.rows(number))
		}
		_, err = on.ExecContext(w.as(t, number), "SELECT $1::int", 1) // rows that nobody reads
		must(t, err)
		must(t, on.QueryRowContext(w.as(t, number), "SELECT $1::int FROM generate_series(1, 2000)", 1).Scan(new(int)))
	}
	for range 3 {
		for _, number := range []int{0, 1, sharedTenants, sharedTenants + 1} {
			all(db, number)
			_, err := db.ExecContext(w.as(t, number), "SELECT 1 / ($1::int - 1)", 1)
			wantCode(t, err, "22012")
			rows(db, number, "SELECT 1 FROM generate_series(1, 5) WHERE $1 = 1", 5)
			tx, err := db.BeginTx(w.as(t, number), &sql.TxOptions{})
			must(t, err)
			all(tx, number)
			must(t, tx.Commit())
		}
	}
}
