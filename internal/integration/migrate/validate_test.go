package migrate_test

import (
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

// TestPostgresValidatesInATransactionOfItsOwn validates constraints whose check fails where the transaction keeps everybody from a table.
func TestPostgresValidatesInATransactionOfItsOwn(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 3)
	f.exec(`CREATE FUNCTION public.nobody_waits() RETURNS boolean LANGUAGE plpgsql AS $$
		BEGIN
			IF EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND mode = 'AccessExclusiveLock') THEN
				RAISE 'everybody waits';
			END IF;
			RETURN true;
		END $$`)
	all := files{
		"20260101000000_init.sql":  `CREATE TABLE "notes" ("id" bigint, "text" text); CREATE TABLE "lines" ("id" bigint);`,
		"20260102000000_keys.sql":  `ALTER TABLE "notes" ADD CONSTRAINT "a" CHECK (public.nobody_waits()) NOT VALID; ALTER TABLE "lines" ADD CONSTRAINT "b" CHECK (public.nobody_waits()) NOT VALID;`,
		"20260103000000_valid.sql": `ALTER TABLE "notes" VALIDATE CONSTRAINT "a"; ALTER TABLE "notes" ALTER COLUMN "id" SET NOT NULL;`,
		"20260104000000_valid.sql": "-- of the rows that are there\nalter table \"lines\" validate\n  constraint \"b\";",
		"20260105000000_more.sql":  `ALTER TABLE "notes" ADD COLUMN "validate constraint" text;`,
		"20260106000000_last.sql":  `ALTER TABLE "lines" ADD COLUMN "more" text;`,
	}
	apply(t, f.runner(directory(t, dialect.Postgres, files{"20260101000000_init.sql": all["20260101000000_init.sql"]})))
	for _, tenant := range f.tenants {
		f.exec("INSERT INTO " + tenant.Placement.Schema + ".notes VALUES (1, 'x'); INSERT INTO " + tenant.Placement.Schema + ".lines VALUES (1)")
	}
	f.add("fresh")
	results := map[tenancy.ID]migrate.Result{}
	d := directory(t, dialect.Postgres, all)
	wantReport(t, apply(t, f.runner(d, func(c *migrate.Config) { c.OnResult = func(r migrate.Result) { results[r.Tenant.ID] = r } })), 4, 0, 0, 0)
	if got := results["t001"]; got.From != "20260101000000" || got.To != d.Version() {
		t.Errorf("got %+v", got)
	}
	const transactions = ".atlas_schema_revisions GROUP BY xmin::text"
	for schema, want := range map[string]string{"t000": "20260101|20260102|20260103|20260104|20260105,20260106", "fresh": "20260101,20260102,20260103,20260104,20260105,20260106"} {
		got := one[string](t, f.home, "SELECT string_agg(v, '|' ORDER BY v) FROM (SELECT string_agg(left(version, 8), ',' ORDER BY version) v FROM "+schema+transactions+") x")
		if got != want {
			t.Errorf("%s: the transactions were %s", schema, got)
		}
	}
}
