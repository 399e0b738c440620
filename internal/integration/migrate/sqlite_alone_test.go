package migrate_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// liteAlone are lite and a file outside of transactions, which makes a table anew as
// SQLite's documentation says to: with the keys off that would delete the lines.
func liteAlone() files {
	f := lite()
	f["20260103000000_alone.sql"] = "-- atlas:txmode none\n\nPRAGMA foreign_keys = off;\n" +
		"INSERT INTO `notes` (`id`, `text`) VALUES (2, 'once');\n" +
		"CREATE TABLE `new_notes` (`id` integer NOT NULL PRIMARY KEY, `text` text NULL);\n" +
		"INSERT INTO `new_notes` (`id`, `text`) SELECT `id`, `text` FROM `notes`;\nDROP TABLE `notes`;\n" +
		"ALTER TABLE `new_notes` RENAME TO `notes`;\nPRAGMA foreign_keys = on;\nVACUUM;\n" +
		"INSERT INTO `notes` (`text`) VALUES ('once'), ('again');\nCREATE INDEX `notes_text` ON `notes` (`text`);\n"
	f["20260104000000_last.sql"] = "INSERT INTO `notes` (`text`) VALUES ('last');\n"
	return f
}

// wantLiteAlone looks for all statements of all files, each once.
func (f *fleet) wantLiteAlone() {
	f.t.Helper()
	for _, tenant := range f.tenants {
		opened, err := openLite(f.t.Context(), tenant)
		if err != nil {
			f.t.Fatal(err)
		}
		got := one[string](f.t, opened.DB, "SELECT (SELECT group_concat(id || text) FROM notes) || ' ' || (SELECT count(*) FROM lines) || ' ' ||"+
			" group_concat(applied || '/' || total || COALESCE(error, '')) FROM atlas_schema_revisions")
		if got != "1once,2once,3once,4again,5last 1 4/4,6/6,10/10,1/1" {
			f.t.Errorf("%s: %s", tenant.ID, got)
		}
		opened.DB.Close()
	}
}

func TestSQLiteTwoRunnersAtOnceOutsideOfTransactions(t *testing.T) {
	t.Parallel()
	d := directory(t, dialect.SQLite, liteAlone())
	for range 5 {
		f := newLite(t, 5)
		var wait sync.WaitGroup
		for range 3 {
			wait.Go(func() {
				report, err := f.runner(d, withLite).Apply(t.Context())
				if err != nil || report.Applied+report.Unchanged != 5 {
					t.Errorf("got %+v, %v", report, err)
				}
			})
		}
		wait.Wait()
		f.wantLiteAlone()
	}
}

// TestSQLiteTwoProcessesAtOnce has nothing in common but the files.
func TestSQLiteTwoProcessesAtOnce(t *testing.T) {
	t.Parallel()
	f := newLite(t, 20)
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(f.child(), "\n"))
			if out, err := cmd.CombinedOutput(); err != nil {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
	wait.Wait()
	f.wantLiteAlone()
}

// TestSQLiteInMemory has one connection, which is the database.
func TestSQLiteInMemory(t *testing.T) {
	t.Parallel()
	home := open(t, "sqlite", ":memory:")
	home.SetMaxOpenConns(1)
	f := &fleet{t: t, dialect: dialect.SQLite, home: home}
	f.exec("PRAGMA foreign_keys = on")
	f.record(sharedTenant())
	d := directory(t, dialect.SQLite, liteAlone())
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			if _, err := f.runner(d).Apply(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	if n := one[int](t, home, "SELECT count(*) FROM notes"); n != 5 {
		t.Errorf("%d rows", n)
	}
	if enforced := one[int](t, home, "PRAGMA foreign_keys"); enforced != 1 {
		t.Error("the application's connection is left without foreign keys")
	}
}

// TestSQLiteResumesAtTheStatementThatFailed has the keys off again when it goes on.
func TestSQLiteResumesAtTheStatementThatFailed(t *testing.T) {
	t.Parallel()
	f := newLite(t, 1)
	d := directory(t, dialect.SQLite, liteAlone())
	apply(t, f.runner(directory(t, dialect.SQLite, lite()), withLite))
	opened, err := openLite(t.Context(), f.tenants[0])
	if err != nil {
		t.Fatal(err)
	}
	defer opened.DB.Close()
	if _, err := opened.DB.ExecContext(t.Context(), "CREATE TABLE new_notes (id int)"); err != nil {
		t.Fatal(err)
	}
	_, failed := failures(t, f.runner(d, withLite))
	if got := failed[f.tenants[0].ID]; got.Line != 5 || !strings.HasPrefix(got.Statement, "CREATE TABLE") {
		t.Errorf("got %+v", got)
	}
	if _, err := opened.DB.ExecContext(t.Context(), "DROP TABLE new_notes"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, apply(t, f.runner(d, withLite)), 1, 0, 0, 0)
	f.wantLiteAlone()
}

// TestSQLiteFailureOutsideOfTransactionsIsOnRecord and what a file has begun itself is taken back.
func TestSQLiteFailureOutsideOfTransactionsIsOnRecord(t *testing.T) {
	t.Parallel()
	home := open(t, "sqlite", ":memory:")
	home.SetMaxOpenConns(1)
	f := &fleet{t: t, dialect: dialect.SQLite, home: home}
	f.record(sharedTenant())
	bad := files{"20260101000000_bad.sql": "-- atlas:txmode none\n\nCREATE TABLE a (id int);\nBEGIN;\nCREATE TABLE b (id int);\nINSERT INTO b VALUES (1);\nDROP TABLE missing;\nCOMMIT;\n"}
	failures(t, f.runner(directory(t, dialect.SQLite, bad)))
	if got := one[string](t, home, "SELECT group_concat(name) FROM sqlite_schema WHERE name IN ('a', 'b')"); got != "a" {
		t.Errorf("there is %s", got)
	}
	bad["20260101000000_bad.sql"] = strings.Replace(bad["20260101000000_bad.sql"], "DROP TABLE missing;\n", "", 1)
	runner := f.runner(directory(t, dialect.SQLite, bad))
	if _, failed := failures(t, runner); !errors.Is(failed[""].Err, migrate.ErrInDoubt) {
		t.Errorf("got %v", failed[""].Err) // whether its BEGIN was ever ended is not for the runner to say
	}
	if _, err := runner.Repair(t.Context(), tenancy.Tenant{}, false); err != nil {
		t.Fatal(err)
	}
	apply(t, runner)
	if got := one[string](t, home, "SELECT (SELECT count(*) FROM b) || applied || '/' || total FROM atlas_schema_revisions"); got != "15/5" {
		t.Errorf("recorded %s", got)
	}
}

// TestSQLiteRepairWhileARunGoesOn leaves a record alone that is not what it has looked at.
func TestSQLiteRepairWhileARunGoesOn(t *testing.T) {
	t.Parallel()
	f := newLite(t, 1)
	d := directory(t, dialect.SQLite, liteAlone())
	ctx, cancel := context.WithCancel(t.Context())
	var wait sync.WaitGroup
	wait.Go(func() {
		defer cancel()
		if _, err := f.runner(d, withLite).Apply(t.Context()); err != nil {
			t.Error(err)
		}
	})
	for ctx.Err() == nil {
		_, _ = f.runner(d, withLite).Repair(t.Context(), f.tenants[0], false) // mostly there is nothing to repair
	}
	wait.Wait()
	f.wantLiteAlone()
}
