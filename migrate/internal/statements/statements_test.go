package statements_test

import (
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/mysql"
	"ariga.io/atlas/sql/postgres"
	"ariga.io/atlas/sql/sqlite"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/internal/statements"
)

// TestOfIsWhatAtlasSays compares the statements of files with and without blocks.
func TestOfIsWhatAtlasSays(t *testing.T) {
	t.Parallel()
	for _, text := range []string{
		"",
		"CREATE TABLE a (id int);\nCREATE TABLE b (id int);\n",
		"-- don't\nINSERT INTO a VALUES ('x;y', 'it''s');\n# not everywhere\nSELECT 1;",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; SELECT 2; END;\nSELECT 3;",
		"CREATE FUNCTION f() RETURNS int LANGUAGE sql begin  atomic SELECT 1; SELECT 2; end;\nSELECT 3;",
		"CREATE TRIGGER t AFTER INSERT ON a\nBEGIN\n  UPDATE a SET id = 1;\n  UPDATE a SET id = 2;\nEND;\nSELECT 3;",
		"DO $x$ BEGIN PERFORM 1; END $x$;\nSELECT E'a\\';b';\nSELECT 2;",
		"-- atlas:delimiter \\n\\n\nCREATE TABLE a (id int);\n\nCREATE TABLE b (id int)",
		"SELECT 'BEGIN; END';\nSELECT 2;",
	} {
		for database, driver := range map[string]migrate.StmtScanner{
			dialect.Postgres: &postgres.Driver{}, dialect.MySQL: &mysql.Driver{}, dialect.SQLite: &sqlite.Driver{},
		} {
			got, err := statements.Of(database, text)
			want, wantErr := driver.ScanStmts(text)
			if words(got) != words(want) || (err == nil) != (wantErr == nil) {
				t.Errorf("%s: %q:\ngot  %s %v\nwant %s %v", database, text, words(got), err, words(want), wantErr)
			}
		}
	}
}

func words(all []*migrate.Stmt) string {
	var b strings.Builder
	for _, s := range all {
		b.WriteString("[" + s.Text + "]")
	}
	return b.String()
}

func TestOfRefusesOtherDatabases(t *testing.T) {
	t.Parallel()
	if _, err := statements.Of("oracle", "SELECT 1"); err == nil || !strings.Contains(err.Error(), `"oracle"`) {
		t.Errorf("got %v", err)
	}
}

func TestWithout(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"CREATE /* now */ INDEX -- now\n Now \"now\" ON t": "CREATE /* now */ INDEX -- now\n  \"now\" ON t",
		"now;":                               ";",
		"SELECT 'now', $$now$$, nows -- now": "SELECT 'now', $$now$$, nows -- now",
		"now now":                            " now",
		"":                                   "",
	} {
		if got := statements.Without(dialect.Postgres, text, "NOW"); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}
