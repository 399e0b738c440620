package migrate_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate"
)

// doubt is a statement of which a run that was killed has recorded that it is begun.
type doubt struct {
	// before is what is in the place by then, beside a table of notes and one of items.
	before, statement string
	// done says that what is there shows that the statement was executed, or that it does
	// no harm to execute it again. Otherwise somebody has to look.
	done bool
}

const doubtful = "20260102000000"

// directory has the statement between others.
func (d doubt) directory(tb testing.TB, dialectName string) *migrate.Directory {
	tb.Helper()
	return directory(tb, dialectName, files{
		"20260101000000_init.sql": doubtInit,
		doubtful + "_doubt.sql":   "-- atlas:txmode none\n\n" + d.statement + ";\nCREATE TABLE done (id int);\n",
	})
}

const doubtInit = "CREATE TABLE notes (id int NOT NULL PRIMARY KEY, a int, b int);\nCREATE TABLE items (id int NOT NULL PRIMARY KEY, note int);\n"

// begun is what a run records before a statement.
func begun(table string) string {
	return "INSERT INTO " + table + " (version, description, type, applied, total, executed_at, execution_time, error, error_stmt, hash, partial_hashes, operator_version)" +
		" VALUES ('" + doubtful + "', 'doubt', 2, 0, 2, CURRENT_TIMESTAMP, 0, 'tenancy: begun, and not known to be done', '', 'x', 'null', '')"
}

// settle runs and looks at what became of the statement. Things counts all that there is.
func (d doubt) settle(t *testing.T, r *migrate.Runner, f *fleet, things func() int) {
	t.Helper()
	before := things()
	if d.done {
		wantReport(t, apply(t, r), 1, 0, 0, 0)
		return
	}
	_, failed := failures(t, r)
	if err := failed[f.tenants[0].ID].Err; !errors.Is(err, migrate.ErrInDoubt) {
		t.Errorf("got %v", err)
	}
	if after := things(); after != before {
		t.Errorf("there were %d things, and then %d", before, after)
	}
	for status, err := range r.Status(t.Context()) {
		if err != nil || status.Pending != 1 {
			t.Errorf("got %+v, %v", status, err)
		}
	}
	want := migrate.Repaired{File: doubtful + "_doubt.sql", Line: 3, Statement: d.statement + ";"}
	if repaired, err := r.Repair(t.Context(), f.tenants[0], true); err != nil || repaired != want {
		t.Fatalf("got %+v, %v", repaired, err)
	}
	wantReport(t, apply(t, r), 1, 0, 0, 0)
}

// only is the fleet with one of its tenants.
func (f *fleet) only(t *testing.T, i int) *fleet {
	t.Helper()
	return &fleet{t: t, dialect: f.dialect, home: f.home, url: f.url, tenants: f.tenants[i : i+1]}
}

func TestPostgresDoubt(t *testing.T) {
	t.Parallel()
	all := []doubt{
		{"CREATE VIEW v AS SELECT 1", "CREATE VIEW v AS SELECT 1", true},
		{"", "CREATE VIEW v AS SELECT 1", true},
		{"", "CREATE VIEW v AS SELECT * FROM missing", false},
		{"", "CREATE INDEX CONCURRENTLY i ON missing (a)", false},
		{"", "CREATE TABLE t (id int, id int)", false},
		{"", "CREATE TABLE t (a missing)", false},
		{"CREATE INDEX i ON notes (a)", "CREATE INDEX CONCURRENTLY i ON notes (a)", true},
		{`CREATE INDEX "on" ON notes (a)`, `CREATE INDEX CONCURRENTLY "on" ON notes (a)`, true},
		{"CREATE INDEX ON notes (a)", "CREATE INDEX CONCURRENTLY ON notes (a)", false},
		{"CREATE INDEX ON notes (a)", "CREATE INDEX /* no name */ ON notes (a)", false},
		{"CREATE UNIQUE INDEX ON notes (a)", "CREATE UNIQUE INDEX CONCURRENTLY ON ONLY notes (a)", false},
		{"CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", "CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1'", true},
		{"ALTER TABLE notes ADD c int", "ALTER TABLE notes ADD c int", true},
		{"", "ALTER TABLE missing ADD c int", false},
		{"", "ALTER TABLE notes ADD c missing", false},
		{"", "ALTER TABLE notes ADD CONSTRAINT k CHECK (missing > 0)", false},
		{"", "ALTER TABLE notes ADD CONSTRAINT k FOREIGN KEY (a) REFERENCES missing (id)", false},
		{"ALTER TABLE notes ADD CONSTRAINT k CHECK (a > 0)", "ALTER TABLE notes ADD CONSTRAINT k CHECK (a > 0) NOT VALID", true},
		{"ALTER TABLE notes ADD CONSTRAINT k UNIQUE (a)", "ALTER TABLE notes ADD CONSTRAINT k UNIQUE (a)", true},
		{"ALTER TABLE notes ADD CHECK (a > 0)", "ALTER TABLE notes ADD CHECK (a > 0)", false},
		{"ALTER TABLE notes ADD UNIQUE (a)", "ALTER TABLE notes ADD -- no name\nUNIQUE (a)", false},
		{"ALTER TABLE notes ADD EXCLUDE USING btree (a WITH =)", "ALTER TABLE notes ADD EXCLUDE USING btree (a WITH =)", false},
		{"ALTER TABLE items ADD FOREIGN KEY (note) REFERENCES notes (id)", "ALTER TABLE items ADD FOREIGN KEY (note) REFERENCES notes (id)", false},
		{"", "ALTER TABLE notes ALTER a TYPE bigint USING (a * 100)", false},
		{"", "DROP TABLE gone", true},
		{"", "DROP INDEX CONCURRENTLY gone", true},
		{"", "DROP FUNCTION gone()", true},
		{"", "DROP POLICY gone ON notes", true},
		{"", "DROP POLICY p ON missing", false},
		{"", "ALTER TABLE notes DROP COLUMN gone", true},
		{"", "ALTER TABLE notes DROP CONSTRAINT gone", true},
		{"", "ALTER TABLE missing DROP COLUMN a", false},
		{"", "ALTER TABLE notes DROP COLUMN a, ADD CONSTRAINT k CHECK (missing > 0)", false},
		{"", "ALTER TABLE notes ALTER COLUMN id DROP DEFAULT", true},
		{"", "ANALYZE notes", true},
		{"ALTER TABLE notes RENAME a TO c", "ALTER TABLE notes RENAME a TO c", false},
	}
	fleet := newPostgres(t, len(all))
	apply(t, fleet.runner(directory(t, dialect.Postgres, files{"20260101000000_init.sql": doubtInit})))
	for i, d := range all {
		t.Run(fmt.Sprintf("%d %s", i, d.statement), func(t *testing.T) { // one after another, as CONCURRENTLY is
			f := fleet.only(t, i)
			schema := f.tenants[0].Placement.Schema
			f.exec("SET search_path TO " + schema + ";" + d.before + "; RESET search_path")
			f.exec(begun(schema + ".atlas_schema_revisions"))
			d.settle(t, f.runner(d.directory(t, dialect.Postgres)), f, func() int {
				return one[int](t, f.home, "SELECT (SELECT count(*) FROM pg_class WHERE relnamespace = '"+schema+
					"'::regnamespace) + (SELECT count(*) FROM pg_constraint WHERE connamespace = '"+schema+"'::regnamespace)")
			})
		})
	}
}

func TestMariaDBDoubt(t *testing.T) {
	t.Parallel()
	all := []doubt{
		{"CREATE VIEW v AS SELECT 1 AS a", "CREATE VIEW v AS SELECT 1 AS a", true},
		{"", "CREATE VIEW v AS SELECT * FROM missing", false},
		{"", "CREATE TABLE t LIKE missing", false},
		{"", "CREATE TABLE t (id int, id int)", false},
		{"", "CREATE INDEX i ON missing (a)", false},
		{"CREATE INDEX i ON notes (a)", "CREATE INDEX i ON notes (a)", true},
		{"ALTER TABLE notes ADD c int", "ALTER TABLE notes ADD COLUMN c int", true},
		{"", "ALTER TABLE missing ADD COLUMN c int", false},
		{"", "ALTER TABLE notes ADD COLUMN c int PRIMARY KEY", false},
		{"ALTER TABLE notes ADD INDEX i (a)", "ALTER TABLE notes ADD INDEX i (a)", true},
		{"ALTER TABLE notes ADD INDEX (a)", "ALTER TABLE notes ADD /* no name */ INDEX (a)", false},
		{"ALTER TABLE notes ADD INDEX (a)", "ALTER TABLE notes ADD INDEX USING BTREE (a)", false},
		{"ALTER TABLE notes ADD CONSTRAINT k CHECK (a > 0)", "ALTER TABLE notes ADD CONSTRAINT k CHECK (a > 0)", true},
		{"ALTER TABLE notes ADD CHECK (a > 0)", "ALTER TABLE notes ADD CONSTRAINT CHECK (a > 0)", false},
		{"ALTER TABLE notes ADD CHECK (a > 0)", "ALTER TABLE notes /*! ADD CONSTRAINT CHECK (a > 0) */", false},
		{"ALTER TABLE notes ADD UNIQUE (a)", "ALTER TABLE notes ADD CONSTRAINT UNIQUE KEY (a)", false},
		{"ALTER TABLE items ADD FOREIGN KEY (note) REFERENCES notes (id)", "ALTER TABLE items ADD CONSTRAINT FOREIGN KEY (note) REFERENCES notes (id)", false},
		// The name is the index's. MySQL makes one up for the key.
		{"ALTER TABLE items ADD FOREIGN KEY i (note) REFERENCES notes (id)", "ALTER TABLE items ADD FOREIGN KEY i (note) REFERENCES notes (id)", false},
		{"", "SET @a = 1", true},
		{"", "DROP TABLE gone", true},
		{"", "DROP VIEW gone", true},
		{"", "DROP TRIGGER gone", true},
		{"", "DROP INDEX gone ON notes", true},
		{"", "DROP INDEX i ON missing", false},
		{"", "ALTER TABLE notes DROP COLUMN gone", true},
		{"", "ALTER TABLE notes DROP CONSTRAINT gone", true},
		{"", "ALTER TABLE missing DROP COLUMN a", false},
		{"", "ALTER TABLE notes ADD COLUMN c int DEFAULT 1 COMMENT 'DROP'", true},
		{
			"ALTER TABLE notes PARTITION BY HASH (id) PARTITIONS 2; ALTER TABLE notes ADD PARTITION PARTITIONS 2",
			"ALTER TABLE notes ADD PARTITION PARTITIONS 2", false,
		},
	}
	fleet := newMariaDB(t, len(all))
	apply(t, fleet.runner(directory(t, dialect.MySQL, files{"20260101000000_init.sql": doubtInit})))
	for i, d := range all {
		t.Run(fmt.Sprintf("%d %s", i, d.statement), func(t *testing.T) {
			f := fleet.only(t, i)
			schema := f.tenants[0].Placement.Schema
			within(t, f, schema, d.before)
			f.exec(begun(schema + ".atlas_schema_revisions"))
			d.settle(t, f.runner(d.directory(t, dialect.MySQL)), f, func() int {
				of := "' AND table_schema = '" + schema + "'"
				return one[int](t, f.home, "SELECT (SELECT count(*) FROM information_schema.table_constraints WHERE table_name <> '"+of+
					") + (SELECT count(*) FROM information_schema.statistics WHERE table_name <> '"+of+
					") + (SELECT count(*) FROM information_schema.partitions WHERE table_name <> '"+of+")")
			})
		})
	}
}

// TestMariaDBDoubtIsATenantsOwn has two that have come as far as each other, and one statement failed.
func TestMariaDBDoubtIsATenantsOwn(t *testing.T) {
	t.Parallel()
	f := newMariaDB(t, 2)
	apply(t, f.runner(directory(t, dialect.MySQL, files{"20260101000000_init.sql": doubtInit})))
	d := doubt{statement: "ALTER TABLE notes ADD COLUMN c int"}
	for _, tenant := range f.tenants {
		f.exec(begun(tenant.Placement.Schema + ".atlas_schema_revisions"))
	}
	f.exec("UPDATE " + f.tenants[0].Placement.Schema + ".atlas_schema_revisions SET error = 'failed' WHERE error <> ''")
	within(t, f, f.tenants[1].Placement.Schema, d.statement)
	wantReport(t, apply(t, f.runner(d.directory(t, dialect.MySQL))), 2, 0, 0, 0)
}

// within executes statements in a database of MySQL or MariaDB.
func within(tb testing.TB, f *fleet, schema, statements string) {
	tb.Helper()
	conn, err := f.home.Conn(tb.Context())
	if err != nil {
		tb.Fatal(err)
	}
	defer conn.Close()
	home := one[string](tb, f.home, "SELECT DATABASE()")
	for _, statement := range append(append([]string{"USE " + schema}, split(statements)...), "USE "+home) {
		if _, err := conn.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatalf("%s: %v", statement, err)
		}
	}
}

// split returns the statements of a text without literals.
func split(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ";")
}

func TestSQLiteDoubt(t *testing.T) {
	t.Parallel()
	for i, d := range []doubt{
		{"CREATE INDEX i ON notes (a)", "CREATE INDEX i ON notes (a)", true},
		{"", "CREATE INDEX i ON missing (a)", false},
		{"", "CREATE TABLE t (id int, id int)", false},
		{"ALTER TABLE notes ADD c int", "ALTER TABLE notes ADD c int", true},
		{"", "ALTER TABLE missing ADD c int", false},
		{"", "DROP TABLE gone", true},
		{"", "DROP INDEX gone", true},
		{"", "ALTER TABLE notes DROP COLUMN gone", true},
		{"", "ALTER TABLE missing DROP COLUMN a", false},
		{"CREATE VIEW v AS SELECT a FROM notes", "ALTER TABLE notes DROP COLUMN a", false},
	} {
		t.Run(fmt.Sprintf("%d %s", i, d.statement), func(t *testing.T) {
			t.Parallel()
			f := newLite(t, 1)
			apply(t, f.runner(directory(t, dialect.SQLite, files{"20260101000000_init.sql": doubtInit}), withLite))
			db := open(t, "sqlite", "file:"+filepath.ToSlash(f.tenants[0].Placement.Schema)+"?_pragma=busy_timeout(10000)")
			for _, statement := range append(split(d.before), begun("atlas_schema_revisions")) {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatal(err)
				}
			}
			d.settle(t, f.runner(d.directory(t, dialect.SQLite), withLite), f, func() int {
				return one[int](t, db, "SELECT count(*) FROM sqlite_schema")
			})
		})
	}
}
