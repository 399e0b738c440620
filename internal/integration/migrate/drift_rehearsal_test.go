package migrate_test

import (
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate"
)

// TestPostgresDriftOfValuesOfEnums has files that use values which files before them add to an enum.
func TestPostgresDriftOfValuesOfEnums(t *testing.T) {
	t.Parallel()
	for name, all := range map[string]files{
		"column": {
			"1_init.sql": `CREATE TYPE state AS ENUM ('a'); CREATE TYPE "empty ' one" AS ENUM (); CREATE TABLE notes (id bigint, state state NOT NULL);`,
			"2_add.sql":  `ALTER TYPE state ADD VALUE 'it''s' BEFORE 'a'; alter type state add value if not exists 'a'; ALTER TYPE "empty ' one" ADD VALUE 'x';`,
			"3_use.sql":  `ALTER TABLE notes ALTER state SET DEFAULT 'it''s', ADD other "empty ' one" DEFAULT 'x'; INSERT INTO notes (id) VALUES (1);`,
			"4_more.sql": `ALTER TYPE state RENAME TO condition; ALTER TYPE condition RENAME VALUE 'a' TO 'b'; ALTER TYPE condition ADD VALUE 'a' AFTER 'b';`,
			"5_use.sql":  `CREATE INDEX i ON notes (id) WHERE state IN ('a', 'b', 'it''s');`,
		},
		"in a block": {
			"1_init.sql": `DO $$ BEGIN CREATE TYPE state AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;`,
			"2_add.sql":  "-- atlas:txmode none\n\nALTER TYPE state ADD VALUE 'b';\nCREATE TABLE notes (state state DEFAULT 'b');\n",
			"3_add.sql":  `DO $$ BEGIN ALTER TYPE state ADD VALUE 'c'; ALTER TYPE state ADD VALUE 'd'; END $$; ALTER TYPE state ADD VALUE IF NOT EXISTS 'c';`,
			"4_use.sql":  `ALTER TABLE notes ADD CHECK (state IN ('c', 'd'));`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := newPostgres(t, 2)
			runner := f.runner(directory(t, dialect.Postgres, all), func(c *migrate.Config) {
				c.Shared = directory(t, dialect.Postgres, all)
			})
			apply(t, runner)
			f.wantNoDrift(runner, 3)
		})
	}
}

// TestPostgresDriftOfWhatCannotBeInATransaction compares what files outside of transactions make.
func TestPostgresDriftOfWhatCannotBeInATransaction(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 2)
	runner := f.runner(directory(t, dialect.Postgres, files{
		"1_init.sql": `CREATE TABLE notes (id bigint PRIMARY KEY, "CONCURRENTLY" text); CREATE INDEX old ON notes (id);
			CREATE MATERIALIZED VIEW seen AS SELECT id FROM notes; CREATE UNIQUE INDEX seen_id ON seen (id);
			CREATE TABLE parts (id bigint, kind text NOT NULL) PARTITION BY LIST (kind);
			CREATE TABLE "Part" PARTITION OF parts FOR VALUES IN ('a', 'b');
			CREATE TABLE checked (id bigint, kind text NOT NULL CHECK (kind = 'c')); ALTER TABLE parts ATTACH PARTITION checked FOR VALUES IN ('c');`,
		"2_alone.sql": `-- atlas:txmode none

REINDEX INDEX CONCURRENTLY notes_pkey;
reindex (verbose) table notes;
VACUUM ANALYZE notes;
/* x */ ANALYZE;
CLUSTER notes USING notes_pkey;
CREATE /* CONCURRENTLY */ INDEX
  concurrently "i" ON notes (id, "CONCURRENTLY");
CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS u ON notes (id);
CREATE INDEX CONCURRENTLY ON notes ("CONCURRENTLY") WHERE "CONCURRENTLY" > 'CONCURRENTLY';
DROP INDEX /* x */ CONCURRENTLY old;
REFRESH MATERIALIZED VIEW CONCURRENTLY seen;
ALTER TABLE parts DETACH PARTITION "Part" CONCURRENTLY;
ALTER TABLE parts DETACH PARTITION /* x */ Checked Concurrently;
ALTER TABLE checked RENAME TO archived;
`,
	}))
	apply(t, runner)
	f.wantNoDrift(runner, 2)

	f.exec(`ALTER TABLE t001."Part" ADD COLUMN stray int, DROP COLUMN id; DROP INDEX t001.u`)
	report, err := runner.Drift(t.Context())
	want := "t001: column Part.id bigint; index CREATE UNIQUE INDEX u ON notes USING btree (id) | column Part.stray integer"
	if err != nil || differs(report) != want {
		t.Errorf("got %+v, %v", report, err)
	}
}

// TestPostgresDriftBehindACheckpoint has a file that cannot be executed in a transaction, and does what the error says.
func TestPostgresDriftBehindACheckpoint(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	all := files{
		"1_init.sql": "CREATE TABLE notes (id bigint);\n",
		"2_back.sql": "-- atlas:txmode none\n\nBEGIN;\nALTER TABLE notes ADD COLUMN stray int;\nROLLBACK;\n",
	}
	runner := f.runner(directory(t, dialect.Postgres, all))
	apply(t, runner)
	_, err := runner.Drift(t.Context())
	if err == nil || !strings.Contains(err.Error(), "2_back.sql:5: ") || !strings.Contains(err.Error(), "put a checkpoint behind it") {
		t.Errorf("got %v", err)
	}
	all["3_checkpoint.sql"] = "-- atlas:checkpoint\n\nCREATE TABLE notes (id bigint);\n"
	f.wantNoDrift(f.runner(directory(t, dialect.Postgres, all)), 1)
}
