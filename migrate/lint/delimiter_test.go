package lint_test

import (
	"slices"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/lint"
)

// TestDelimiterHidesNothing has files whose statements have several of the database's.
func TestDelimiterHidesNothing(t *testing.T) {
	t.Parallel()
	const delimiter = "-- atlas:delimiter \\n\\n\\n\n"
	for _, test := range []struct {
		database, text string
		want           []lint.Rule
		line           int // of the last finding
	}{
		{dialect.Postgres, "CREATE TABLE a (id int);\nCOMMIT;\nDROP TABLE orders;\n", []lint.Rule{lint.Transaction, lint.Destructive}, 4},
		{
			dialect.Postgres, "CREATE VIEW v AS SELECT 1;\nDROP TABLE orders; ALTER TABLE customers DISABLE ROW LEVEL SECURITY;\n\nSET search_path TO other",
			[]lint.Rule{lint.Destructive, lint.Isolation, lint.Outside},
			5,
		},
		{dialect.Postgres, "CREATE TABLE a (id int);\n-- tenancy:allow destructive nobody reads it\nDROP TABLE orders;", nil, 0},
		{dialect.Postgres, "-- tenancy:allow destructive nobody reads it\nDROP TABLE a;\nDROP TABLE orders;", only(lint.Destructive), 4},
		{dialect.Postgres, "CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;", nil, 0},
		{dialect.Postgres, "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN DELETE FROM t; RETURN NEW; END; $$;", nil, 0},
		{dialect.MySQL, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN DELETE FROM u; SET NEW.n = 1; END;", nil, 0},
		{dialect.MySQL, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW BEGIN SET NEW.n = 1; END;\nDROP TABLE orders", only(lint.Destructive), 3},
		{dialect.MySQL, "CREATE TRIGGER g BEFORE INSERT ON t FOR EACH ROW IF NEW.n IS NULL THEN SET NEW.n = 1; END IF", nil, 0},
		{dialect.SQLite, "CREATE TRIGGER g AFTER INSERT ON t BEGIN DELETE FROM u; END;\nDROP TABLE orders;", only(lint.Destructive), 3},
	} {
		got := lintText(t, test.database, delimiter+test.text)
		if !slices.Equal(rules(got), test.want) || len(got) > 0 && got[len(got)-1].Line != test.line {
			t.Errorf("%s: %s\nwant %q, the last in line %d, got %v", test.database, test.text, test.want, test.line, got)
		}
	}
}
