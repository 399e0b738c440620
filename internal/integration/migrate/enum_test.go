package migrate_test

import (
	"testing"

	"entgo.io/ent/dialect"
)

// TestPostgresUsesValuesOfEnums has files that are pending together, one of which uses the value that the one before it adds.
func TestPostgresUsesValuesOfEnums(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	all := files{
		"20260101000000_init.sql": `CREATE TYPE "state" AS ENUM ('a'); CREATE TABLE "notes" ("state" "state" NOT NULL);`,
		"20260102000000_add.sql":  "CREATE TABLE \"lines\" ();\n-- and more\nalter type \"state\"\n  add value if not exists 'b'; ALTER TABLE \"lines\" ADD COLUMN \"id\" bigint;",
		"20260103000000_use.sql":  `INSERT INTO "notes" VALUES ('b');`,
		"20260104000000_last.sql": `ALTER TABLE "notes" ADD COLUMN "add value" text;`,
	}
	apply(t, f.runner(directory(t, dialect.Postgres, files{"20260101000000_init.sql": all["20260101000000_init.sql"]})))
	f.add("fresh")
	wantReport(t, apply(t, f.runner(directory(t, dialect.Postgres, all))), 3, 0, 0, 0)
	const transactions = ".atlas_schema_revisions GROUP BY xmin::text"
	for schema, want := range map[string]string{"t000": "20260101|20260102|20260103,20260104", "fresh": "20260101,20260102|20260103,20260104"} {
		got := one[string](t, f.home, "SELECT string_agg(v, '|' ORDER BY v) FROM (SELECT string_agg(left(version, 8), ',' ORDER BY version) v FROM "+schema+transactions+") x")
		if got != want {
			t.Errorf("%s: the transactions were %s", schema, got)
		}
	}
}
