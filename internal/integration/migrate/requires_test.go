package migrate_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// requires is a runner's Requires, which must not fail.
func requires(tb testing.TB, r *migrate.Runner, version string) func(context.Context, tenancy.Tenant) error {
	tb.Helper()
	ready, err := r.Requires(version)
	if err != nil {
		tb.Fatal(err)
	}
	return ready
}

// TestRequires has a tenant that is up to date, one that is behind and one that is gone, on each database.
func TestRequires(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 3)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			configure := func(c *migrate.Config) {
				if f.dialect == dialect.SQLite {
					c.Open = openLite
				}
			}
			all := killed(f.dialect)
			old := files{"20260101000000_init.sql": all["20260101000000_init.sql"]}
			runner := f.runner(directory(t, f.dialect, all), configure)
			now, then, gone := f.tenants[0], f.tenants[1], f.tenants[2]
			gone.Placement.Schema += "_not_there"
			if _, err := runner.ApplyTo(t.Context(), now); err != nil {
				t.Fatal(err)
			}
			if _, err := f.runner(directory(t, f.dialect, old), configure).ApplyTo(t.Context(), then); err != nil {
				t.Fatal(err)
			}
			last, earlier := requires(t, runner, ""), requires(t, runner, "20260101000000")
			for _, test := range []struct {
				name   string
				ready  func(context.Context, tenancy.Tenant) error
				tenant tenancy.Tenant
				want   error
			}{
				{"up to date", last, now, nil},
				{"behind", last, then, tenancy.ErrBehind},
				{"new enough", earlier, then, nil},
				{"newer than that", earlier, now, nil},
				{"nothing applied", earlier, f.tenants[2], tenancy.ErrBehind},
				{"not there", earlier, gone, tenancy.ErrNotProvisioned},
				{"shared tables", last, sharedTenant(), tenancy.ErrBehind},
			} {
				if err := test.ready(t.Context(), test.tenant); !errors.Is(err, test.want) {
					t.Errorf("%s: %v", test.name, err)
				}
			}
			if _, err := runner.ApplyTo(t.Context(), sharedTenant()); err != nil {
				t.Fatal(err)
			}
			if err := last(t.Context(), sharedTenant()); err != nil {
				t.Errorf("shared tables: %v", err)
			}
			if _, err := runner.Requires("20250101000000"); !errors.Is(err, migrate.ErrDirectory) {
				t.Errorf("a version that there is not: %v", err)
			}
		})
	}
}

// TestRequiresAFileToItsEnd stops within a file.
func TestRequiresAFileToItsEnd(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 1)
	broken := files{"20260101000000_init.sql": maria()["20260101000000_init.sql"] + "BROKEN;\n"}
	runner := f.runner(directory(t, dialect.MySQL, broken))
	failures(t, runner)
	if err := requires(t, runner, "")(t.Context(), f.tenants[0]); !errors.Is(err, tenancy.ErrBehind) {
		t.Errorf("got %v", err)
	}
}

// TestDriverRefusesWhoIsBehind has an application that is newer than one of its tenants' tables.
func TestDriverRefusesWhoIsBehind(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 2)
	d := directory(t, dialect.MySQL, maria())
	runner := f.runner(d)
	if _, err := runner.ApplyTo(t.Context(), f.tenants[0]); err != nil {
		t.Fatal(err)
	}
	home := mysql.Schemas(entsql.OpenDB(dialect.MySQL, open(t, "mysql", f.url)))
	drv, err := driver.New(home, driver.Config{Ready: requires(t, runner, "")})
	if err != nil {
		t.Fatal(err)
	}
	count := func(tenant tenancy.Tenant) error {
		var rows entsql.Rows
		err := drv.Query(tenancy.NewContext(t.Context(), tenant), "SELECT * FROM `tenancy_tenant`.`notes`", []any{}, &rows)
		if err == nil {
			err = rows.Close()
		}
		return err
	}
	if err := count(f.tenants[0]); err != nil {
		t.Error(err)
	}
	err = count(f.tenants[1])
	if !errors.Is(err, tenancy.ErrBehind) || !strings.Contains(err.Error(), d.Version()) {
		t.Errorf("got %v", err)
	}
	wantReport(t, apply(t, runner), 1, 1, 0, 0)
	changed := f.tenants[1]
	changed.Version++ // the record is a new one, so nobody waits for the refusal to be forgotten
	if err := count(changed); err != nil {
		t.Error(err)
	}
}

// TestRequiresOfOwnDatabases closes what it has opened.
func TestRequiresOfOwnDatabases(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 0)
	url := servers.Postgres(t)
	own := f.record(tenancy.Tenant{
		ID: "own", Identifier: "own", Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(url)},
	})
	runner := f.runner(directory(t, dialect.Postgres, once()))
	ready := requires(t, runner, "")
	if err := ready(t.Context(), own); !errors.Is(err, tenancy.ErrBehind) {
		t.Errorf("got %v", err)
	}
	wantReport(t, apply(t, runner), 1, 0, 0, 0)
	for range 20 {
		if err := ready(t.Context(), own); err != nil {
			t.Error(err)
		}
	}
	if n := one[int](t, open(t, "pgx", url), "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"); n > 3 {
		t.Errorf("%d connections are left", n)
	}
}
