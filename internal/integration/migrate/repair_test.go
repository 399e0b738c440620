package migrate_test

import (
	"bytes"
	"errors"
	"fmt"
	"maps"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
)

// alone are migrations with a file outside of transactions between two others.
func alone() files {
	return files{
		"20260101000000_init.sql":  first()["20260101000000_init.sql"],
		"20260102000000_alone.sql": "-- atlas:txmode none\n\nCREATE /* one */ UNIQUE INDEX -- of each\nCONCURRENTLY \"notes_unique\" ON \"notes\" (\"text\");\nINSERT INTO \"notes\" VALUES (1, 'once');\n",
		"20260103000000_last.sql":  "ALTER TABLE \"notes\" ADD COLUMN \"label\" text;\n",
	}
}

func TestPostgresFilesOutsideOfTransactions(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 6)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	f.exec("INSERT INTO t004.notes VALUES (5, 'same'), (6, 'same')")
	f.add("new")
	d := directory(t, dialect.Postgres, alone())
	report, failed := failures(t, f.runner(d))
	wantReport(t, report, 6, 0, 1, 0)
	if got := failed["t004"]; got.File != "20260102000000_alone.sql" || got.Line != 3 {
		t.Errorf("got %+v", got)
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM pg_index WHERE NOT indisvalid"); n != 0 {
		t.Error("an invalid index was left")
	}
	f.exec("DELETE FROM t004.notes")
	wantReport(t, apply(t, f.runner(d)), 1, 6, 0, 0)
	f.wantComplete(d)
}

// TestPostgresFromBeforeBothPasses has a file in a transaction before one outside of them: two passes of a run, and one result.
func TestPostgresFromBeforeBothPasses(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	f.exec("INSERT INTO t001.notes VALUES (5, 'same'), (6, 'same')")
	d := directory(t, dialect.Postgres, files{
		"20260101000000_init.sql":  first()["20260101000000_init.sql"],
		"20260102000000_label.sql": "ALTER TABLE \"notes\" ADD COLUMN \"label\" text;\n",
		"20260103000000_alone.sql": "-- atlas:txmode none\n\nCREATE UNIQUE INDEX CONCURRENTLY \"notes_unique\" ON \"notes\" (\"text\");\n",
	})
	got := map[tenancy.ID]string{}
	_, _ = failures(t, f.runner(d, func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) { got[r.Tenant.ID] += fmt.Sprintf("%s %s to %s.", r.Outcome, r.From, r.To) }
	}))
	want := map[tenancy.ID]string{
		"t000": "applied 20260101000000 to 20260103000000.",
		"t001": "failed 20260101000000 to 20260102000000.",
	}
	if !maps.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

// TestPostgresInDoubt makes the state of a run that was killed within CREATE INDEX CONCURRENTLY.
func TestPostgresInDoubt(t *testing.T) {
	t.Parallel()
	for _, index := range []string{"", "CREATE UNIQUE INDEX notes_unique ON t000.notes (text)"} {
		f := newPostgres(t, 1)
		d := directory(t, dialect.Postgres, alone())
		apply(t, f.runner(directory(t, dialect.Postgres, first())))
		if index != "" {
			f.exec(index)
		}
		f.exec(`INSERT INTO t000.atlas_schema_revisions VALUES ('20260102000000', 'alone', 2, 0, 2, now(), 0, 'tenancy: begun, and not known to be done', '', 'x', 'null', '')`)
		wantReport(t, apply(t, f.runner(d)), 1, 0, 0, 0)
		f.wantComplete(d)
	}
}

func TestPostgresBaseline(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 3)
	f.exec(`CREATE TABLE t001.notes (id bigint NOT NULL PRIMARY KEY, text text NOT NULL)`)
	runner := f.runner(directory(t, dialect.Postgres, two()))
	_, failed := failures(t, runner)
	if len(failed) != 1 || !errors.Is(failed["t001"].Err, migrate.ErrDirty) {
		t.Errorf("got %v", failed)
	}
	report, err := runner.Baseline(t.Context(), "20260101000000")
	if err != nil || report.Applied != 1 || report.Unchanged != 2 {
		t.Errorf("got %+v, %v", report, err)
	}
	wantReport(t, apply(t, runner), 1, 2, 0, 0)
	if got := one[string](t, f.home, "SELECT string_agg(type || ':' || applied, ',' ORDER BY version) FROM t001.atlas_schema_revisions"); got != "1:0,2:2" {
		t.Errorf("revisions %s", got)
	}
}

func TestPostgresPlanAndStatus(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 5)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	f.add("new")
	f.exec("DROP SCHEMA t001 CASCADE")
	f.exec("DELETE FROM t002.atlas_schema_revisions")
	runner := f.runner(directory(t, dialect.Postgres, two()))
	plan, err := runner.Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var printed bytes.Buffer
	if _, err := plan.WriteTo(&printed); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{
		"-- 1 from version none to 20260102000000: new\n-- 20260101000000_init.sql\n", "CREATE TABLE \"notes\"",
		"-- 3 from version 20260101000000 to 20260102000000: t000, t003, t004\n-- 20260102000000_label.sql\nALTER TABLE",
		"-- cannot be applied: migrate: tables without revisions",
		"-- cannot be applied: migrate: tenancy: tenant is not provisioned",
	} {
		if !strings.Contains(printed.String(), want) {
			t.Errorf("%q is not in:\n%s", want, printed.String())
		}
	}
	pending := map[tenancy.ID]int{}
	for status, err := range runner.Status(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if status.Err == nil {
			pending[status.Tenant.ID] = status.Pending
		}
		if len(pending) == 3 {
			break // and nobody is left waiting
		}
	}
	if len(pending) != 3 {
		t.Errorf("got %v", pending)
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM pg_tables WHERE schemaname = 'new'"); n != 0 {
		t.Error("a plan changed something")
	}
}

// TestStatementThatFailedIsTakenOut has nothing left of a file that was applied in a part, on each database.
func TestStatementThatFailedIsTakenOut(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 0)
		f.record(sharedTenant())
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			const good = "-- atlas:txmode none\n\nCREATE TABLE notes (id int PRIMARY KEY);\n"
			failures(t, f.runner(directory(t, f.dialect, files{"1_init.sql": good + "DROP TABLE missing;\n"})))
			runner := f.runner(directory(t, f.dialect, files{"1_init.sql": good}))
			if _, err := runner.Repair(t.Context(), sharedTenant(), true); err == nil || !strings.Contains(err.Error(), "no statement of 1_init.sql is left") {
				t.Errorf("a repair of what is not there: %v", err)
			}
			wantReport(t, apply(t, runner), 1, 0, 0, 0)
			wantReport(t, apply(t, runner), 0, 1, 0, 0)
			if got := f.versions(runner); got != "1+0" {
				t.Errorf("at %q", got)
			}
			if err := requires(t, runner, "")(t.Context(), sharedTenant()); err != nil {
				t.Error(err)
			}
			if got := one[string](t, f.home, "SELECT "+concat(f.dialect, "applied", "total", "error", "error_stmt", "partial_hashes")+" FROM atlas_schema_revisions"); got != "1:1:::null" {
				t.Errorf("recorded %s", got)
			}
		})
	}
}

// concat is an expression that joins columns by colons.
func concat(dialectName string, columns ...string) string {
	if dialectName == dialect.SQLite {
		return strings.Join(columns, " || ':' || ")
	}
	return "CONCAT_WS(':', " + strings.Join(columns, ", ") + ")"
}

// TestSQLitePlanIsSQL executes what is printed of statements that end in a comment.
func TestSQLitePlanIsSQL(t *testing.T) {
	t.Parallel()
	f := newLite(t, 0)
	f.record(sharedTenant())
	plan, err := f.runner(directory(t, f.dialect, files{
		"1_a.sql": "CREATE TABLE a (id int) -- a;\n;\nCREATE TABLE b (id int);\n",
		"2_c.sql": "CREATE TABLE c (id int) -- the last\n",
		"3_d.sql": "CREATE TABLE d (id int)",
	})).Plan(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var printed strings.Builder
	if _, err := plan.WriteTo(&printed); err != nil {
		t.Fatal(err)
	}
	f.exec(printed.String())
	if got := one[string](t, f.home, "SELECT group_concat(name) FROM sqlite_schema"); got != "a,b,c,d" {
		t.Errorf("there is %s, of:\n%s", got, printed.String())
	}
}

func TestPostgresDrift(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 6)
	f.add("Odd\"x")
	d := directory(t, dialect.Postgres, files{
		"1_init.sql": `CREATE TABLE "notes" ("id" bigint NOT NULL PRIMARY KEY, "text" text NOT NULL DEFAULT 'x', "tenant_id" text);
ALTER TABLE "notes" ENABLE ROW LEVEL SECURITY;
CREATE POLICY "p" ON "notes" USING ("tenant_id" = current_setting('a.b'));
CREATE TABLE "lines" ("id" bigint PRIMARY KEY, "note" bigint REFERENCES "notes" ("id"));
`,
		"2_index.sql": "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY \"notes_text\" ON \"notes\" (\"text\");\n",
	})
	runner := f.runner(d)
	wantReport(t, apply(t, runner), 7, 0, 0, 0)
	f.add("behind")
	f.exec(`ALTER TABLE t001.notes ADD COLUMN extra int; DROP INDEX t002.notes_text; ALTER TABLE t003.notes DISABLE ROW LEVEL SECURITY;
		DROP POLICY p ON t004.notes; CREATE POLICY p ON t004.notes USING (true)`)
	report, err := runner.Drift(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if report.Checked != 7 || report.Behind != 1 || len(report.Drifts) != 4 {
		t.Fatalf("got %+v", report)
	}
	got := map[tenancy.ID]string{}
	for _, drift := range report.Drifts {
		got[drift.Tenant.ID] = strings.Join(drift.Missing, ";") + "|" + strings.Join(drift.Extra, ";")
	}
	for id, want := range map[tenancy.ID]string{
		"t001": "|column notes.extra integer",
		"t002": "index CREATE INDEX notes_text ON notes USING btree (text)|",
		"t003": "row-level security notes|",
		"t004": "policy notes.p * using (tenant_id = current_setting('a.b'::text))|policy notes.p * using true",
	} {
		if got[id] != want {
			t.Errorf("%s: %s", id, got[id])
		}
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'tenancy_drift%'"); n != 0 {
		t.Error("the schema to compare with was left")
	}
}

func TestPostgresOwnDatabases(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	urls := []string{servers.Postgres(t), servers.Postgres(t)}
	for i, url := range urls {
		f.record(tenancy.Tenant{
			ID: tenancy.ID("own" + string(rune('a'+i))), Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
			Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(url)},
		})
	}
	d := directory(t, dialect.Postgres, once())
	wantReport(t, apply(t, f.runner(d)), 4, 0, 0, 0)
	for _, url := range urls {
		if n := one[int](t, open(t, "pgx", url), "SELECT count(*) FROM public.notes"); n != 1 {
			t.Errorf("%d rows", n)
		}
	}
	wantReport(t, apply(t, f.runner(d)), 0, 4, 0, 0)
	f.record(tenancy.Tenant{
		ID: "gone", Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(urls[0] + "_gone")},
	})
	if _, failed := failures(t, f.runner(d)); len(failed) != 1 || failed["gone"].Err == nil {
		t.Errorf("got %v", failed)
	}
}

// TestPostgresForcedRowSecurityIsNotSilent backfills a table whose policies hide all rows from its owner.
func TestPostgresForcedRowSecurityIsNotSilent(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	rls := files{"1_init.sql": `CREATE TABLE "notes" ("id" bigint PRIMARY KEY, "tenant_id" text);
CREATE TABLE "lines" ("id" bigint PRIMARY KEY, "note" bigint);
ALTER TABLE "notes" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "notes" FORCE ROW LEVEL SECURITY;
ALTER TABLE "lines" ENABLE ROW LEVEL SECURITY;
ALTER TABLE "lines" FORCE ROW LEVEL SECURITY;
CREATE POLICY "p" ON "notes" USING ("tenant_id" = current_setting('a.b', true));
CREATE POLICY "p" ON "lines" USING (false);
`, "2_key.sql": `ALTER TABLE "lines" ADD CONSTRAINT "fk" FOREIGN KEY ("note") REFERENCES "notes" ("id") NOT VALID;
ALTER TABLE "notes" ALTER COLUMN "tenant_id" SET NOT NULL;
`}
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, rls))), 1, 0, 0, 0)
	rls["3_backfill.sql"] = `UPDATE "notes" SET "tenant_id" = 'x';` + "\n"
	if report, failed := failures(t, f.runner(directory(t, dialect.Postgres, rls))); report.Failed != 1 || failed["t000"].File != "3_backfill.sql" {
		t.Errorf("got %+v", failed)
	}
}

func TestApplyToOneTenant(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	d := directory(t, dialect.Postgres, alone())
	runner := f.runner(d)
	result, err := runner.ApplyTo(t.Context(), f.tenants[1])
	if err != nil || result.Outcome != migrate.Applied || result.From != "" || result.To != d.Version() {
		t.Errorf("got %+v, %v", result, err)
	}
	if result, err = runner.ApplyTo(t.Context(), f.tenants[1]); err != nil || result.Outcome != migrate.Unchanged {
		t.Errorf("got %+v, %v", result, err)
	}
	missing := f.tenantOf("missing")
	if _, err := runner.ApplyTo(t.Context(), missing); !errors.Is(err, tenancy.ErrNotProvisioned) {
		t.Errorf("got %v", err)
	}
}

// TestErrorsHoldNoPassword has a tenant's database that nobody answers for, and a password in its URL.
func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 0)
	f.record(tenancy.Tenant{
		ID: "own", Status: tenancy.StatusActive, Isolation: tenancy.IsolationDatabase,
		Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://app:hunter2secret@127.0.0.1:1/app")},
	})
	_, failed := failures(t, f.runner(directory(t, dialect.Postgres, once())))
	text := fmt.Sprintf("%v %+v %#v", failed["own"].Err, failed["own"], failed["own"].Err)
	if failed["own"].Err == nil || strings.Contains(text, "hunter2secret") {
		t.Error(text)
	}
	if kept := one[string](t, f.home, "SELECT error FROM tenancy_migrations"); kept == "" || strings.Contains(kept, "hunter2secret") {
		t.Error(kept)
	}
}
