package migrate_test

import (
	"fmt"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// TestPostgresDriftOfAnIndex changes the one index of each tenant in one way.
func TestPostgresDriftOfAnIndex(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 0)
	const made = `CREATE INDEX i ON notes (text, id) INCLUDE (label)`
	changed := []string{
		`CREATE UNIQUE INDEX i ON notes (text, id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text, id)`,
		`CREATE INDEX i ON notes (text, id, label)`,
		`CREATE INDEX i ON notes (id, text) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text DESC, id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text NULLS FIRST, id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text text_pattern_ops, id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text COLLATE "C", id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (lower(text), id) INCLUDE (label)`,
		`CREATE INDEX i ON notes (text, id) INCLUDE (label) WHERE id > 0`,
		`CREATE INDEX i ON notes (text, id) INCLUDE (label) WITH (fillfactor = 50)`,
		`CREATE INDEX i ON notes (label, id) INCLUDE (text)`,
		`CREATE INDEX i ON lines (text, id) INCLUDE (label)`,
		`CREATE INDEX i ON notes USING hash (text)`,
		`CREATE INDEX j ON notes (text, id) INCLUDE (label)`,
		`CREATE INDEX expression ON lines (upper(text))`,
		`CREATE INDEX partial ON lines (id) WHERE id > 1`,
		`CREATE INDEX signed ON lines USING gist (words tsvector_ops (siglen = 100))`,
	}
	if one[int](t, f.home, "SELECT current_setting('server_version_num')::int") >= 150000 {
		changed = append(changed, `CREATE UNIQUE INDEX u ON notes (text) NULLS NOT DISTINCT`)
	}
	f.add("again")
	f.add("reordered")
	others := []string{"swapped", "collated", "partitioned"}
	for _, name := range others {
		f.add(name)
	}
	for i := range changed {
		f.add(fmt.Sprintf("t%03d", i))
	}
	columns := "(id bigint PRIMARY KEY, text text, label text, words tsvector)"
	d := directory(t, dialect.Postgres, files{
		"1_init.sql": "CREATE TABLE notes " + columns + "; CREATE TABLE lines " + columns + "; " + made +
			"; CREATE UNIQUE INDEX u ON notes (text); CREATE INDEX expression ON lines (lower(text)); CREATE INDEX partial ON lines (id) WHERE id > 0" +
			"; CREATE INDEX signed ON lines USING gist (words); CREATE INDEX c ON lines (label COLLATE \"C\")" +
			"; CREATE TABLE plain (id bigint NOT NULL); CREATE INDEX part ON plain (id);",
	})
	apply(t, f.runner(d))
	within := func(schema, statements string) {
		f.exec("SET search_path TO " + schema + ";" + statements + "; RESET search_path")
	}
	within("again", "DROP INDEX i; "+made)
	// The columns have other numbers then, and are the same.
	within("reordered", "ALTER TABLE notes DROP text; ALTER TABLE notes ADD text text; "+made+"; CREATE UNIQUE INDEX u ON notes (text)")
	within("swapped", "ALTER TABLE notes RENAME text TO x; ALTER TABLE notes RENAME label TO text; ALTER TABLE notes RENAME x TO label")
	within("collated", `ALTER TABLE lines ALTER label TYPE text COLLATE "C"`)
	within("partitioned", "DROP TABLE plain; CREATE TABLE plain (id bigint NOT NULL) PARTITION BY RANGE (id); CREATE INDEX part ON plain (id)")
	for i, statement := range changed {
		name := strings.Fields(strings.TrimPrefix(strings.TrimPrefix(statement, "CREATE "), "UNIQUE "))[1]
		if name == "j" {
			name = "i"
		}
		within(fmt.Sprintf("t%03d", i), "DROP INDEX "+name+"; "+statement)
	}
	report, err := f.runner(d).Drift(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	drifted := map[tenancy.ID]bool{}
	for _, drift := range report.Drifts {
		drifted[drift.Tenant.ID] = true
		if len(drift.Missing) == 0 || len(drift.Missing) != len(drift.Extra) || !strings.HasPrefix(drift.Missing[0], "index CREATE ") {
			t.Errorf("%s: %q is missing, %q is there instead", drift.Tenant.ID, drift.Missing, drift.Extra)
		}
	}
	for i, statement := range changed {
		if !drifted[tenancy.ID(fmt.Sprintf("t%03d", i))] {
			t.Errorf("not noticed: %s", statement)
		}
	}
	for _, name := range others {
		if !drifted[tenancy.ID(name)] {
			t.Errorf("not noticed: %s", name)
		}
	}
	if drifted["again"] || drifted["reordered"] {
		t.Error("the same index is told as another")
	}
}
