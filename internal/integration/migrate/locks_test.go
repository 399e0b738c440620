package migrate_test

import (
	"context"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate"
)

// TestPostgresConcurrentlyWaitsForOthers waits longer for another session than any other statement would.
func TestPostgresConcurrentlyWaitsForOthers(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	tx, err := f.home.BeginTx(t.Context(), nil)
	if err == nil {
		_, err = tx.ExecContext(t.Context(), "INSERT INTO t000.notes VALUES (7, 'x')")
	}
	if err != nil {
		t.Fatal(err)
	}
	var commit sync.WaitGroup
	commit.Go(func() {
		time.Sleep(500 * time.Millisecond)
		if err := tx.Commit(); err != nil {
			t.Error(err)
		}
	})
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, alone()), quickly)), 1, 0, 0, 0)
	commit.Wait()
}

// quickly has statements give up soon.
func quickly(c *migrate.Config) { c.LockTimeout = 20 * time.Millisecond }

// readByOthers has a transaction under way that has read the notes of the first tenant, and returns what ends it.
func (f *fleet) readByOthers() (end func()) {
	f.t.Helper()
	tx, err := f.home.BeginTx(f.t.Context(), nil)
	if err != nil {
		f.t.Fatal(err)
	}
	if err := tx.QueryRowContext(f.t.Context(), "SELECT count(*) FROM "+f.tenants[0].Placement.Schema+".notes").Scan(new(int)); err != nil {
		f.t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		if err := tx.Rollback(); err != nil {
			f.t.Error(err)
		}
	})
}

// altering are migrations with an ALTER outside of transactions.
func altering() files {
	return files{
		"20260101000000_init.sql":  "CREATE TABLE notes (id bigint NOT NULL PRIMARY KEY, text varchar(100) NOT NULL);\n",
		"20260102000000_alter.sql": "-- atlas:txmode none\n\nALTER TABLE notes ADD COLUMN label varchar(10);\n",
	}
}

// where there are locks of tables that statements outside of transactions wait for.
func lockable() map[string]func(testing.TB, int) *fleet {
	return map[string]func(testing.TB, int) *fleet{dialect.Postgres: newPostgres, dialect.MySQL: newMariaDB}
}

// TestLockedTableDoesNotHoldUpOthers has a transaction under way that reads a table which a file outside of transactions alters.
func TestLockedTableDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	for name, start := range lockable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, 2)
			apply(t, f.runner(directory(t, name, files{"20260101000000_init.sql": altering()["20260101000000_init.sql"]})))
			end := f.readByOthers()
			runner := f.runner(directory(t, name, altering()), quickly)
			patience := time.AfterFunc(time.Minute, func() {
				t.Error("it waits for as long as it takes")
				end()
			})
			report, failed := failures(t, runner)
			patience.Stop()
			wantReport(t, report, 1, 0, 1, 0)
			locked := f.tenants[0]
			code := map[string]string{dialect.Postgres: "55P03", dialect.MySQL: "Error 1205"}[name]
			if got := failed[locked.ID]; got.File != "20260102000000_alter.sql" || got.Err == nil ||
				!strings.Contains(got.Err.Error(), code) || !strings.Contains(got.Err.Error(), "was not executed") {
				t.Errorf("got %+v", got)
			}
			recorded := one[string](t, f.home, "SELECT CONCAT_WS(':', applied, total, error) FROM "+locked.Placement.Schema+".atlas_schema_revisions WHERE version = '20260102000000'")
			if !strings.HasPrefix(recorded, "0:1:") || !strings.Contains(recorded, "was not executed") {
				t.Errorf("recorded %s", recorded)
			}
			end()
			wantReport(t, apply(t, runner), 1, 1, 0, 0)
		})
	}
}

// TestLockedTableIsTriedAgain has that transaction end after the first try.
func TestLockedTableIsTriedAgain(t *testing.T) {
	t.Parallel()
	for name, start := range lockable() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := start(t, 1)
			apply(t, f.runner(directory(t, name, files{"20260101000000_init.sql": altering()["20260101000000_init.sql"]})))
			end := f.readByOthers()
			patience := time.AfterFunc(time.Minute, end)
			defer patience.Stop()
			told := &listener{to: func() { end() }}
			wantReport(t, apply(t, f.runner(directory(t, name, altering()), quickly, func(c *migrate.Config) { c.Logger = slog.New(told) })), 1, 0, 0, 0)
			if !told.heard {
				t.Error("nobody has waited")
			}
		})
	}
}

// listener calls a function when something is logged.
type listener struct {
	to    func()
	heard bool
}

func (*listener) Enabled(context.Context, slog.Level) bool { return true }
func (l *listener) WithAttrs([]slog.Attr) slog.Handler     { return l }
func (l *listener) WithGroup(string) slog.Handler          { return l }
func (l *listener) Handle(context.Context, slog.Record) error {
	l.heard = true
	l.to()
	return nil
}
