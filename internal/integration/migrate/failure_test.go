package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// TestPostgresServerRestartsDuringTheRun crashes the server, and starts it again on the same data.
func TestPostgresServerRestartsDuringTheRun(t *testing.T) {
	t.Parallel()
	server := servers.NewPrivatePostgres(t)
	for _, how := range []servers.Shutdown{servers.Immediate, servers.Fast} {
		url := server.Database(t)
		f := &fleet{t: t, dialect: dialect.Postgres, home: open(t, "pgx", url), url: url}
		for i := range 30 {
			f.add(fmt.Sprintf("t%03d", i))
		}
		d := directory(t, dialect.Postgres, once())
		told := 0
		var restart sync.WaitGroup
		report, err := f.runner(d, func(c *migrate.Config) {
			c.OnResult = func(migrate.Result) {
				if told++; told == 3 {
					restart.Go(func() { server.Restart(t, how) }) // while tenants are at work
				}
			}
		}).Apply(t.Context())
		restart.Wait()
		var partial *migrate.PartialError
		if err != nil && !errors.As(err, &partial) {
			t.Errorf("%s: got %v", how, err)
		}
		t.Logf("%s: %+v, %v", how, report, err)
		again := apply(t, f.runner(d))
		if again.Applied+again.Unchanged != 30 || again.Unchanged < 3 {
			t.Errorf("%s: got %+v", how, again)
		}
		f.wantComplete(d)
	}
}

// TestPostgresCrashTakesNothingBack crashes a server as soon as a run has told of some tenants, while others are at work. Commits that do not
// wait for the server's log to be written are lost.
func TestPostgresCrashTakesNothingBack(t *testing.T) {
	t.Parallel()
	const tenants = 300
	server := servers.NewPrivatePostgres(t)
	if _, err := open(t, "pgx", server.Admin()).ExecContext(t.Context(), "ALTER SYSTEM SET wal_buffers = '64MB'"); err != nil {
		t.Fatal(err)
	}
	server.Restart(t, servers.Fast)
	url := server.Database(t)
	f := &fleet{t: t, dialect: dialect.Postgres, home: open(t, "pgx", url), url: url}
	for i := range tenants {
		f.add(fmt.Sprintf("t%03d", i))
		f.tenants[i].CreatedAt = time.Now().Add(-time.Hour) // or they would be looked at again anyway
	}
	apply(t, f.runner(directory(t, dialect.Postgres, first())))

	crash := server.HoldLog(t)
	told := map[tenancy.ID]migrate.Result{}
	applied := 0
	d := directory(t, dialect.Postgres, once())
	report, failed := failures(t, f.runner(d, func(c *migrate.Config) {
		c.OnResult = func(result migrate.Result) {
			told[result.Tenant.ID] = result
			if result.Outcome != migrate.Applied {
				return
			}
			if applied++; applied == 3 {
				crash()
			}
		}
	}))
	t.Logf("crashed within: %+v", report)
	unconfirmed := 0
	for _, result := range failed {
		if errors.Is(result.Err, migrate.ErrUnconfirmed) {
			unconfirmed++
		}
	}
	if len(told) != tenants || report.Applied != applied || unconfirmed == 0 {
		t.Errorf("got %+v with %d unconfirmed, and was told of %d, %d of them applied", report, unconfirmed, len(told), applied)
	}
	for status, err := range f.runner(d).Status(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if told[status.Tenant.ID].Outcome == migrate.Applied && status.Pending > 0 {
			t.Errorf("%s was said to be at the newest version, and is at %q", status.Tenant.ID, status.Version)
		}
	}
	apply(t, f.runner(d))
	f.wantComplete(d)
}

// TestPostgresBehindPgBouncer runs through a pooler that has fewer connections than the runner, in transaction mode.
func TestPostgresBehindPgBouncer(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 12)
	pooled := open(t, "pgx", servers.PgBouncer(t, f.url, 3)+"&default_query_exec_mode=exec")
	through := func(c *migrate.Config) { c.Home, c.Concurrency = pooled, 4 }
	d := directory(t, dialect.Postgres, once())
	wantReport(t, apply(t, f.runner(d, through)), 12, 0, 0, 0)
	wantReport(t, apply(t, f.runner(d, through)), 0, 12, 0, 0)
	f.wantComplete(d)
	if drift, err := f.runner(d, through).Drift(t.Context()); err != nil || len(drift.Drifts) > 0 {
		t.Errorf("drift %+v, %v", drift, err)
	}
	var locks int
	err := f.home.QueryRowContext(t.Context(), "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND database = (SELECT oid FROM pg_database WHERE datname = current_database())").Scan(&locks)
	if err != nil || locks != 0 {
		t.Errorf("%d locks are left on the pooler's connections, %v", locks, err)
	}
	// A file outside of transactions would go to whatever schema the last one has left.
	alone := once()
	alone["20260104000000_alone.sql"] = "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY \"notes_label\" ON \"notes\" (\"label\");\n"
	report, failed := failures(t, f.runner(directory(t, dialect.Postgres, alone), through))
	if report.Failed != 12 || !errors.Is(failed["t000"].Err, migrate.ErrPooler) {
		t.Errorf("got %+v, %v", report, failed["t000"].Err)
	}
	for range 5 {
		if path := one[string](t, pooled, "SHOW search_path"); strings.Contains(path, "t0") {
			t.Errorf("the pooler's connection has the search path %s", path)
		}
	}
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, alone))), 12, 0, 0, 0)
}

// TestPostgresDiskIsFull gives the tables a disk of their own that is too small for the rows of one tenant.
func TestPostgresDiskIsFull(t *testing.T) {
	t.Parallel()
	disk := servers.SmallDisk(t, 16)
	server := servers.NewPrivatePostgres(t)
	admin := open(t, "pgx", server.Admin())
	url := server.Database(t)
	f := &fleet{t: t, dialect: dialect.Postgres, home: open(t, "pgx", url), url: url}
	if _, err := admin.ExecContext(t.Context(), "CREATE TABLESPACE small LOCATION '"+disk+"'"); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ExecContext(t.Context(), "GRANT CREATE ON TABLESPACE small TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	for i := range 6 {
		f.add(fmt.Sprintf("t%03d", i))
	}
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	large := func(schema string, rows int) {
		f.exec(fmt.Sprintf("INSERT INTO %s.notes SELECT i, repeat(md5(i::text), 20) FROM generate_series(1, %d) i", schema, rows))
	}
	large("t002", 40_000) // 26 MB
	files := first()
	files["20260102000000_move.sql"] = "CREATE TABLE \"copies\" TABLESPACE small AS SELECT * FROM \"notes\";\nINSERT INTO \"notes\" VALUES (0, 'once');\n"
	d := directory(t, dialect.Postgres, files)
	report, failed := failures(t, f.runner(d))
	wantReport(t, report, 5, 0, 1, 0)
	if err := failed["t002"].Err; err == nil || !strings.Contains(err.Error(), "53100") {
		t.Errorf("got %v", err)
	}
	f.exec("DELETE FROM t002.notes")
	wantReport(t, apply(t, f.runner(d)), 1, 5, 0, 0)
	f.wantComplete(d)
}

// TestSQLiteDiskIsFull lets a tenant's file grow to a few pages only, which is SQLite's own way of a full disk.
func TestSQLiteDiskIsFull(t *testing.T) {
	t.Parallel()
	f := newLite(t, 5)
	full := true
	withQuota := func(c *migrate.Config) {
		c.Open = func(ctx context.Context, tenant tenancy.Tenant) (migrate.Database, error) {
			if full && tenant.ID == f.tenants[2].ID {
				db, err := sql.Open("sqlite", "file:"+tenant.Placement.Schema+"?_pragma=max_page_count(4)")
				return migrate.Database{DB: db, Server: "files"}, err
			}
			return openLite(ctx, tenant)
		}
	}
	d := directory(t, dialect.SQLite, lite())
	report, failed := failures(t, f.runner(d, withQuota))
	wantReport(t, report, 4, 0, 1, 0)
	if err := failed[f.tenants[2].ID].Err; err == nil || !strings.Contains(err.Error(), "full") {
		t.Errorf("got %v", err)
	}
	full = false
	wantReport(t, apply(t, f.runner(d, withQuota)), 1, 4, 0, 0)
	f.wantLite()
}

// TestMemoryIsFlat goes through ten times as many tenants, of a registry that keeps none of them, in the same memory.
func TestMemoryIsFlat(t *testing.T) {
	// Not parallel: it measures the process.
	f := newPostgres(t, 1)
	d := directory(t, dialect.Postgres, once())
	apply(t, f.runner(d))
	peak := func(n int) uint64 {
		runner := f.runner(d, func(c *migrate.Config) {
			c.Tenants = func(context.Context) iter.Seq2[tenancy.Tenant, error] {
				return func(yield func(tenancy.Tenant, error) bool) {
					for i := range n {
						// All in the schema that there is: what the runner holds is the same.
						tenant := f.tenantOf("t000")
						tenant.ID = tenancy.ID(fmt.Sprintf("tenant-%07d", i))
						tenant.CreatedAt = time.Now().Add(-time.Hour)
						if !yield(tenant, nil) {
							return
						}
					}
				}
			}
		})
		var most uint64
		seen := 0
		for status, err := range runner.Status(t.Context()) {
			if err != nil || status.Err != nil || status.Pending > 0 {
				t.Fatalf("got %+v, %v", status, err)
			}
			if seen++; seen%(n/10) == 0 {
				var memory runtime.MemStats
				runtime.GC()
				runtime.ReadMemStats(&memory)
				most = max(most, memory.HeapAlloc)
			}
		}
		if seen != n {
			t.Errorf("%d of %d", seen, n)
		}
		return most
	}
	few := peak(1_000)
	many := peak(10_000)
	t.Logf("heap in use: %d kB with 1000 tenants, %d kB with 10000", few/1024, many/1024)
	if many > few+few/4+1<<20 {
		t.Errorf("10000 tenants take %d bytes, and 1000 take %d", many, few)
	}
}

// TestTenantsAreDeletedDuringTheRun drops tenants' places while the run is at others, on each database.
func TestTenantsAreDeletedDuringTheRun(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newMariaDB, newLite} {
		f := start(t, 8)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			last := f.tenants[7]
			gone := false
			runner := f.runner(directory(t, f.dialect, killed(f.dialect)), func(c *migrate.Config) {
				c.Concurrency = 1
				if f.dialect == dialect.SQLite {
					c.Open = openLite
				}
				c.Find = func(_ context.Context, id tenancy.ID) (tenancy.Tenant, error) {
					if id == last.ID {
						return tenancy.Tenant{}, tenancy.ErrNotFound
					}
					return f.tenantOf(string(id)), nil
				}
				c.OnResult = func(migrate.Result) {
					if gone {
						return
					}
					if gone = true; f.dialect == dialect.SQLite {
						if err := os.Remove(last.Placement.Schema); err != nil {
							t.Error(err)
						}
						return
					}
					f.exec("DROP DATABASE " + last.Placement.Schema)
				}
			})
			report := apply(t, runner)
			wantReport(t, report, 7, 0, 0, 1)
			f.forget(last.ID)
			if f.dialect == dialect.SQLite {
				if left, err := filepath.Glob(last.Placement.Schema + "*"); err != nil || len(left) > 0 {
					t.Errorf("there is %q", left)
				}
				f.wantLiteAlone()
				return
			}
			f.wantMaria()
		})
	}
}
