package migrate_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// two are migrations of which the second depends on what rows there are.
func two() files {
	return files{
		"20260101000000_init.sql":  "-- the first\nCREATE TABLE \"notes\" (\"id\" bigint NOT NULL PRIMARY KEY, \"text\" text NOT NULL);\nCREATE INDEX \"notes_text\" ON \"notes\" (\"text\");\n",
		"20260102000000_label.sql": "ALTER TABLE \"notes\" ADD COLUMN \"label\" text;\n\n-- fails where texts are the same; it's \"odd\" -- on purpose\nCREATE UNIQUE INDEX \"notes_unique\" ON \"notes\" (\"text\");\n",
	}
}

// first are the migrations up to the first.
func first() files {
	f := two()
	delete(f, "20260102000000_label.sql")
	return f
}

func TestPostgresAppliesAndResumes(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 10)
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, first()))), 10, 0, 0, 0)
	for _, bad := range []string{"t003", "t007"} {
		f.exec("INSERT INTO " + bad + ".notes VALUES (1, 'same'), (2, 'same')")
	}
	var streamed []migrate.Result
	runner := f.runner(directory(t, dialect.Postgres, two()), func(c *migrate.Config) {
		c.OnResult = func(r migrate.Result) { streamed = append(streamed, r) }
	})
	report, failed := failures(t, runner)
	wantReport(t, report, 8, 0, 2, 0)
	if len(streamed) != 10 {
		t.Errorf("%d results were streamed", len(streamed))
	}
	bad := failed["t003"]
	if len(failed) != 2 || bad.File != "20260102000000_label.sql" || bad.Line != 4 || !strings.HasPrefix(bad.Statement, "CREATE UNIQUE INDEX") {
		t.Errorf("got %+v", bad)
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM information_schema.columns WHERE table_schema = 't003' AND column_name = 'label'"); n != 0 {
		t.Error("a failed tenant was left half way")
	}
	kept := one[string](t, f.home, "SELECT outcome || ' ' || version || ' ' || statement FROM tenancy_migrations WHERE tenant_id = 't003'")
	if !strings.HasPrefix(kept, "failed 20260101000000 CREATE UNIQUE INDEX") {
		t.Errorf("kept %q", kept)
	}
	f.exec("DELETE FROM t003.notes; DELETE FROM t007.notes")
	wantReport(t, apply(t, runner), 2, 8, 0, 0)
	if n := one[int](t, f.home, "SELECT count(*) FROM tenancy_migrations WHERE outcome <> 'applied' OR version <> '20260102000000'"); n != 0 {
		t.Errorf("%d outcomes are not up to date", n)
	}
	wantReport(t, apply(t, runner), 0, 10, 0, 0)
}

func TestPostgresRevisionsAreThoseOfAtlas(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	apply(t, f.runner(directory(t, dialect.Postgres, two())))
	row := one[string](t, f.home, `SELECT concat_ws('|', version, description, type, applied, total, error = '', error_stmt = '', partial_hashes::text, execution_time > 0)
		FROM t000.atlas_schema_revisions WHERE version = '20260102000000'`)
	if row != "20260102000000|label|2|2|2|t|t|null|t" {
		t.Errorf("got %q", row)
	}
	if hash := one[string](t, f.home, `SELECT min(hash) FROM t000.atlas_schema_revisions`); len(hash) != 44 || strings.HasPrefix(hash, "h1:") {
		t.Errorf("hash %q", hash)
	}
}

func TestPostgresSyntaxErrorIsLocated(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	broken := two()
	broken["20260103000000_broken.sql"] = "-- ünïcödé\nCREATE TABLE \"größe\" (\"id\" int);\nALTER TABEL \"notes\" ADD COLUMN \"x\" int;\n"
	_, failed := failures(t, f.runner(directory(t, dialect.Postgres, broken)))
	if got := failed["t000"]; got.File != "20260103000000_broken.sql" || got.Line != 3 {
		t.Errorf("got %s:%d, %v", got.File, got.Line, got.Err)
	}
	if n := one[int](t, f.home, "SELECT count(*) FROM pg_tables WHERE schemaname = 't000'"); n != 0 {
		t.Errorf("%d tables", n)
	}
}

func TestPostgresEditedHistoryIsRefused(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	edited := two()
	edited["20260101000000_init.sql"] += "CREATE TABLE \"more\" (\"id\" bigint);\n"
	report, failed := failures(t, f.runner(directory(t, dialect.Postgres, edited)))
	wantReport(t, report, 0, 0, 2, 0)
	if err := failed["t000"].Err; !errors.Is(err, migrate.ErrEdited) || !strings.Contains(err.Error(), "20260101000000_init.sql") {
		t.Errorf("got %v", err)
	}
}

func TestPostgresOutOfOrderIsRefused(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	apply(t, f.runner(directory(t, dialect.Postgres, two())))
	late := two()
	late["20260101120000_between.sql"] = "CREATE TABLE \"between\" (\"id\" bigint);\n"
	if _, failed := failures(t, f.runner(directory(t, dialect.Postgres, late))); !errors.Is(failed["t000"].Err, migrate.ErrOrder) {
		t.Errorf("got %v", failed["t000"].Err)
	}
}

// TestPostgresMissingFileIsRefused has a migration applied that another branch has: those who have it are served on, and nothing is put on top of it.
func TestPostgresMissingFileIsRefused(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	apply(t, f.runner(directory(t, dialect.Postgres, two())))
	without := first()
	behind := f.runner(directory(t, dialect.Postgres, without))
	wantReport(t, apply(t, behind), 0, 1, 0, 0)
	for s, err := range behind.Status(t.Context()) {
		if err != nil || s.Err != nil || s.Pending > 0 || !s.Ahead {
			t.Errorf("got %+v, %v", s, err)
		}
	}
	without["20260103000000_other.sql"] = "CREATE TABLE \"other\" (\"id\" bigint);\n"
	_, failed := failures(t, f.runner(directory(t, dialect.Postgres, without)))
	if err := failed["t000"].Err; !errors.Is(err, migrate.ErrMissingFile) || !strings.Contains(err.Error(), "20260102000000_") {
		t.Errorf("got %v", err)
	}
	delete(without, "20260101000000_init.sql") // whose history is cut off before its first file
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, without))), 1, 0, 0, 0)
}

// TestPostgresCloudIdentifier has the row by which the Atlas CLI knows its cloud, which is no revision, in some tenants before and in one after
// all migrations.
func TestPostgresCloudIdentifier(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 20)
	identify := func(schemas ...string) {
		for _, schema := range schemas {
			f.exec("INSERT INTO " + schema + ".atlas_schema_revisions SELECT '.atlas_cloud_identifier', 'an id', type, 0, 0, now(), 0, '', '', '', 'null', 'Atlas CLI' FROM " +
				schema + ".atlas_schema_revisions LIMIT 1")
		}
	}
	apply(t, f.runner(directory(t, dialect.Postgres, first())))
	identify("t003", "t017")
	d := directory(t, dialect.Postgres, once())
	wantReport(t, apply(t, f.runner(d)), 20, 0, 0, 0)
	identify("t004")
	wantReport(t, apply(t, f.runner(d)), 0, 20, 0, 0)
	f.wantComplete(d)
}

func TestPostgresHomeAndSharedTenants(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	for i := range 3 {
		id := tenancy.ID(fmt.Sprintf("shared%d", i))
		f.record(tenancy.Tenant{ID: id, Identifier: string(id), Name: "x", Status: tenancy.StatusActive})
	}
	f.exec("CREATE TABLE tenancy_tenants (id text)") // the registry's
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, first()))), 3, 0, 0, 0)
	for _, schema := range []string{"public", "t000", "t001"} {
		if n := one[int](t, f.home, "SELECT count(*) FROM "+schema+".atlas_schema_revisions"); n != 1 {
			t.Errorf("%s: %d revisions", schema, n)
		}
	}
}

func TestPostgresSharedGoesFirst(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	shared := directory(t, dialect.Postgres, files{"20250101000000_plans.sql": "CREATE TABLE \"plans\" (\"id\" bigint PRIMARY KEY);\n"})
	tenants := directory(t, dialect.Postgres, files{"20260101000000_x.sql": "CREATE TABLE \"notes\" (\"id\" bigint, \"plan\" bigint REFERENCES \"public\".\"plans\" (\"id\"));\n"})
	withShared := func(c *migrate.Config) { c.Shared = shared }
	wantReport(t, apply(t, f.runner(tenants, withShared)), 3, 0, 0, 0)
	wantReport(t, apply(t, f.runner(tenants, withShared)), 0, 3, 0, 0)

	f.add("t002")
	shared = directory(t, dialect.Postgres, files{
		"20250101000000_plans.sql": "CREATE TABLE \"plans\" (\"id\" bigint PRIMARY KEY);\n",
		"20250102000000_bad.sql":   "SELECT 1/0;\n",
	})
	report, err := f.runner(tenants, withShared).Apply(t.Context())
	wantReport(t, report, 0, 0, 1, 0)
	var partial *migrate.PartialError
	if !errors.As(err, &partial) || partial.Failures[0].Statement != "SELECT 1/0;" {
		t.Fatalf("got %v", err)
	}
	if !errors.Is(err, migrate.ErrStopped) || !strings.Contains(err.Error(), "the home comes before the tenants, and failed") || strings.Contains(err.Error(), "too many") {
		t.Errorf("got %v", err)
	}
}
