package postgres_test

import (
	"database/sql"
	"errors"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// TestPgBouncer has 32 clients of 32 tenants share one connection to the server.
func TestPgBouncer(t *testing.T) {
	t.Parallel()
	const half, rounds = 16, 40
	w := newWorldOf(t, half, half)
	config, err := pgx.ParseConfig(servers.PgBouncer(t, w.url, 1))
	must(t, err)
	for name, choice := range map[string]postgres.Config{
		"unnamed": {Unnamed: true}, "unnamed, eager": {Unnamed: true, EagerBegin: true}, "found out": {},
	} {
		t.Run(name, func(t *testing.T) {
			connector, err := postgres.NewConnector(config, choice)
			must(t, err)
			l := &load{w: w}
			l.run(rounds, func(int) *sql.DB { return sql.OpenDB(connector) }, func(number int, db *sql.DB, round int) error {
				if round%3 > 0 {
					return w.check(w.as(t, number), number, db)
				}
				tx, err := db.BeginTx(w.as(t, number), nil)
				if err != nil {
					return err
				}
				defer func() { _ = tx.Rollback() }()
				if err := w.check(w.as(t, number), number, tx); err != nil {
					return err
				}
				return tx.Commit()
			})
			t.Logf("%d answers, %d errors", l.right.Load(), l.failed.Load())
			for _, wrong := range l.wrong {
				t.Error(wrong)
			}
			// Until the connector knows, a transaction may fail whose statements are gone.
			if failed := l.failed.Load(); failed > 0 && choice.Unnamed || failed > 32 {
				t.Errorf("%d errors, the first is %v", failed, l.first)
			}
		})
	}
	// The same load does find leaks, where there are any.
	t.Run("the naive way leaks", func(t *testing.T) {
		naive := config.Copy()
		naive.DefaultQueryExecMode = pgx.QueryExecModeExec
		l := &load{w: w}
		l.run(rounds, func(int) *sql.DB { return stdlib.OpenDB(*naive) }, func(number int, db *sql.DB, _ int) error {
			tenant := w.tenants[number]
			set := "SET tenancy.tenant_id = " + literal(tenant)
			if number >= half {
				set += "; SET search_path = " + quoted(tenant.Placement.Schema)
			}
			if _, err := db.ExecContext(t.Context(), set); err != nil {
				return err
			}
			err := w.check(t.Context(), number, db)
			_, reset := db.ExecContext(t.Context(), "RESET tenancy.tenant_id; RESET search_path")
			return errors.Join(err, reset)
		})
		if len(l.wrong) == 0 {
			t.Error("session variables leaked nothing: the load is too small to show what the driver is for")
		}
		t.Logf("%d right, %d wrong", l.right.Load(), len(l.wrong))
	})
}

// load counts what becomes of the same work for every tenant at once.
type load struct {
	w             *world
	right, failed atomic.Int64
	mu            sync.Mutex
	wrong         []error
	first         error
}

func (l *load) run(rounds int, open func(number int) *sql.DB, do func(number int, db *sql.DB, round int) error) {
	var group sync.WaitGroup
	for number := range l.w.tenants {
		group.Go(func() {
			db := open(number)
			defer func() { _ = db.Close() }()
			db.SetMaxOpenConns(1)
			for round := range rounds {
				l.count(do(number, db, round))
			}
		})
	}
	group.Wait()
}

func (l *load) count(err error) {
	if err == nil {
		l.right.Add(1)
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var wrong errWrong
	if errors.As(err, &wrong) {
		l.wrong = append(l.wrong, wrong)
		return
	}
	if l.failed.Add(1) == 1 {
		l.first = err
	}
}
