package migrate_test

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// once are migrations that fail if they are applied twice, and show it if half is.
func once() files {
	f := two()
	f["20260103000000_once.sql"] = "INSERT INTO \"notes\" (\"id\", \"text\") VALUES (1, 'once');\n"
	return f
}

// slow are migrations that take long enough for a tenant to be told of while others are at work.
func slow() files {
	f := once()
	f["20260104000000_slow.sql"] = "INSERT INTO \"notes\" (\"id\", \"text\") SELECT 2, 'slow' FROM pg_sleep(0.05);\n"
	return f
}

func TestPostgresTwoRunnersAtOnce(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 40)
	d := directory(t, dialect.Postgres, once())
	var wait sync.WaitGroup
	reports := make([]migrate.Report, 2)
	for i := range reports {
		wait.Go(func() {
			report, err := f.runner(d).Apply(t.Context())
			if err != nil {
				t.Error(err)
			}
			if report.Applied+report.Unchanged != 40 {
				t.Errorf("a tenant has no result: %+v", report)
			}
			reports[i] = report
		})
	}
	wait.Wait()
	if n := reports[0].Applied + reports[1].Applied; n != 40 {
		t.Errorf("applied %d + %d", reports[0].Applied, reports[1].Applied)
	}
	f.wantComplete(d)
}

// TestPostgresTwoRunnersAtOnceOutsideOfTransactions has each tell of all tenants, of those too
// that it left for later and that the other one has done by then.
func TestPostgresTwoRunnersAtOnceOutsideOfTransactions(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 15)
	d := directory(t, dialect.Postgres, alone())
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			report, err := f.runner(d).Apply(t.Context())
			if err != nil || report.Applied+report.Unchanged != 15 {
				t.Errorf("a tenant has no result: %+v, %v", report, err)
			}
		})
	}
	wait.Wait()
	f.wantComplete(d)
}

// wantComplete looks at each tenant's tables: all migrations, each once.
func (f *fleet) wantComplete(d *migrate.Directory) {
	f.t.Helper()
	for _, tenant := range f.tenants {
		schema := tenant.Placement.Schema
		if n := one[int](f.t, f.home, "SELECT count(*) FROM "+schema+".notes WHERE text = 'once'"); n != 1 {
			f.t.Errorf("%s: %d rows", schema, n)
		}
		if v := one[string](f.t, f.home, "SELECT max(version) FROM "+schema+".atlas_schema_revisions WHERE applied = total"); v != d.Version() {
			f.t.Errorf("%s: version %s", schema, v)
		}
	}
}

func TestPostgresLockedTenantDoesNotHoldUpOthers(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 5)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	tx, err := f.home.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.ExecContext(t.Context(), "SELECT * FROM t002.notes"); err != nil {
		t.Fatal(err)
	}
	runner := f.runner(directory(t, dialect.Postgres, once()), func(c *migrate.Config) { c.LockTimeout = 20 * time.Millisecond })
	report, failed := failures(t, runner)
	wantReport(t, report, 4, 0, 1, 0)
	if got := failed["t002"]; got.File != "20260102000000_label.sql" || got.Line != 1 {
		t.Errorf("got %+v", failed)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	wantReport(t, apply(t, runner), 1, 4, 0, 0)
}

func TestPostgresWaitsForTheAtlasCLI(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	d := directory(t, dialect.Postgres, once())
	cli, err := f.home.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer cli.Close()
	if _, err := cli.ExecContext(t.Context(), "SELECT pg_advisory_lock(2686470616)"); err != nil {
		t.Fatal(err)
	}
	soon := func(c *migrate.Config) { c.LockWait = 20 * time.Millisecond }
	if _, err := f.runner(d, soon).Apply(t.Context()); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("a run beside the CLI: %v", err)
	}
	if _, err := f.runner(d, soon).ApplyTo(t.Context(), f.tenants[0]); !errors.Is(err, migrate.ErrLocked) {
		t.Errorf("one tenant beside the CLI: %v", err)
	}
	if _, err := cli.ExecContext(t.Context(), "SELECT pg_advisory_unlock(2686470616)"); err != nil {
		t.Fatal(err)
	}
	wantReport(t, apply(t, f.runner(d)), 2, 0, 0, 0)
}

func TestPostgresKeepsTheAtlasCLIOut(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 4)
	apply(t, f.runner(directory(t, dialect.Postgres, slow()), func(c *migrate.Config) {
		c.Concurrency = 1
		c.OnResult = func(migrate.Result) {
			if one[bool](t, f.home, "SELECT pg_try_advisory_lock(2686470616)") {
				t.Error("the CLI could have begun between two tenants")
			}
		}
	}))
	if !one[bool](t, f.home, "SELECT pg_try_advisory_lock(2686470616)") {
		t.Error("the lock was not released")
	}
}

func TestPostgresTenantsComeAndGoDuringTheRun(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 4)
	var begin sync.Once
	all := slow()
	all["20260104000000_slow.sql"] = "INSERT INTO \"notes\" (\"id\", \"text\") SELECT 2, 'slow' FROM pg_sleep(CASE current_schema() WHEN 't002' THEN 3 ELSE 0 END);\n"
	d := directory(t, dialect.Postgres, all)
	runner := f.runner(d, func(c *migrate.Config) {
		c.Concurrency = 1
		c.OnResult = func(migrate.Result) { // of t000, while the run is at t002 at the latest
			begin.Do(func() {
				f.exec("DROP SCHEMA t003 CASCADE")
				f.forget("t003")
				f.add("new")
				f.record(tenancy.Tenant{ID: "half", Identifier: "half", Status: tenancy.StatusProvisioning, Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "half"}})
				f.record(tenancy.Tenant{ID: "old", Identifier: "old", Status: tenancy.StatusDeleted, Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "old"}})
			})
		}
		// The list is read at the beginning of a pass, as from a page of a registry.
		c.Tenants = func(context.Context) iter.Seq2[tenancy.Tenant, error] {
			f.mu.Lock()
			page := slices.Clone(f.tenants)
			f.mu.Unlock()
			return func(yield func(tenancy.Tenant, error) bool) {
				for _, tenant := range page {
					if !yield(tenant, nil) {
						return
					}
				}
			}
		}
	})
	wantReport(t, apply(t, runner), 4, 0, 0, 1)
	f.forget("half")
	f.forget("old")
	f.wantComplete(d)
}

func TestPostgresMissingSchemaOfAnActiveTenant(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	f.exec("DROP SCHEMA t001")
	d := directory(t, dialect.Postgres, once())
	report, failed := failures(t, f.runner(d))
	wantReport(t, report, 1, 0, 1, 0)
	if !errors.Is(failed["t001"].Err, tenancy.ErrNotProvisioned) {
		t.Errorf("got %v", failed["t001"].Err)
	}
	report = apply(t, f.runner(d, func(c *migrate.Config) {
		c.Find = func(context.Context, tenancy.ID) (tenancy.Tenant, error) {
			return tenancy.Tenant{}, tenancy.ErrNotFound
		}
	}))
	wantReport(t, report, 0, 1, 0, 1)
}

func TestPostgresStopsAfterFailures(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 20)
	bad := directory(t, dialect.Postgres, files{"1_bad.sql": "SELECT 1/0;\n"})
	runner := f.runner(bad, func(c *migrate.Config) { c.MaxFailures, c.Concurrency = 3, 1 })
	report, err := runner.Apply(t.Context())
	if !errors.Is(err, migrate.ErrStopped) || report.Failed != 3 || !strings.Contains(err.Error(), "too many tenants failed") {
		t.Errorf("got %+v, %v", report, err)
	}
}

// TestPostgresStopsAtARateOfFailures has a third of the tenants fail, then these alone, of whom
// there are too few to tell, and then all.
func TestPostgresStopsAtARateOfFailures(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 30)
	half := func(c *migrate.Config) { c.MaxFailureRate, c.Concurrency = 0.5, 1 }
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	for i := range 10 {
		f.exec(fmt.Sprintf("INSERT INTO t%03d.notes VALUES (1, 'same'), (2, 'same')", 3*i))
	}
	report, _ := failures(t, f.runner(directory(t, dialect.Postgres, two()), half))
	wantReport(t, report, 20, 0, 10, 0)
	report, _ = failures(t, f.runner(directory(t, dialect.Postgres, two()), half))
	wantReport(t, report, 0, 20, 10, 0)

	all := two()
	all["20260103000000_bad.sql"] = "SELECT 1/0;\n"
	report, err := f.runner(directory(t, dialect.Postgres, all), half).Apply(t.Context())
	if !errors.Is(err, migrate.ErrStopped) || report.Failed != 20 || !strings.Contains(err.Error(), "too many tenants failed") {
		t.Errorf("got %+v, %v", report, err)
	}
}

func TestPostgresCanaryGoesFirst(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 6)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	f.exec("INSERT INTO t004.notes VALUES (1, 'same'), (2, 'same')")
	canary := func(c *migrate.Config) {
		c.Waves = []migrate.Wave{{Name: "canary", Match: func(t tenancy.Tenant) bool { return t.ID == "t004" || t.ID == "t005" }}}
	}
	report, err := f.runner(directory(t, dialect.Postgres, two()), canary).Apply(t.Context())
	if !errors.Is(err, migrate.ErrStopped) || report.Applied != 1 || report.Failed != 1 ||
		!strings.Contains(err.Error(), `wave "canary"`) || strings.Contains(err.Error(), "too many") {
		t.Errorf("got %+v, %v", report, err)
	}
	f.exec("DELETE FROM t004.notes")
	var order []tenancy.ID
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, two()), canary, func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) { order = append(order, r.Tenant.ID) }
	})), 5, 1, 0, 0)
	if !slices.Contains(order[:2], "t004") || !slices.Contains(order[:2], "t005") {
		t.Errorf("order %v", order)
	}
}

// TestPostgresNamesWhoCameAPartOfTheWay ends a run between the pass of transactions and the end of the one of files that are outside of them.
func TestPostgresNamesWhoCameAPartOfTheWay(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 20)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	all := two()
	all["20260103000000_index.sql"] = "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY \"notes_label\" ON \"notes\" (\"label\");\n"
	d := directory(t, dialect.Postgres, all)
	ctx, cancel := context.WithCancel(t.Context())
	told := map[tenancy.ID]migrate.Result{}
	report, err := f.runner(d, func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) {
			told[r.Tenant.ID] = r
			cancel()
		}
	}).Apply(ctx)
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if report.Failed == 0 || report.Applied == 0 || report.Failed+report.Applied != 20 {
		t.Errorf("got %+v", report)
	}
	for id, r := range told {
		if r.From != "20260101000000" || r.Outcome == migrate.Failed && (r.To != "20260102000000" || !errors.Is(r.Err, context.Canceled)) {
			t.Errorf("%s: got %+v", id, r)
		}
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM tenancy_migrations WHERE outcome = 'failed' AND version = '20260102000000'"); n != report.Failed {
		t.Errorf("%d of %d are on record", n, report.Failed)
	}
	wantReport(t, apply(t, f.runner(d)), report.Failed, report.Applied, 0, 0)
}

func TestPostgresContextEndsBetweenTenants(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 20)
	ctx, cancel := context.WithCancel(t.Context())
	d := directory(t, dialect.Postgres, slow())
	runner := f.runner(d, func(c *migrate.Config) {
		c.Concurrency = 2
		c.OnResult = func(migrate.Result) { cancel() }
	})
	report, err := runner.Apply(ctx)
	if !errors.Is(err, context.Canceled) || report.Failed != 0 || report.Applied == 0 || report.Applied == 20 {
		t.Errorf("got %+v, %v", report, err)
	}
	begun := report.Applied
	wantReport(t, apply(t, f.runner(d)), 20-begun, begun, 0, 0)
	f.wantComplete(d)
}
