package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// newMariaDB makes a home with tenants in databases beside it.
func newMariaDB(tb testing.TB, tenants int) *fleet {
	tb.Helper()
	dsn := servers.MariaDB(tb)
	config, err := mysql.ParseDSN(dsn)
	if err != nil {
		tb.Fatal(err)
	}
	f := &fleet{t: tb, dialect: dialect.MySQL, home: open(tb, "mysql", dsn), url: dsn}
	for i := range tenants {
		tenant := f.add(fmt.Sprintf("%s_t%03d", config.DBName, i))
		tb.Cleanup(func() {
			if _, err := f.home.ExecContext(context.WithoutCancel(tb.Context()), "DROP DATABASE IF EXISTS "+tenant.Placement.Schema); err != nil {
				tb.Error(err)
			}
		})
	}
	return f
}

// maria are migrations that fail if they are applied twice.
func maria() files {
	return files{
		"20260101000000_init.sql": "CREATE TABLE `notes` (`id` bigint NOT NULL PRIMARY KEY, `text` varchar(100) NOT NULL);\n",
		"20260102000000_more.sql": "ALTER TABLE `notes` ADD COLUMN `label` varchar(10);\n" +
			"INSERT INTO `notes` (`id`, `text`) VALUES (1, 'once');\n" +
			"UPDATE `notes` SET `id` = `id` + 10;\n" +
			"-- a comment; with a semicolon\nALTER TABLE `notes` ADD UNIQUE INDEX `notes_text` (`text`);\n" +
			"CREATE TABLE `more` (`id` bigint);\n",
		"20260103000000_last.sql": "INSERT INTO `notes` (`id`, `text`) VALUES (2, 'last');\n",
	}
}

func (f *fleet) wantMaria() {
	f.t.Helper()
	for _, tenant := range f.tenants {
		got := one[string](f.t, f.home, "SELECT GROUP_CONCAT(CONCAT(id, text) ORDER BY id) FROM `"+tenant.Placement.Schema+"`.notes")
		if got != "2last,11once" {
			f.t.Errorf("%s: %s", tenant.Placement.Schema, got)
		}
		rows := one[string](f.t, f.home, "SELECT GROUP_CONCAT(CONCAT_WS(':', applied, total, error, error_stmt, partial_hashes) ORDER BY version) FROM `"+
			tenant.Placement.Schema+"`.atlas_schema_revisions")
		if rows != "1:1:::null,5:5:::null,1:1:::null" {
			f.t.Errorf("%s: revisions %s", tenant.Placement.Schema, rows)
		}
	}
}

func TestMariaDBApplies(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 5)
	d := directory(t, dialect.MySQL, maria())
	wantReport(t, apply(t, f.runner(d)), 5, 0, 0, 0)
	f.wantMaria()
	wantReport(t, apply(t, f.runner(d)), 0, 5, 0, 0)
	known := 0
	for status, err := range f.runner(d).Status(t.Context()) {
		if known++; err != nil || status.Err != nil || status.Version != d.Version() || status.Pending != 0 {
			t.Errorf("got %+v, %v", status, err)
		}
	}
	if known != 5 {
		t.Errorf("the status of %d is known", known)
	}
}

func TestMariaDBResumesAtTheStatementThatFailed(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 2)
	bad := f.tenants[0]
	blocked := bad.Placement.Schema
	f.exec("CREATE DATABASE IF NOT EXISTS " + blocked)
	d := directory(t, dialect.MySQL, maria())
	apply(t, f.runner(directory(t, dialect.MySQL, files{"20260101000000_init.sql": maria()["20260101000000_init.sql"]})))
	f.exec("INSERT INTO " + blocked + ".notes VALUES (5, 'same'), (6, 'same')")
	report, failed := failures(t, f.runner(d))
	wantReport(t, report, 1, 0, 1, 0)
	if got := failed[bad.ID]; got.File != "20260102000000_more.sql" || got.Line != 5 || !strings.HasPrefix(got.Statement, "ALTER TABLE `notes` ADD UNIQUE") {
		t.Errorf("got %+v", got)
	}
	if got := one[string](t, f.home, "SELECT CONCAT_WS(':', applied, total, JSON_LENGTH(partial_hashes)) FROM "+blocked+".atlas_schema_revisions WHERE version = '20260102000000'"); got != "3:5:3" {
		t.Errorf("recorded %s", got)
	}
	f.exec("DELETE FROM " + blocked + ".notes WHERE text = 'same'")
	wantReport(t, apply(t, f.runner(d)), 1, 1, 0, 0)
	f.wantMaria()
}

// TestMariaDBInDoubt makes the state of a run that was killed between a statement and the record of it.
func TestMariaDBInDoubt(t *testing.T) {
	t.Parallel()
	const begun = "tenancy: begun, and not known to be done"
	for _, test := range []struct {
		name, statement string
		executed        bool
		want            error
	}{
		{"executed", "ALTER TABLE `notes` ADD COLUMN `x` int;", true, nil},
		{"not executed", "ALTER TABLE `notes` ADD COLUMN `x` int;", false, nil},
		{"index that has no name", "ALTER TABLE `notes` ADD INDEX (`text`);", true, migrate.ErrInDoubt},
		{"not to be repeated", "RENAME TABLE `notes` TO `papers`;", true, migrate.ErrInDoubt},
		{"of the connection", "SET sql_mode = '';", true, nil},
		{"rows after SET", "SET STATEMENT max_statement_time = 10 FOR UPDATE notes SET text = CONCAT(text, '!');", true, migrate.ErrInDoubt},
		{"of the server", "SET @@global.max_statement_time = @@global.max_statement_time;", true, migrate.ErrInDoubt},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			f := newMariaDB(t, 1)
			schema := f.tenants[0].Placement.Schema
			file := "20260102000000_doubt.sql"
			broken := files{
				"20260101000000_init.sql": maria()["20260101000000_init.sql"],
				file:                      test.statement + "\nBROKEN;\n",
			}
			failures(t, f.runner(directory(t, dialect.MySQL, broken)))
			// As it was before the first statement was recorded.
			f.exec("UPDATE " + schema + ".atlas_schema_revisions SET applied = 0, partial_hashes = 'null', error = '" + begun + "' WHERE version = '20260102000000'")
			if !test.executed {
				f.exec("ALTER TABLE " + schema + ".notes DROP COLUMN x")
			}
			broken[file] = test.statement + "\nCREATE TABLE `done` (`id` int);\n"
			runner := f.runner(directory(t, dialect.MySQL, broken))
			if test.want != nil {
				if _, failed := failures(t, runner); !errors.Is(failed[f.tenants[0].ID].Err, test.want) {
					t.Errorf("got %v", failed)
				}
				if _, err := runner.Repair(t.Context(), f.tenants[0], true); err != nil {
					t.Fatal(err)
				}
			}
			wantReport(t, apply(t, runner), 1, 0, 0, 0)
			if n := one[int](t, f.home, "SELECT COUNT(*) FROM information_schema.tables WHERE table_schema = '"+schema+"' AND table_name = 'done'"); n != 1 {
				t.Error("the rest was not executed")
			}
		})
	}
}

func TestMariaDBBaseline(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 1)
	f.exec("CREATE TABLE " + f.tenants[0].Placement.Schema + ".notes (id bigint primary key, text varchar(100))")
	runner := f.runner(directory(t, dialect.MySQL, maria()))
	if _, failed := failures(t, runner); !errors.Is(failed[f.tenants[0].ID].Err, migrate.ErrDirty) {
		t.Errorf("got %v", failed)
	}
	if report, err := runner.Baseline(t.Context(), "20260101000000"); err != nil || report.Applied != 1 {
		t.Errorf("got %+v, %v", report, err)
	}
	wantReport(t, apply(t, runner), 1, 0, 0, 0)
}

func TestMariaDBTwoRunnersAtOnce(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 8)
	d := directory(t, dialect.MySQL, maria())
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			if _, err := f.runner(d).Apply(t.Context()); err != nil {
				t.Error(err)
			}
		})
	}
	wait.Wait()
	f.wantMaria()
}

// holdsCLI takes the lock that the Atlas CLI has while it works, until release is called.
func (f *fleet) holdsCLI() (release func()) {
	f.t.Helper()
	cli, err := f.home.Conn(f.t.Context())
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = cli.Close() })
	var locked bool
	if err := cli.QueryRowContext(f.t.Context(), "SELECT GET_LOCK('atlas_migrate_execute', 60)").Scan(&locked); err != nil || !locked {
		f.t.Fatal("no lock", err)
	}
	return func() {
		f.t.Helper()
		if _, err := cli.ExecContext(f.t.Context(), "DO RELEASE_LOCK('atlas_migrate_execute')"); err != nil {
			f.t.Fatal(err)
		}
	}
}

func TestMariaDBWaitsForTheAtlasCLI(t *testing.T) {
	// Not parallel: the lock is the server's.
	f := newMariaDB(t, 1)
	d := directory(t, dialect.MySQL, maria())
	release := f.holdsCLI()
	if _, err := f.runner(d, func(c *migrate.Config) { c.LockWait = time.Millisecond }).Apply(t.Context()); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("got %v", err)
	}
	release()
	wantReport(t, apply(t, f.runner(d)), 1, 0, 0, 0)
}

// TestMariaDBOneTenantWaitsForTheAtlasCLI has the CLI's lock while one tenant is migrated, repaired or given a baseline.
func TestMariaDBOneTenantWaitsForTheAtlasCLI(t *testing.T) {
	// Not parallel: the lock is the server's.
	f := newMariaDB(t, 1)
	f.exec("CREATE TABLE " + f.tenants[0].Placement.Schema + ".notes (id bigint primary key, text varchar(100))")
	release := f.holdsCLI()
	d := directory(t, dialect.MySQL, maria())
	runner := f.runner(d, func(c *migrate.Config) { c.LockWait = time.Millisecond })
	if _, err := runner.ApplyTo(t.Context(), f.tenants[0]); !errors.Is(err, migrate.ErrDirty) {
		t.Errorf("one that cannot be migrated: %v", err)
	}
	if _, err := runner.Baseline(t.Context(), "20260101000000"); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("a baseline: %v", err)
	}
	if _, err := runner.Repair(t.Context(), f.tenants[0], true); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("a repair: %v", err)
	}
	f.exec("DROP TABLE " + f.tenants[0].Placement.Schema + ".notes")
	if _, err := runner.ApplyTo(t.Context(), f.tenants[0]); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("one tenant: %v", err)
	}
	release()
	if _, err := f.runner(d).ApplyTo(t.Context(), f.tenants[0]); err != nil {
		t.Fatal(err)
	}
	f.wantMaria()
}

// TestMariaDBOneTenantDoesNotWaitForARun migrates tenants one by one while a run has the server, and while others do the same. The run
// keeps the CLI out.
func TestMariaDBOneTenantDoesNotWaitForARun(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 7)
	ones, rest := f.tenants[:4], f.tenants[4:]
	kept := maria()
	kept["20260104000000_kept.sql"] = "CREATE TABLE `kept` AS SELECT IS_USED_LOCK('atlas_migrate_execute') IS NOT NULL AS `out`, SLEEP(0.2) AS `slept`;\n"
	d := directory(t, dialect.MySQL, kept)
	soon := func(c *migrate.Config) { c.LockWait = 10 * time.Second }
	var wait sync.WaitGroup
	var begin sync.Once
	wantReport(t, apply(t, f.runner(d, func(c *migrate.Config) {
		c.Concurrency = 1
		c.Tenants = (&fleet{tenants: rest}).all
		c.OnResult = func(migrate.Result) {
			begin.Do(func() {
				for _, tenant := range ones[:2] {
					if _, err := f.runner(d, soon).ApplyTo(t.Context(), tenant); err != nil {
						t.Errorf("during a run: %v", err)
					}
				}
			})
		}
	})), 3, 0, 0, 0)
	for _, tenant := range ones[2:] {
		wait.Go(func() {
			if _, err := f.runner(d).ApplyTo(t.Context(), tenant); err != nil {
				t.Errorf("beside another one: %v", err)
			}
		})
	}
	wait.Wait()
	for _, tenant := range slices.Concat(ones[:2], rest) { // the others may have been there when the first of them had ended
		if !one[bool](t, f.home, "SELECT `out` FROM `"+tenant.Placement.Schema+"`.kept") {
			t.Errorf("%s: the CLI could have begun", tenant.ID)
		}
	}
}

func TestMariaDBOwnDatabase(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 0)
	dsn := servers.MariaDB(t)
	f.record(tenancy.Tenant{
		ID: "own", Identifier: "own", Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(dsn)},
	})
	d := directory(t, dialect.MySQL, maria())
	runner := f.runner(d, func(c *migrate.Config) {
		c.Open = func(_ context.Context, tenant tenancy.Tenant) (migrate.Database, error) {
			return migrate.Database{DB: open(t, "mysql", tenant.Placement.DatabaseURL.Reveal()), Server: "a"}, nil
		}
	})
	wantReport(t, apply(t, runner), 1, 0, 0, 0)
	if n := one[int](t, open(t, "mysql", dsn), "SELECT COUNT(*) FROM notes"); n != 2 {
		t.Errorf("%d rows", n)
	}
	wantReport(t, apply(t, runner), 0, 1, 0, 0)
}
