package migrate_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// kept are migrations of a table that tenants share, by what the database itself holds them to.
func kept() files {
	return files{"1_init.sql": `CREATE TABLE notes (id bigint PRIMARY KEY, tenant_id text NOT NULL, label text);
CREATE UNIQUE INDEX notes_label ON notes (tenant_id, label);
ALTER TABLE notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE notes FORCE ROW LEVEL SECURITY;
CREATE POLICY kept ON notes USING (tenant_id = current_setting('a.b'));
`}
}

// differs are what drifts tell, by tenant, in one text.
func differs(report *migrate.DriftReport) string {
	var all []string
	for _, d := range report.Drifts {
		all = append(all, string(d.Tenant.ID)+": "+strings.Join(d.Missing, "; ")+" | "+strings.Join(d.Extra, "; "))
	}
	slices.Sort(all)
	return strings.Join(all, "\n")
}

// TestPostgresDriftOfTheHome changes the shared tables: with migrations of the home's own, and with those of the tenants who live there.
func TestPostgresDriftOfTheHome(t *testing.T) {
	t.Parallel()
	for name, configure := range map[string]func(*fleet, *migrate.Config){
		"a tenant in shared tables":    func(f *fleet, _ *migrate.Config) { f.record(sharedTenant()) },
		"migrations of the home's own": func(_ *fleet, c *migrate.Config) { c.Shared = directory(t, dialect.Postgres, kept()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPostgres(t, 1)
			runner := f.runner(directory(t, dialect.Postgres, kept()), func(c *migrate.Config) { configure(f, c) })
			report, err := runner.Drift(t.Context())
			if err != nil || report.Checked != 0 || report.Behind != 2 {
				t.Errorf("nothing is applied: %+v, %v", report, err)
			}
			apply(t, runner)
			// What is not of the migrations is somebody else's, whatever it is.
			f.exec("CREATE TABLE others (id bigint PRIMARY KEY); CREATE INDEX ON others (id); CREATE VIEW notes_of AS SELECT * FROM notes")
			f.wantNoDrift(runner, 2)

			f.exec("ALTER TABLE notes DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY, ADD COLUMN stray int; DROP INDEX notes_label; DROP VIEW notes_of; ALTER TABLE notes DROP COLUMN label")
			report, err = runner.Drift(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			want := ": column notes.label text; index CREATE UNIQUE INDEX notes_label ON notes USING btree (tenant_id, label); row-level security notes forced" +
				" | column notes.stray integer"
			if got := differs(report); got != want || report.Checked != 2 {
				t.Errorf("got %q of %+v", got, report)
			}
			f.exec("DROP TABLE notes")
			report, err = runner.Drift(t.Context())
			if err != nil || len(report.Drifts) != 1 || len(report.Drifts[0].Missing) < 5 || len(report.Drifts[0].Extra) != 0 {
				t.Errorf("without the table: %+v, %v", report, err)
			}
		})
	}
}

// TestPostgresDriftOfAHomeThatCannotBeCompared still looks at the tenants.
func TestPostgresDriftOfAHomeThatCannotBeCompared(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	runner := f.runner(directory(t, dialect.Postgres, first()), func(c *migrate.Config) {
		c.Shared = directory(t, dialect.Postgres, files{"1_init.sql": "CREATE TABLE mine (id public.mine_id);\n"})
	})
	f.exec("CREATE DOMAIN mine_id AS bigint")
	apply(t, runner)
	f.exec("DROP DOMAIN mine_id CASCADE; ALTER TABLE t000.notes ADD COLUMN stray int")
	report, err := runner.Drift(t.Context())
	var partial *migrate.PartialError
	if !errors.As(err, &partial) || len(partial.Failures) != 1 || partial.Failures[0].Tenant.ID != "" ||
		!strings.Contains(err.Error(), "the home: migrate: finding out what the migrations make") {
		t.Fatalf("got %v", err)
	}
	if got := differs(report); got != "t000:  | column notes.stray integer" || report.Checked != 1 {
		t.Errorf("got %q of %+v", got, report)
	}
}

// TestPostgresDriftOfWhoIsNotThere tells a tenant that has lost its schema from one that has none yet.
func TestPostgresDriftOfWhoIsNotThere(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	runner := f.runner(directory(t, dialect.Postgres, first()))
	apply(t, runner)
	f.exec("DROP SCHEMA t001 CASCADE")
	half := f.tenantOf("half")
	half.Status = tenancy.StatusProvisioning
	f.record(half)
	report, err := runner.Drift(t.Context())
	var partial *migrate.PartialError
	if !errors.As(err, &partial) || len(partial.Failures) != 1 || partial.Failures[0].Tenant.ID != "t001" || !errors.Is(err, tenancy.ErrNotProvisioned) {
		t.Errorf("got %v", err)
	}
	if report == nil || report.Checked != 1 || report.Behind != 0 || len(report.Drifts) != 0 {
		t.Errorf("got %+v", report)
	}
}

// TestPostgresDriftOfNobody is refused: nobody has said who there is.
func TestPostgresDriftOfNobody(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 0)
	_, err := f.runner(directory(t, dialect.Postgres, first()), func(c *migrate.Config) { c.Tenants = nil }).Drift(t.Context())
	if err == nil || !strings.Contains(err.Error(), "Config.Tenants is missing") {
		t.Errorf("got %v", err)
	}
}

// TestPostgresDriftOfAHomeWithOthers has migrations that use what they do not make, and make what is in no schema.
func TestPostgresDriftOfAHomeWithOthers(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	f.exec("CREATE TABLE tenancy_tenants (id text PRIMARY KEY); CREATE SEQUENCE others; CREATE TABLE tenancy_counters (n int); INSERT INTO tenancy_counters VALUES (1)")
	runner := f.runner(directory(t, dialect.Postgres, first()), func(c *migrate.Config) {
		c.Shared = directory(t, dialect.Postgres, files{
			"1_init.sql": `-- atlas:delimiter \n\n

CREATE EXTENSION citext; CREATE SCHEMA reports;
CREATE PUBLICATION told;
CREATE TABLE mine (id bigint PRIMARY KEY, name citext, tenant_id text NOT NULL REFERENCES tenancy_tenants (id));
SELECT setval('others', 7);
UPDATE tenancy_counters SET n = n + 1;
`,
		})
	})
	apply(t, runner)
	f.exec("SELECT setval('others', 100)")
	f.wantNoDrift(runner, 2)
	if last, n := one[int](t, f.home, "SELECT last_value FROM others"), one[int](t, f.home, "SELECT n FROM tenancy_counters"); last != 100 || n != 2 {
		t.Errorf("the sequence is at %d, the counter is %d", last, n)
	}
	f.exec("ALTER TABLE mine DROP CONSTRAINT mine_tenant_id_fkey")
	report, err := runner.Drift(t.Context())
	want := ": constraint mine.mine_tenant_id_fkey FOREIGN KEY (tenant_id) REFERENCES tenancy_tenants(id) | "
	if err != nil || differs(report) != want {
		t.Errorf("got %+v, %v", report, err)
	}
}
