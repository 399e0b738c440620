package statements_test

import (
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// TestParts has statements of Atlas with what the database makes of each: a bar is
// where one ends.
func TestParts(t *testing.T) {
	t.Parallel()
	for database, texts := range map[string][]string{
		dialect.Postgres: {
			"SELECT 1",
			"CREATE TABLE a (id int);|COMMIT;|DROP TABLE a",
			"SELECT 'a;b', E'\\'; c', $$d;e$$, $x$f;g$x$;|SELECT 2",
			"CREATE RULE r AS ON INSERT TO a DO ALSO (SELECT 1; SELECT 2);|SELECT 3",
			"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT CASE WHEN true THEN 2 END; END;|DROP TABLE a",
			"CREATE FUNCTION f(begin atomic) RETURNS int LANGUAGE sql AS 'SELECT 1';|DROP TABLE a;|END",
			"CREATE FUNCTION begin() RETURNS int LANGUAGE sql AS 'SELECT 1';|DROP TABLE a;|END",
			"CREATE VIEW trigger AS SELECT 1 AS begin;|DROP TABLE a;|END",
			"SELECT E'\\'';|DROP TABLE a;|SELECT ''",
			"SELECT E'a'\n'\\'';|COMMIT;|SELECT ''",
			"SELECT E'a' -- it's\n\t-- b\r\n '\\'';|COMMIT;|SELECT E'b' 'c\\';|END",
			"SELECT 'a'\n'\\';|COMMIT;|SELECT ''",
		},
		dialect.MySQL: {
			"CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW BEGIN IF NEW.n IS NULL THEN SET NEW.n = 1; END IF; SET NEW.m = CASE WHEN 1 THEN 2 END; END;|DROP TABLE a",
			"CREATE DEFINER = `root`@`%` PROCEDURE p() x: BEGIN BEGIN SELECT 1; END; WHILE 1 DO BEGIN SELECT 2; END; END WHILE; END x;|DROP TABLE a",
			"CREATE DEFINER=CURRENT_USER() PROCEDURE p() BEGIN DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; END; SELECT 1; END",
			"CREATE EVENT e ON SCHEDULE EVERY 1 DAY DO BEGIN SELECT 1; SELECT 2; END",
			"CREATE TRIGGER g BEFORE INSERT ON a FOR EACH ROW IF NEW.n IS NULL THEN SET NEW.n = 1;|END IF",
			"CREATE TRIGGER begin BEFORE INSERT ON a FOR EACH ROW SET NEW.n = 1;|DROP TABLE a",
			"CREATE DEFINER = root@localhost VIEW trigger AS SELECT 1 AS begin;|DROP TABLE a;|END",
		},
		dialect.SQLite: {
			"CREATE TRIGGER g AFTER INSERT ON a BEGIN SELECT CASE WHEN 1 THEN 2 END; SELECT begin FROM b; END;|DROP TABLE a",
			"CREATE TEMP TRIGGER begin AFTER INSERT ON a BEGIN SELECT 1; END;|DROP TABLE a",
			"CREATE TABLE [it's] (id int);|DROP TABLE a;|SELECT ''",
		},
	} {
		for _, text := range texts {
			var parts []string
			for _, p := range statements.Parts(database, &migrate.Stmt{Text: strings.ReplaceAll(text, "|", "")}) {
				parts = append(parts, p.Text)
			}
			if got, want := strings.Join(parts, "|"), text; got != want {
				t.Errorf("%s:\ngot  %s\nwant %s", database, got, want)
			}
		}
	}
}

func TestPartsSayWhere(t *testing.T) {
	t.Parallel()
	const file = "-- atlas:delimiter \\n\\n\n-- a\nSELECT 1; -- b\n/* c */ SELECT 2\n\n\n-- SELECT 3\nSELECT 3;;"
	all, err := statements.Of(dialect.Postgres, file)
	if err != nil {
		t.Fatal(err)
	}
	var parts []statements.Part
	for _, s := range all {
		parts = append(parts, statements.Parts(dialect.Postgres, s)...)
	}
	if len(parts) != 3 {
		t.Fatalf("got %v", parts)
	}
	for i, want := range []string{"-- a\n", " -- b\n/* c */ ", "-- SELECT 3\n"} {
		p := parts[i]
		if file[p.Pos:p.Pos+len(p.Text)] != p.Text || !strings.Contains(strings.Join(p.Comments, ""), want) {
			t.Errorf("%q at %d with %q", p.Text, p.Pos, p.Comments)
		}
	}
}
