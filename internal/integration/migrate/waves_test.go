package migrate_test

import (
	"context"
	"errors"
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

// canary has one tenant go first.
func canary(id tenancy.ID) func(*migrate.Config) {
	return func(c *migrate.Config) {
		c.Waves = []migrate.Wave{{Name: "canary", Match: func(t tenancy.Tenant) bool { return t.ID == id }}}
	}
}

// old has all tenants from before the run: others would be looked at again anyway.
func (f *fleet) old() {
	for i := range f.tenants {
		f.tenants[i].CreatedAt = time.Now().Add(-time.Hour)
	}
}

// lock has a session at a tenant as another run would, and returns what ends it.
func (f *fleet) lock(schema string) (unlock func()) {
	f.t.Helper()
	conn, err := f.home.Conn(f.t.Context())
	if err == nil {
		_, err = conn.ExecContext(f.t.Context(), "SELECT pg_advisory_lock($1)", migrate.LockKey(schema))
	}
	if err != nil {
		f.t.Fatal(err)
	}
	return sync.OnceFunc(func() {
		defer conn.Close()
		if _, err := conn.ExecContext(context.WithoutCancel(f.t.Context()), "SELECT pg_advisory_unlock($1)", migrate.LockKey(schema)); err != nil {
			f.t.Error(err)
		}
	})
}

// TestPostgresCanaryIsLocked has another session at a tenant of the first wave for longer than
// the run waits, and then until the run has found it so.
func TestPostgresCanaryIsLocked(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 6)
	f.old()
	d := directory(t, dialect.Postgres, once())
	unlock := f.lock("t004")
	defer unlock()
	report, err := f.runner(d, canary("t004"), func(c *migrate.Config) { c.LockWait = 20 * time.Millisecond }).Apply(t.Context())
	if !errors.Is(err, migrate.ErrStopped) || !errors.Is(err, migrate.ErrLocked) || report.Failed != 1 || report.Applied != 0 {
		t.Errorf("nobody knows how the canary is: %+v, %v", report, err)
	}

	passes, order := 0, []tenancy.ID(nil)
	wantReport(t, apply(t, f.runner(d, canary("t004"), func(c *migrate.Config) {
		c.Tenants = func(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
			if passes++; passes == 2 { // the first has found it locked
				unlock()
			}
			return f.all(ctx)
		}
		c.OnResult = func(r migrate.Result) { order = append(order, r.Tenant.ID) }
	})), 6, 0, 0, 0)
	if order[0] != "t004" {
		t.Errorf("order %v", order)
	}
}

// TestPostgresCanaryFailsForAnotherRun has a second run begin while the first is at a canary that will fail.
func TestPostgresCanaryFailsForAnotherRun(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 6)
	f.old()
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	d := directory(t, dialect.Postgres, files{
		"20260101000000_init.sql": first()["20260101000000_init.sql"],
		"20260102000000_fail.sql": "SELECT pg_sleep(1);\nINSERT INTO \"notes\" VALUES (1, CASE current_schema() WHEN 't004' THEN NULL ELSE 'x' END);\n",
	})
	var wait sync.WaitGroup
	for range 2 {
		wait.Go(func() {
			report, err := f.runner(d, canary("t004")).Apply(t.Context())
			if !errors.Is(err, migrate.ErrStopped) || report.Applied != 0 || report.Failed != 1 {
				t.Errorf("got %+v, %v", report, err)
			}
		})
	}
	wait.Wait()
}

// TestPostgresCanaryWithoutAPlace has a wave of tenants that are being provisioned: alone, and beside one that is not.
func TestPostgresCanaryWithoutAPlace(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 3)
	half := f.record(f.tenantOf("half"))
	f.tenants[3].Status = tenancy.StatusProvisioning
	f.old()
	d := directory(t, dialect.Postgres, once())
	report, err := f.runner(d, canary(half.ID)).Apply(t.Context())
	if !errors.Is(err, migrate.ErrStopped) || !strings.Contains(err.Error(), `nobody of the wave "canary"`) || report.Applied != 0 {
		t.Errorf("got %+v, %v", report, err)
	}
	wantReport(t, apply(t, f.runner(d, func(c *migrate.Config) {
		c.Waves = []migrate.Wave{{Name: "canaries", Match: func(t tenancy.Tenant) bool { return slices.Contains([]tenancy.ID{half.ID, "t000"}, t.ID) }}}
	})), 3, 0, 0, 1)
}

// TestPostgresCanaryInSharedTables has a tenant beside one that is being provisioned whose tables are the home's, brought up to date before.
func TestPostgresCanaryInSharedTables(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	half, shared := f.record(f.tenantOf("half")), f.record(sharedTenant())
	f.tenants[2].Status = tenancy.StatusProvisioning
	f.old()
	d := directory(t, dialect.Postgres, once())
	wantReport(t, apply(t, f.runner(d, func(c *migrate.Config) {
		c.Shared = d
		c.Waves = []migrate.Wave{{Name: "canaries", Match: func(t tenancy.Tenant) bool { return t.ID == half.ID || t.ID == shared.ID }}}
	})), 3, 0, 0, 1)
}
