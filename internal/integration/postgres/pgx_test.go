package postgres_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// recorder is a tracer that remembers.
type recorder struct {
	mu     sync.Mutex
	starts []string
	ends   []string
	names  []string // of prepared statements
}

func (r *recorder) TracePrepareStart(ctx context.Context, _ *pgx.Conn, data pgx.TracePrepareStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.names = append(r.names, data.Name)
	return ctx
}

func (r *recorder) TracePrepareEnd(context.Context, *pgx.Conn, pgx.TracePrepareEndData) {}

type tracedKey struct{}

func (r *recorder) TraceQueryStart(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryStartData) context.Context {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.starts = append(r.starts, data.SQL)
	return context.WithValue(ctx, tracedKey{}, data.SQL)
}

func (r *recorder) TraceQueryEnd(ctx context.Context, _ *pgx.Conn, data pgx.TraceQueryEndData) {
	r.mu.Lock()
	defer r.mu.Unlock()
	text, _ := ctx.Value(tracedKey{}).(string)
	if data.Err != nil {
		text += " failed"
	} else {
		text += " " + data.CommandTag.String()
	}
	r.ends = append(r.ends, text)
}

// TestQueryTracerOnThePipelinePath is pitfall 9.
func TestQueryTracerOnThePipelinePath(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	config, seen := w.config(t), &recorder{}
	config.Tracer = seen
	db := openConfig(t, 1, config, postgres.Config{})
	ctx := w.as(t, 0)
	must(t, count(ctx, db, "SELECT 1 WHERE $1 = 1", 1))
	must(t, count(ctx, db, "SELECT 2 WHERE $1 = 1", 2))
	must(t, db.QueryRowContext(ctx, "SELECT $1::int + generate_series(1, 9)", 2).Scan(new(int)))
	_, err := db.ExecContext(ctx, "UPDATE items SET name = name WHERE id = $1", -1)
	must(t, err)
	_, err = db.ExecContext(ctx, "SELECT 3")
	must(t, err)
	_, err = db.ExecContext(ctx, "SELECT 1/$1::int", 0)
	wantCode(t, err, "22012")
	want := []string{
		"SELECT 1 WHERE $1 = 1 SELECT 1", "SELECT 2 WHERE $1 = 1 SELECT 0", "SELECT $1::int + generate_series(1, 9) SELECT 9",
		"UPDATE items SET name = name WHERE id = $1 UPDATE 0", "SELECT 3 SELECT 1", "SELECT 1/$1::int failed",
	}
	if got, want := strings.Join(seen.ends, "\n"), strings.Join(want, "\n"); got != want {
		t.Errorf("the tracer saw\n%s\nwant\n%s", got, want)
	}
	if len(seen.starts) != len(seen.ends) {
		t.Errorf("%d starts, %d ends", len(seen.starts), len(seen.ends))
	}
}

// TestConnRaw is pitfall 10: what Conn.Raw yields is not stdlib's connection.
func TestConnRaw(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, config := range map[string]postgres.Config{"lazy": {}, "eager": {EagerBegin: true}} {
		t.Run(name, func(t *testing.T) {
			db := w.open(t, 1, config)
			conn, err := db.Conn(t.Context())
			must(t, err)
			defer conn.Close()
			must(t, conn.Raw(func(driverConn any) error {
				if _, ok := driverConn.(*stdlib.Conn); ok {
					t.Error("it is stdlib's, which knows no tenants")
				}
				return nil
			}))
			tx, err := conn.BeginTx(w.as(t, sharedTenants), nil)
			must(t, err)
			var n int
			must(t, conn.Raw(func(driverConn any) error {
				lender, ok := driverConn.(interface{ Conn() *pgx.Conn })
				if !ok {
					return errors.New("it has no method Conn")
				}
				return lender.Conn().QueryRow(t.Context(), "SELECT count(*) FROM items").Scan(&n)
			}))
			if n != w.rows(sharedTenants) {
				t.Errorf("counted %d rows", n)
			}
			must(t, tx.Commit())
		})
	}
}

func TestCopy(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := w.as(t, sharedTenants)
	load := func(conn *pgx.Conn) error {
		_, err := conn.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"name"}, pgx.CopyFromRows([][]any{{"copied"}, {"copied"}}))
		return err
	}
	conn, err := db.Conn(ctx)
	must(t, err)
	defer conn.Close()
	must(t, postgres.Raw(ctx, conn, load))
	copied(ctx, t, conn, 2)

	wantErr(t, postgres.Raw(ctx, conn, func(c *pgx.Conn) error { return errors.Join(load(c), context.Canceled) }), context.Canceled)
	copied(ctx, t, conn, 0)

	tx, err := conn.BeginTx(ctx, nil)
	must(t, err)
	must(t, postgres.Raw(ctx, conn, load))
	wantErr(t, postgres.Raw(w.as(t, 0), conn, load), tenancy.ErrCrossTenant)
	wantErr(t, postgres.Raw(t.Context(), conn, load), tenancy.ErrNoTenant)
	must(t, tx.Rollback())
	copied(ctx, t, conn, 0)
	w.sees(t, sharedTenants, conn)

	var out strings.Builder
	must(t, postgres.Raw(w.as(t, 0), conn, func(c *pgx.Conn) error {
		_, err := c.PgConn().CopyTo(ctx, &out, "COPY items (name) TO STDOUT")
		return err
	}))
	if got := strings.Count(out.String(), "\n"); got != w.rows(0) {
		t.Errorf("COPY TO gave %d rows", got)
	}
	wantCode(t, postgres.Raw(w.as(t, 0), conn, load), "0A000") // PostgreSQL has no COPY FROM under row-level security
	must(t, postgres.Raw(system(t), conn, func(c *pgx.Conn) error { return c.Ping(ctx) }))
	w.sees(t, 0, conn)

	plain := stdlib.OpenDB(*w.config(t))
	defer plain.Close()
	foreign, err := plain.Conn(ctx)
	must(t, err)
	defer foreign.Close()
	if err := postgres.Raw(ctx, foreign, load); err == nil {
		t.Error("Raw took a connection of another driver")
	}
}

// copied deletes what was copied and counts it.
func copied(ctx context.Context, tb testing.TB, db querier, want int64) {
	tb.Helper()
	result, err := db.ExecContext(ctx, "DELETE FROM items WHERE name = $1", "copied")
	must(tb, err)
	if n, _ := result.RowsAffected(); n != want {
		tb.Errorf("%d rows were copied, want %d", n, want)
	}
}

func TestPgxsOwnArguments(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	ctx := w.as(t, 0)
	var n int
	must(t, db.QueryRowContext(ctx, "SELECT @a::int + @b::int", pgx.NamedArgs{"a": 1, "b": 2}).Scan(&n))
	if n != 3 {
		t.Errorf("got %d", n)
	}
	must(t, db.QueryRowContext(ctx, "SELECT $1::int", pgx.QueryExecModeExec, 4).Scan(&n))
	must(t, db.QueryRowContext(ctx, "SELECT sum(x) FROM unnest($1::int[]) x", []int{1, 2, 3}).Scan(&n))
	if n != 6 {
		t.Errorf("got %d", n)
	}
	if err := db.QueryRowContext(ctx, "SELECT $1::int", sql.Named("a", 1)).Scan(&n); err == nil {
		t.Error("a named argument was taken for a positional one")
	}
	if err := db.QueryRowContext(ctx, "SELECT 1", pgx.QueryResultFormats{1}).Scan(&n); err == nil {
		t.Error("result formats were ignored")
	}
}

func TestDriverOpensNothingByName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	if _, err := db.Driver().Open(w.url); err == nil || strings.Contains(err.Error(), "password") {
		t.Errorf("got %v", err)
	}
	config := w.config(t)
	config.RuntimeParams["Tenancy.tenant_id"] = "x"
	if _, err := postgres.NewConnector(config, postgres.Config{}); err == nil {
		t.Error("a tenant for a whole connection was accepted")
	}
	if _, err := postgres.NewConnector(nil, postgres.Config{}); err == nil {
		t.Error("no configuration was accepted")
	}
}
