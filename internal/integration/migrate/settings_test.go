package migrate_test

import (
	"crypto/rand"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/migrate"
)

// resumed are what a file has set before a statement that fails, and the value that it writes after it.
type resumed struct {
	before, value string
	want          string // what is written in the end, empty where nobody knows
}

// resume has a file fail between what it has set and what it writes, and go on.
func (c resumed) resume(t *testing.T, f *fleet) {
	t.Helper()
	apply(t, f.runner(c.directory(t, f, "")))
	f.exec("CREATE TABLE " + f.tenants[0].Placement.Schema + ".others (id int)")
	_, failed := failures(t, f.runner(c.directory(t, f, c.value)))
	if got := failed[f.tenants[0].ID]; !strings.HasPrefix(got.Statement, "CREATE TABLE others") {
		t.Fatalf("got %+v", got)
	}
	f.exec("DROP TABLE " + f.tenants[0].Placement.Schema + ".others")
	if c.want == "" {
		_, failed := failures(t, f.runner(c.directory(t, f, c.value)))
		if got := failed[f.tenants[0].ID]; got.Err == nil || !strings.Contains(got.Err.Error(), "may not get the same value again") {
			t.Errorf("got %+v", got)
		}
		c.byHand(t, f)
		return
	}
	wantReport(t, apply(t, f.runner(c.directory(t, f, c.value))), 1, 0, 0, 0)
	if got := one[string](t, f.home, "SELECT COALESCE(text, 'nothing') FROM "+f.tenants[0].Placement.Schema+".notes"); got != c.want {
		t.Errorf("wrote %q, and want %q", got, c.want)
	}
}

// byHand says of both statements that are left that they were executed, as the error asks for.
func (c resumed) byHand(t *testing.T, f *fleet) {
	t.Helper()
	r := f.runner(c.directory(t, f, c.value))
	for range 2 {
		if _, err := r.Repair(t.Context(), f.tenants[0], true); err != nil {
			t.Fatal(err)
		}
	}
	wantReport(t, apply(t, r), 0, len(f.tenants), 0, 0)
}

func (c resumed) directory(t *testing.T, f *fleet, value string) *migrate.Directory {
	t.Helper()
	all := files{"1_init.sql": "CREATE TABLE notes (id int NOT NULL PRIMARY KEY, text varchar(100));\nINSERT INTO notes VALUES (1, 'old');\n"}
	if value != "" {
		all["2_more.sql"] = "-- atlas:txmode none\n\n" + c.before + ";\nCREATE TABLE others (id int);\nUPDATE notes SET text = " + value + ";\n"
	}
	return directory(t, f.dialect, all)
}

func TestMariaDBResumesWithItsVariables(t *testing.T) {
	t.Parallel()
	account := "tenancy_" + rand.Text()[:8]
	accounts := "'" + account + "'@'localhost', " + account + "@'127.0.0.1', " + account + "@here"
	for _, c := range []resumed{
		{"SET @owner = 'new'", "@owner", "new"},
		{"SET @a = 'x', @b := 'new'; SET @a = @b", "@A", "new"},
		{"SET @old = @@sql_mode; SET sql_mode = CONCAT(@@sql_mode, ',PIPES_AS_CONCAT')", "'n' || 'ew'", "new"},
		{"SET @id = UUID(); UPDATE notes SET text = 'x'", "'new'", "new"},
		{"SET @id = UUID(); SET @id = 'new'", "@id", "new"},
		{"SET @owner = 'new'; UPDATE notes SET text = @owner", "@owner", "new"},
		{"SET @id = UUID()", "@id", ""},
		{"SET @a = UUID(); SET @b = @a", "@b", ""},
		{"SET @at = CURRENT_TIMESTAMP", "@at", ""},
		{"SET @owner = (SELECT MAX(text) FROM notes); UPDATE notes SET text = 'x'", "@owner", ""},
		{"SELECT MAX(text) INTO @owner FROM notes; UPDATE notes SET text = 'x'", "@owner", ""},
		{"UPDATE notes SET text = (@owner := CONCAT(text, 'er'))", "@owner", ""},
		{"SET STATEMENT max_statement_time = 10 FOR UPDATE notes SET text = CONCAT(text, '!')", "CONCAT(text, '?')", "old!?"},
		{"SET @old = @@GLOBAL.sql_mode", "@old", ""},
		{"CREATE ROLE " + account + "; SET ROLE " + account + "; SET ROLE NONE; DROP ROLE " + account, "'new'", "new"},
		{"CREATE TABLE gone (id int); SET @n = (SELECT COUNT(*) FROM gone); DROP TABLE gone", "'new'", "new"},
		{"SET @mode = (SELECT MAX('') FROM notes); SET sql_mode = @mode", "'new'", ""},
		{"SET @@global.max_statement_time = @@global.max_statement_time, @owner = 'new'", "'new'", ""},
		{
			"CREATE USER " + accounts + "; GRANT SELECT ON notes TO " + accounts,
			"'new'; GRANT INSERT ON notes TO " + accounts + "; DROP USER " + accounts, "new",
		},
		{"SELECT 'old', 'x' INTO @id, @b", "'x'; SELECT 'new', 'y' INTO @b, @id; SET @c = @b; UPDATE notes SET text = @c", "new"},
		{"SET @`an id` = UUID(); SET @`another` = 1", "@`an id`", ""},
	} {
		t.Run(c.before, func(t *testing.T) {
			t.Parallel()
			c.resume(t, newMariaDB(t, 1))
		})
	}
}

func TestPostgresResumesWithItsSettings(t *testing.T) {
	t.Parallel()
	for _, before := range []string{
		"SET app.owner = 'new'",
		"SET app.owner TO 'old';\nRESET app.owner;\nSELECT set_config('app.owner', 'new', false)",
		"SELECT set_config('app.b', current_setting('server_version'), false), pg_catalog.set_config('app.owner', 'new', false) AS x",
		"CREATE TEXT SEARCH CONFIGURATION gone (COPY = simple); SET default_text_search_config = gone; SET app.owner = 'new';\n" +
			"RESET default_text_search_config; DROP TEXT SEARCH CONFIGURATION gone",
	} {
		resumed{before, "current_setting('app.owner')", "new"}.resume(t, newPostgres(t, 1))
	}
}

// It sets nothing again of what is one statement with others, which may change rows.
func TestPostgresResumesBehindADelimiter(t *testing.T) {
	t.Parallel()
	f := newPostgres(t, 1)
	more := func(left string) *migrate.Directory {
		return directory(t, f.dialect, files{
			"1_init.sql": "CREATE TABLE notes (id int NOT NULL PRIMARY KEY, text varchar(100));\nINSERT INTO notes VALUES (1, 'old');\n",
			"2_more.sql": "-- atlas:delimiter \\n--\n-- atlas:txmode none\n\n" +
				"SET statement_timeout = '10s'; UPDATE notes SET text = text || '!';\n--\n" + left + ";\n--\n",
		})
	}
	failures(t, f.runner(more("SELECT * FROM others")))
	wantReport(t, apply(t, f.runner(more("SELECT * FROM notes"))), 1, 0, 0, 0)
	if got := one[string](t, f.home, "SELECT text FROM "+f.tenants[0].Placement.Schema+".notes"); got != "old!" {
		t.Errorf("got %q", got)
	}
}

// What may not get the same value again is done by hand, even by a file that others have finished.
func TestPostgresResumesByHand(t *testing.T) {
	t.Parallel()
	for _, value := range []string{"(SELECT MAX(text) FROM gone)", "now()::text", "CURRENT_DATE::text"} {
		f := newPostgres(t, 2)
		schema := f.tenants[0].Placement.Schema
		c := resumed{before: "CREATE TABLE gone (text text); SELECT set_config('app.owner', " + value + ", false); DROP TABLE gone", value: "current_setting('app.owner')"}
		apply(t, f.runner(c.directory(t, f, "")))
		f.exec("CREATE TABLE " + schema + ".others (id int)")
		r := f.runner(c.directory(t, f, c.value))
		failures(t, r)
		f.exec("DROP TABLE " + schema + ".others")
		_, failed := failures(t, r)
		if got := failed[f.tenants[0].ID]; len(failed) != 1 || got.Err == nil || !strings.Contains(got.Err.Error(), "by hand") {
			t.Errorf("got %+v", failed)
		}
		c.byHand(t, f)
	}
}
