package migrate_test

import (
	"testing"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// old is what tables were like before there were migrations.
const old = `CREATE TABLE public.notes (id bigint NOT NULL PRIMARY KEY, text text NOT NULL)`

// home is what a run says of the home, by the function that hears of results.
func home(into *[]migrate.Result) func(*migrate.Config) {
	return func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) {
			if r.Tenant.ID == "" {
				*into = append(*into, r)
			}
		}
	}
}

// baseline records a version, and wants the plan of it to have told who.
func baseline(tb testing.TB, r *migrate.Runner, version string, want ...tenancy.ID) {
	tb.Helper()
	plan, err := r.BaselinePlan(tb.Context(), version)
	if err != nil {
		tb.Fatal(err)
	}
	planned := map[tenancy.ID]bool{}
	for _, result := range plan {
		if result.Outcome != migrate.Applied || result.To != version {
			tb.Errorf("planned %+v", result)
		}
		planned[result.Tenant.ID] = true
	}
	if len(planned) != len(want) {
		tb.Errorf("planned for %v, want %q", planned, want)
	}
	for _, id := range want {
		if !planned[id] {
			tb.Errorf("not planned for %q", id)
		}
	}
	report, err := r.Baseline(tb.Context(), version)
	if err != nil || report.Applied != len(want) || report.Took <= 0 || report.Took > time.Hour {
		tb.Errorf("got %+v, %v", report, err)
	}
}

func TestBaselineOfTheHomeWithMigrationsOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	f.exec(old)
	f.exec(`CREATE TABLE t001.notes (id bigint NOT NULL PRIMARY KEY, text text NOT NULL)`)
	d := directory(t, dialect.Postgres, two())
	shared := directory(t, dialect.Postgres, files{
		"20260101000000_all.sql":   two()["20260101000000_init.sql"],
		"20260103000000_plans.sql": "CREATE TABLE plans (id bigint PRIMARY KEY);\n",
	})
	var heard []migrate.Result
	runner := f.runner(d, func(c *migrate.Config) { c.Shared = shared }, home(&heard))
	baseline(t, runner, "20260101000000", "", "t001")
	if len(heard) != 1 || heard[0].To != "20260101000000" {
		t.Errorf("heard %+v", heard)
	}
	if got := one[string](t, f.home, "SELECT version || ' ' || description || ' ' || type FROM public.atlas_schema_revisions"); got != "20260101000000 all 1" {
		t.Errorf("recorded %s", got)
	}
	wantReport(t, apply(t, runner), 3, 0, 0, 0)
	baseline(t, runner, "20260101000000")
}

// TestBaselineOfAVersionThatOneDirectoryHas records it where that directory is meant.
func TestBaselineOfAVersionThatOneDirectoryHas(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	f.exec(old)
	f.exec(`CREATE TABLE t000.notes (id bigint NOT NULL PRIMARY KEY, text text NOT NULL)`)
	shared := directory(t, dialect.Postgres, files{"20260103000000_shared.sql": two()["20260101000000_init.sql"]})
	runner := f.runner(directory(t, dialect.Postgres, two()), func(c *migrate.Config) { c.Shared = shared })
	if _, err := runner.Baseline(t.Context(), "20260104000000"); err == nil {
		t.Error("a version that there is not was recorded")
	}
	if _, err := runner.BaselinePlan(t.Context(), "20260104000000"); err == nil {
		t.Error("a version that there is not was planned")
	}
	baseline(t, runner, "20260103000000", "")
	baseline(t, runner, "20260101000000", "t000")
	wantReport(t, apply(t, runner), 1, 1, 0, 0)
}

func TestBaselineOfTheHomeWithoutMigrationsOfItsOwn(t *testing.T) {
	t.Parallel()
	for _, lives := range []bool{false, true} {
		f := newPostgres(t, 0)
		f.exec(old)
		if lives {
			f.record(sharedTenant())
		}
		runner := f.runner(directory(t, dialect.Postgres, two()))
		baseline(t, runner, "20260101000000", "")
		if !lives {
			f.record(sharedTenant())
		}
		wantReport(t, apply(t, runner), 1, 0, 0, 0)
	}
}

// TestBaselineLeavesAHomeWithoutTablesAlone also has one with a record already.
func TestBaselineLeavesAHomeWithoutTablesAlone(t *testing.T) {
	t.Parallel()
	for _, configure := range []func(*migrate.Config){
		func(*migrate.Config) {},
		func(c *migrate.Config) { c.Shared = c.Directory },
	} {
		f := newPostgres(t, 1)
		runner := f.runner(directory(t, dialect.Postgres, two()), configure)
		baseline(t, runner, "20260101000000")
		if n := one[int](t, f.home, "SELECT count(*) FROM pg_tables WHERE tablename = 'atlas_schema_revisions'"); n != 0 {
			t.Errorf("%d records were begun", n)
		}
		f.exec("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
		f.record(sharedTenant())
		apply(t, runner)
		baseline(t, runner, "20260101000000")
		if got := one[string](t, f.home, "SELECT max(version) FROM public.atlas_schema_revisions"); got != "20260102000000" {
			t.Errorf("recorded %s", got)
		}
	}
}

func TestBaselineOnOtherDatabases(t *testing.T) {
	t.Parallel()
	t.Run("mariadb", func(t *testing.T) {
		t.Parallel()
		f := newMariaDB(t, 1)
		f.exec("CREATE TABLE notes (id bigint PRIMARY KEY, text varchar(100))")
		runner := f.runner(directory(t, dialect.MySQL, maria()))
		baseline(t, runner, "20260101000000", "")
		baseline(t, runner, "20260101000000")
	})
	t.Run("sqlite", func(t *testing.T) {
		t.Parallel()
		f := newLite(t, 1)
		f.exec("CREATE TABLE notes (id bigint PRIMARY KEY, text varchar(100))")
		runner := f.runner(directory(t, dialect.SQLite, lite()), withLite)
		baseline(t, runner, "20260101000000", "")
		baseline(t, runner, "20260101000000")
	})
}
