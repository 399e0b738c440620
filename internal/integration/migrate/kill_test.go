package migrate_test

import (
	"bufio"
	"context"
	"database/sql"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// childVariable makes the test binary a runner that is going to be killed: the dialect, the home and the schemas, a line each.
const childVariable = "TENANCY_TEST_MIGRATE_CHILD"

func TestMain(m *testing.M) {
	if child := os.Getenv(childVariable); child != "" {
		os.Exit(runChild(strings.Split(child, "\n")))
	}
	os.Exit(m.Run())
}

// killed are the migrations of runs that are killed, by dialect.
func killed(dialectName string) files {
	switch dialectName {
	case dialect.Postgres:
		return once()
	case dialect.MySQL:
		return maria()
	default:
		return liteAlone()
	}
}

// kills is how often a run is killed.
func kills() int {
	if os.Getenv("TENANCY_TEST_SLOW") != "" {
		return 50
	}
	return 4
}

// childT is as much of a test as a child needs.
type childT struct{ testing.TB }

func (childT) Helper()                  {}
func (childT) Cleanup(func())           {}
func (childT) Fatal(args ...any)        { _, _ = fmt.Fprintln(os.Stdout, args...); os.Exit(3) }
func (childT) Context() context.Context { return context.Background() }

func runChild(args []string) int {
	dialectName, url := args[0], args[1]
	driver := map[string]string{dialect.Postgres: "pgx", dialect.MySQL: "mysql", dialect.SQLite: "sqlite"}[dialectName]
	db, err := sql.Open(driver, url)
	if err != nil {
		return 3
	}
	f := &fleet{t: childT{}, dialect: dialectName, home: db}
	for _, schema := range args[2:] {
		f.record(f.tenantOf(schema))
	}
	runner := f.runner(directory(childT{}, dialectName, killed(dialectName)), func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) { _, _ = fmt.Fprintln(os.Stdout, r.Tenant.ID) }
		if dialectName == dialect.SQLite {
			c.Open = openLite
		}
	})
	_, _ = fmt.Fprintln(os.Stdout, "begun")
	if _, err := runner.Apply(context.Background()); err != nil {
		_, _ = fmt.Fprintln(os.Stdout, err)
		return 1
	}
	return 0
}

// child is what the runner of a fleet in another process is told.
func (f *fleet) child() []string {
	args := []string{f.dialect, f.url}
	for _, tenant := range f.tenants {
		args = append(args, tenant.Placement.Schema)
	}
	return args
}

// killOnce runs a child and kills it while it is at some tenants: on PostgreSQL, where it tells of many at a time, within about as long as
// it takes, and else when it has told of others.
func (f *fleet) killOnce() {
	f.t.Helper()
	cmd := exec.CommandContext(f.t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), childVariable+"="+strings.Join(f.child(), "\n"))
	out, err := cmd.StdoutPipe()
	if err != nil {
		f.t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		f.t.Fatal(err)
	}
	lines := bufio.NewScanner(out)
	lines.Scan() // it has begun
	if f.dialect == dialect.Postgres {
		time.Sleep(rand.N(60 * time.Millisecond))
	} else {
		for range rand.IntN(len(f.tenants) / 2) {
			lines.Scan()
		}
	}
	for range rand.IntN(5_000_000) { // up to some milliseconds, to hit any point of a tenant
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

func TestKilledAtAnyPoint(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, int) *fleet{"PostgreSQL": newPostgres, "MariaDB": newMariaDB, "SQLite": newLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			for i := range kills() {
				t.Run(strconv.Itoa(i), func(t *testing.T) { killAndResume(t, start(t, 24)) })
			}
		})
	}
}

func killAndResume(t *testing.T, f *fleet) {
	t.Helper()
	f.killOnce()
	f.killOnce()
	d := directory(t, f.dialect, killed(f.dialect))
	report := apply(t, f.runner(d, func(c *migrate.Config) {
		if f.dialect == dialect.SQLite {
			c.Open = openLite
		}
	}))
	if report.Applied+report.Unchanged != 24 {
		t.Errorf("got %+v", report)
	}
	t.Logf("after two kills %d were done", report.Unchanged)
	switch f.dialect {
	case dialect.Postgres:
		f.wantComplete(d)
	case dialect.MySQL:
		f.wantMaria()
	default:
		f.wantLiteAlone()
	}
}

func TestPostgresServerEndsTheConnections(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 30)
	d := directory(t, dialect.Postgres, slow())
	admin := open(t, "pgx", f.url)
	admin.SetMaxIdleConns(0) // it must not take a connection that it has ended
	ended := 0
	runner := f.runner(d, func(c *migrate.Config) {
		c.OnResult = func(migrate.Result) {
			if ended++; ended%7 == 0 {
				end := "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
				if _, err := admin.ExecContext(t.Context(), end); err != nil {
					t.Error(err)
				}
			}
		}
	})
	if _, err := runner.Apply(t.Context()); err == nil {
		t.Log("no tenant was hit")
	}
	again := f.runner(d)
	report := apply(t, again)
	if report.Applied+report.Unchanged != 30 {
		t.Errorf("got %+v", report)
	}
	f.wantComplete(d)
}

func (f *fleet) tenantOf(schema string) tenancy.Tenant {
	return tenancy.Tenant{
		ID: tenancy.ID(schema), Identifier: schema, Name: schema, Status: tenancy.StatusActive,
		Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: schema},
	}
}
