package postgres_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestNobodySeesAnother has many goroutines act for all tenants on few
// connections, with cancelled contexts, rows closed early, failing statements,
// statements of nobody and killed servers in between. An error is fine where
// one was asked for. A wrong answer never is.
func TestNobodySeesAnother(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	statements := 1500
	if os.Getenv("TENANCY_TEST_SLOW") != "" {
		statements = 30_000
	}
	for name, config := range map[string]postgres.Config{
		"named": {}, "small cache": {StatementCache: 2}, "unnamed": {Unnamed: true}, "eager": {EagerBegin: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			goroutines := runtime.NumGoroutine()
			pg := w.config(t)
			pg.RuntimeParams["application_name"] = name // so that nobody else's servers are killed
			db := openConfig(t, 3, pg, config)
			s := &stress{w: w, db: db, name: name}
			stop := s.killNowAndThen(t)
			var group sync.WaitGroup
			for worker := range 12 {
				group.Go(func() {
					random := rand.New(rand.NewPCG(uint64(worker), 7))
					for range statements / 12 {
						s.step(t, random)
					}
				})
			}
			group.Wait()
			stop()
			for number := range w.tenants {
				w.sees(t, number, db)
			}
			nothingStays(t, db)
			t.Logf("%d answers checked, %d errors, %d kills; %d goroutines before, %d after",
				s.answers.Load(), s.errors.Load(), s.kills.Load(), goroutines, runtime.NumGoroutine())
			if s.answers.Load() < int64(statements)/4 {
				t.Errorf("only %d answers: the test does not test", s.answers.Load())
			}
		})
	}
}

type stress struct {
	w                      *world
	db                     *sql.DB
	name                   string // of the application
	answers, errors, kills atomic.Int64
}

// killNowAndThen ends random servers until stop is called, each killer one in so many
// steps: on a slow machine nobody else would get anything done. It waits for their end,
// lest one of them die after that.
func (s *stress) killNowAndThen(t *testing.T) (stop func()) {
	t.Helper()
	done := make(chan struct{})
	var group sync.WaitGroup
	for range 4 { // waiting takes a tenth of a second
		group.Go(func() {
			for next := int64(0); ; {
				select {
				case <-done:
					return
				case <-time.After(40 * time.Millisecond):
				}
				steps := s.answers.Load() + s.errors.Load()
				if steps < next {
					continue
				}
				next = steps + 40
				run(t, s.w.admin, fmt.Sprintf(
					"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE usename = '%s' AND application_name = '%s' ORDER BY random() LIMIT 1",
					appRole(s.w), s.name))
				s.kills.Add(1)
			}
		})
	}
	return func() { close(done); group.Wait() }
}

// step is one thing that an application may do.
func (s *stress) step(t *testing.T, random *rand.Rand) {
	number := random.IntN(len(s.w.tenants))
	ctx, cancel := context.WithCancel(s.w.as(t, number))
	defer cancel()
	if random.IntN(10) == 0 {
		time.AfterFunc(time.Duration(random.IntN(2000))*time.Microsecond, cancel)
	}
	var err error
	switch random.IntN(10) {
	case 0, 1, 2, 3:
		err = s.w.check(ctx, number, s.db)
	case 4, 5:
		err = s.transaction(ctx, number, random)
	case 6:
		err = s.closeEarly(ctx, number)
	case 7:
		err = s.fail(ctx, random)
	case 8:
		err = s.write(ctx, number)
	case 9:
		err = s.nobody(t)
	}
	var wrong errWrong
	switch {
	case errors.As(err, &wrong):
		t.Error(wrong)
	case err != nil:
		if !expected(err) {
			t.Errorf("an error that nothing here asks for: %v", err)
		}
		s.errors.Add(1)
	default:
		s.answers.Add(1)
	}
}

func (s *stress) transaction(ctx context.Context, number int, random *rand.Rand) error {
	tx, err := s.db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }()
	for range random.IntN(4) {
		if err := s.w.check(ctx, number, tx); err != nil {
			return err
		}
		other := (number + 1) % len(s.w.tenants)
		if _, err := names(tenancy.NewContext(ctx, s.w.tenants[other]), tx); !errors.Is(err, tenancy.ErrCrossTenant) && ctx.Err() == nil {
			return errWrong{fmt.Sprintf("a statement of another tenant in a transaction: %v", err)}
		}
	}
	if random.IntN(2) == 0 {
		return tx.Commit()
	}
	return tx.Rollback()
}

func (s *stress) closeEarly(ctx context.Context, number int) error {
	rows, err := s.db.QueryContext(ctx, "SELECT name FROM items, generate_series(1, $1::int)", 200)
	if err != nil {
		return err
	}
	defer rows.Close()
	var name string
	if rows.Next() {
		if err := rows.Scan(&name); err != nil {
			return err
		}
		if name != string(s.w.tenants[number].ID) {
			return errWrong{fmt.Sprintf("%s sees a row of %q", s.w.tenants[number], name)}
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	return rows.Err()
}

// fail lets a statement fail at a place of its own.
func (s *stress) fail(ctx context.Context, random *rand.Rand) error {
	texts := []string{
		"SELECT 1/$1::int", "SELECT $1 FROM nowhere", "SELECT 1/(50-x+$1::int) FROM generate_series(1, 100) x", "SELECT $1 FROM",
	}
	return count(ctx, s.db, texts[random.IntN(len(texts))], 0)
}

// write changes rows of the tenant, and nothing that others could notice.
func (s *stress) write(ctx context.Context, number int) error {
	result, err := s.db.ExecContext(ctx, "UPDATE items SET name = name WHERE name <> $1", "")
	if err != nil {
		return err
	}
	if n, _ := result.RowsAffected(); n != int64(s.w.rows(number)) {
		return errWrong{fmt.Sprintf("%s changed %d rows", s.w.tenants[number], n)}
	}
	return nil
}

func (s *stress) nobody(t *testing.T) error {
	switch _, err := names(t.Context(), s.db); {
	case err != nil && expected(err): // there was no connection to refuse anything on
		return err
	case !errors.Is(err, tenancy.ErrNoTenant):
		return errWrong{fmt.Sprintf("nobody gets %v", err)}
	}
	found, err := names(system(t), s.db)
	if err == nil && len(found) > 0 {
		return errWrong{"a System scope sees rows of tenants"}
	}
	return err
}

// expected reports the errors that cancelling, killing and failing bring about.
func expected(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		// division by zero, syntax error, undefined table, undefined parameter type, killed, cancelled
		return slices.Contains([]string{"22012", "42601", "42P01", "42P18", "57P01", "57014"}, server.Code)
	}
	for _, meaning := range []error{
		context.Canceled, sql.ErrTxDone, driver.ErrBadConn, pgconn.ErrConnClosed, io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE,
	} {
		if errors.Is(err, meaning) {
			return true
		}
	}
	return false
}
