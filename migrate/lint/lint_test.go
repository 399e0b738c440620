package lint_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/lint"
)

// lintText looks at one file.
func lintText(tb testing.TB, database, text string) []lint.Finding {
	tb.Helper()
	return lintTexts(tb, database, text)
}

// lintTexts looks at files in their order.
func lintTexts(tb testing.TB, database string, texts ...string) []lint.Finding {
	tb.Helper()
	files := make([]migrate.File, len(texts))
	for i, text := range texts {
		files[i] = migrate.NewLocalFile(fmt.Sprintf("%d_file.sql", i+1), []byte(text))
	}
	findings, err := lint.Files(files, lint.Config{Dialect: database})
	if err != nil {
		tb.Fatal(err)
	}
	return findings
}

// rules returns the rules that are broken.
func rules(findings []lint.Finding) []lint.Rule {
	var all []lint.Rule
	for _, f := range findings {
		all = append(all, f.Rule)
	}
	return all
}

// one is what a statement of a table of cases is to be refused for.
type one struct {
	text string
	want lint.Rule // "" for nothing
}

func TestPostgres(t *testing.T) {
	t.Parallel()
	testAll(t, dialect.Postgres, []one{
		{`CREATE TABLE public.t (id int)`, lint.Qualified},
		{`CREATE TABLE "public"."t" (id int)`, lint.Qualified},
		{`CREATE TABLE IF NOT EXISTS public.t (id int)`, lint.Qualified},
		{`CREATE TABLE t (id int REFERENCES public.u (id))`, lint.Qualified},
		{`CREATE TABLE t (id public.citext)`, ""},
		{`CREATE TABLE t (id int DEFAULT nextval('public.s'::regclass))`, lint.Qualified},
		{`ALTER TABLE ONLY public.t ADD COLUMN n int`, lint.Qualified},
		{`CREATE SEQUENCE public.s`, lint.Qualified},
		{`CREATE POLICY p ON public.t AS RESTRICTIVE USING (a = b)`, lint.Qualified},
		{`GRANT SELECT ON public.t TO r`, lint.Qualified},
		{`GRANT SELECT ON a, public.t TO r`, lint.Qualified},
		{`INSERT INTO public.t VALUES (1)`, lint.Qualified},
		{`UPDATE public.t SET n = 1 WHERE n = 2`, lint.Qualified},
		{`DELETE FROM public.t WHERE n = 2`, lint.Qualified},
		{`SELECT * FROM public.t`, lint.Qualified},
		{`COMMENT ON COLUMN public.t.n IS 'x'`, lint.Qualified},
		{`COMMENT ON COLUMN t.n IS 'x.y'`, ""},
		{`DROP INDEX public.i`, lint.Qualified},
		{`CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT n FROM public.t'`, lint.Qualified},
		{`DO $$ BEGIN UPDATE public.t SET n = 1 WHERE n = 2; END $$`, lint.Qualified},
		{`UPDATE t SET n = u.n FROM u WHERE u.id = t.id`, ""},
		{`UPDATE t SET n = (SELECT u.n FROM u JOIN v ON v.id = u.id WHERE u.id = t.id) WHERE t.n IS DISTINCT FROM t.m`, ""},
		{`UPDATE t SET n = EXTRACT(year FROM t.at) WHERE n IS NULL`, ""},
		{`SELECT oid FROM pg_catalog.pg_class`, ""},
		{`UPDATE t SET price = 1.5 WHERE name = 'FROM public.t'`, ""},
		{`INSERT INTO t (a) SELECT u.a FROM u -- FROM public.x`, ""},

		{`BEGIN`, lint.Transaction},
		{`COMMIT`, lint.Transaction},
		{`START TRANSACTION`, lint.Transaction},
		{`ROLLBACK TO SAVEPOINT s`, lint.Transaction},
		{`CREATE SCHEMA acme`, lint.Outside},
		{`DROP DATABASE acme`, lint.Outside},
		{`CREATE EXTENSION IF NOT EXISTS citext`, lint.Outside},
		{`CREATE ROLE app LOGIN`, lint.Outside},
		{`ALTER USER app SET search_path = x`, lint.Outside},
		{`GRANT app TO other`, lint.Outside},
		{`GRANT USAGE ON SCHEMA acme TO app`, lint.Outside},
		{`GRANT SELECT ON ALL TABLES IN SCHEMA acme TO app`, lint.Outside},
		{`ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO app`, lint.Outside},
		{`SET search_path TO acme`, lint.Outside},
		{`SET LOCAL search_path TO acme`, lint.Outside},
		{`SET ROLE app`, lint.Outside},
		{`SET lock_timeout = '2s'`, lint.Outside},
		{`SET LOCAL lock_timeout = '2s'`, ""},
		{`RESET ALL`, lint.Outside},
		{`SELECT set_config('search_path', 'acme', false)`, lint.Outside},
		{`SELECT pg_advisory_lock(1)`, lint.Outside},
		{`GRANT SELECT, INSERT ON "orders" TO "app"`, ""},

		{`DROP TABLE t`, lint.Destructive},
		{`DROP TABLE IF EXISTS t CASCADE`, lint.Destructive},
		{`ALTER TABLE t DROP COLUMN n`, lint.Destructive},
		{`ALTER TABLE t ADD COLUMN m int, DROP n`, lint.Destructive},
		{`ALTER TABLE t ALTER COLUMN n TYPE varchar(10)`, lint.Destructive},
		{`ALTER TABLE t ALTER COLUMN n SET DATA TYPE int`, lint.Destructive},
		{`ALTER TABLE t ALTER COLUMN n TYPE text`, lint.Locking}, // unless it is varchar
		{`ALTER TABLE t RENAME COLUMN n TO m`, lint.Destructive},
		{`ALTER TABLE t RENAME TO u`, lint.Destructive},
		{`TRUNCATE t`, lint.Destructive},
		{`DELETE FROM t`, lint.Destructive},
		{`DELETE FROM t WHERE old`, ""},
		{`ALTER TABLE t DROP CONSTRAINT c`, ""},
		{`ALTER TABLE t ALTER COLUMN n DROP NOT NULL`, ""},
		{"-- atlas:txmode none\n\nDROP INDEX CONCURRENTLY i", ""},
		{`CREATE TABLE t (id int); DROP TABLE t`, ""},

		{`ALTER TABLE t ADD COLUMN n int NOT NULL`, lint.Locking},
		{`ALTER TABLE t ADD n int NOT NULL`, lint.Locking},
		{`ALTER TABLE t ADD COLUMN n int NOT NULL DEFAULT 0`, ""},
		{`ALTER TABLE t ADD COLUMN n int NULL`, ""},
		{`ALTER TABLE t ADD COLUMN n timestamptz NOT NULL DEFAULT now()`, ""},
		{`ALTER TABLE t ADD COLUMN n uuid NOT NULL DEFAULT gen_random_uuid()`, lint.Locking},
		{`ALTER TABLE t ADD COLUMN n bigserial`, lint.Locking},
		{`ALTER TABLE t ADD COLUMN n int GENERATED ALWAYS AS (a + b) STORED`, lint.Locking},
		{`CREATE INDEX i ON t (n)`, lint.Locking},
		{`CREATE UNIQUE INDEX i ON ONLY t (n)`, lint.Locking},
		{`CREATE INDEX CONCURRENTLY i ON t (n)`, lint.Locking}, // in a transaction
		{"-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON t (n)", ""},
		{`CREATE TABLE t (n int); CREATE INDEX i ON t (n)`, ""},
		{`CREATE TABLE "T" (n int); CREATE INDEX i ON t (n)`, lint.Locking}, // another table
		{`CREATE TABLE t (n int); CREATE INDEX i ON "t" (n)`, ""},
		{`ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (n) REFERENCES u (id)`, lint.Locking},
		{`ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES u (id)`, lint.Locking},
		{`ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (n) REFERENCES u (id) NOT VALID`, ""},
		{`ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0)`, lint.Locking},
		{`ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID`, ""},
		{`ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID; ALTER TABLE t VALIDATE CONSTRAINT c`, lint.Locking},
		{`ALTER TABLE t VALIDATE CONSTRAINT c`, ""},
		{`ALTER TABLE t ADD CONSTRAINT c UNIQUE (n)`, lint.Locking},
		{`ALTER TABLE t ADD CONSTRAINT c UNIQUE USING INDEX c`, ""},
		{`ALTER TABLE t ADD PRIMARY KEY (n)`, lint.Locking},
		{`ALTER TABLE t ALTER COLUMN n SET NOT NULL`, lint.Locking},
		{`ALTER TABLE t VALIDATE CONSTRAINT c; ALTER TABLE t ALTER COLUMN n SET NOT NULL`, ""},
		{`ALTER TABLE u VALIDATE CONSTRAINT c; ALTER TABLE t ALTER COLUMN n SET NOT NULL`, lint.Locking},
		{`LOCK TABLE t`, lint.Locking},

		{`ALTER TABLE t DISABLE ROW LEVEL SECURITY`, lint.Isolation},
		{`ALTER TABLE t NO FORCE ROW LEVEL SECURITY`, lint.Isolation},
		{`ALTER TABLE t NO FORCE ROW LEVEL SECURITY; ALTER TABLE t FORCE ROW LEVEL SECURITY`, ""},
		{`ALTER TABLE t NO FORCE ROW LEVEL SECURITY; ALTER TABLE u FORCE ROW LEVEL SECURITY`, lint.Isolation},
		{`DROP POLICY p ON t`, lint.Isolation},
		{`DROP POLICY IF EXISTS p ON t; CREATE POLICY p ON t AS RESTRICTIVE USING (a = b)`, ""},
		{`CREATE POLICY p ON t USING (true)`, lint.Isolation},
		{`ALTER POLICY p ON t USING (a = b)`, lint.Isolation},
	})
}

func TestMySQL(t *testing.T) {
	t.Parallel()
	testAll(t, dialect.MySQL, []one{
		{"CREATE TABLE `shop`.`t` (id int)", lint.Qualified},
		{"CREATE TABLE `t` (`id` int, `name` varchar(10) DEFAULT \"a.b\")", ""},
		{"INSERT INTO shop.t VALUES ('it\\'s FROM a.b')", lint.Qualified},
		{"INSERT INTO t VALUES ('it\\'s FROM a.b')", ""},
		{"UPDATE t, u SET t.n = u.n WHERE t.id = u.id # FROM a.b", ""},
		{"USE shop", lint.Outside},
		{"CREATE DATABASE shop", lint.Outside},
		{"SET FOREIGN_KEY_CHECKS = 0", lint.Outside},
		{"SELECT 1 /*!40101 FROM a.b */", lint.Qualified},
		{"SELECT GET_LOCK('a', 1)", lint.Outside},
		{"START TRANSACTION", lint.Transaction},
		{"ALTER TABLE `t` ADD COLUMN `n` int NOT NULL", lint.Locking},
		{"ALTER TABLE `t` ADD COLUMN `n` int NULL", ""},
		{"ALTER TABLE `t` ADD INDEX `i` (`n`)", ""},
		{"CREATE INDEX `i` ON `t` (`n`)", ""},
		{"ALTER TABLE `t` ADD CONSTRAINT `c` FOREIGN KEY (`n`) REFERENCES `u` (`id`)", lint.Locking},
		{"ALTER TABLE `t` MODIFY COLUMN `n` bigint NOT NULL", lint.Destructive},
		{"ALTER TABLE `t` DROP FOREIGN KEY `c`", ""},
		{"ALTER TABLE `t` DROP COLUMN `n`", lint.Destructive},
		{"ALTER TABLE `t` DROP INDEX `i`", ""},
		{"ALTER TABLE `t` ALTER COLUMN `a` SET DEFAULT 1--1, DROP COLUMN `n`", lint.Destructive}, // no comment
		{"ALTER TABLE `t` ADD COLUMN `a` int -- DROP COLUMN `n`", ""},
	})
}

// TestRestatedColumns has what MySQL's MODIFY and CHANGE are told to be.
func TestRestatedColumns(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE t (n int DEFAULT 1);"
	for text, want := range map[string]string{
		"ALTER TABLE t MODIFY n int NOT NULL":             "becomes NOT NULL",
		"ALTER TABLE t MODIFY n smallint":                 "may become narrower",
		"ALTER TABLE t CHANGE n m int":                    "renamed",
		"ALTER TABLE t MODIFY n int, COLLATE utf8mb4_bin": "the table's character set",
		"ALTER TABLE u MODIFY n int DEFAULT NULL":         "do not say what it was",
	} {
		if findings := lintTexts(t, dialect.MySQL, table, text); len(findings) != 1 || !strings.Contains(findings[0].Message, want) {
			t.Errorf("%s: %q is not in %v", text, want, findings)
		}
	}
}

// TestOneVersionTwice has the files of two branches: the runner refuses the directory.
func TestOneVersionTwice(t *testing.T) {
	t.Parallel()
	files := []migrate.File{migrate.NewLocalFile("1_a.sql", nil), migrate.NewLocalFile("1_b.sql", nil), migrate.NewLocalFile("2_c.sql", nil)}
	findings, err := lint.Files(files, lint.Config{Dialect: dialect.MySQL, After: "1"})
	if err != nil || len(findings) != 1 || findings[0].Rule != lint.Version || findings[0].File != "1_b.sql" || !strings.Contains(findings[0].Message, "1_a.sql") {
		t.Errorf("got %v, %v", findings, err)
	}
}

func TestSQLite(t *testing.T) {
	t.Parallel()
	const table = "CREATE TABLE `t` (`id` integer, `n` text, CONSTRAINT c FOREIGN KEY (`n`) REFERENCES `u` (`id`));"
	if findings := lintTexts(t, dialect.SQLite, table, "PRAGMA foreign_keys = off; CREATE TABLE `new_t` (`id` integer, `n` text, `m` text); "+
		"INSERT INTO `new_t` (`id`, `n`) SELECT `id`, `n` FROM `t`; DROP TABLE `t`; ALTER TABLE `new_t` RENAME TO `t`; PRAGMA foreign_keys = on"); len(findings) > 0 {
		t.Errorf("a table that is made again with all its columns: %v", findings)
	}
	findings := lintTexts(t, dialect.SQLite, table, "CREATE TABLE `new_t` (`id` integer); INSERT INTO `new_t` (`id`) SELECT `id` FROM `t`; DROP TABLE `t`; ALTER TABLE `new_t` RENAME TO `t`")
	if len(findings) != 1 || findings[0].Rule != lint.Destructive || !strings.Contains(findings[0].Message, "without n") {
		t.Errorf("a table that is made again without a column: %v", findings)
	}
	testAll(t, dialect.SQLite, []one{
		{"CREATE TABLE main.t (id int)", lint.Qualified},
		{"ATTACH 'x.db' AS x", lint.Outside},
		{"PRAGMA journal_mode = WAL", lint.Outside},
		{"PRAGMA foreign_keys = off", ""},
		{"CREATE TABLE [t] (id int); CREATE INDEX i ON t (id)", ""},
		{"DROP TABLE `t`", lint.Destructive},
		{"ALTER TABLE `t` DROP COLUMN `n`", lint.Destructive},
		{"ALTER TABLE `t` ADD COLUMN `n` text NOT NULL", lint.Locking},
		{"CREATE TRIGGER g AFTER INSERT ON t BEGIN UPDATE t SET n = NEW.n WHERE id = NEW.id; END", ""},
	})
}

func testAll(t *testing.T, database string, all []one) {
	t.Helper()
	for _, test := range all {
		t.Run(test.text, func(t *testing.T) {
			t.Parallel()
			var want []lint.Rule
			if test.want != "" {
				want = []lint.Rule{test.want}
			}
			if got := lintText(t, database, test.text+";\n"); !slices.Equal(rules(got), want) {
				t.Errorf("want %q, got %v", want, got)
			}
		})
	}
}

func TestMarks(t *testing.T) {
	t.Parallel()
	const drop = "ALTER TABLE t DROP COLUMN n;\n"
	for text, want := range map[string][]lint.Rule{
		"-- tenancy:allow destructive nobody reads it\n" + drop:                                                   nil,
		"-- Drop it.\n-- tenancy:allow destructive nobody reads it\n" + drop:                                      nil,
		"/* tenancy:allow destructive nobody reads it */\n" + drop:                                                nil,
		"-- tenancy:allow destructive\n" + drop:                                                                   {lint.Destructive, lint.Mark},
		"-- tenancy:allow locking nobody reads it\n" + drop:                                                       {lint.Destructive, lint.Mark},
		"-- tenancy:allow everything please\n" + drop:                                                             {lint.Destructive, lint.Mark},
		"-- tenancy:allow transaction please\nCOMMIT;\n":                                                          {lint.Mark, lint.Transaction},
		"-- tenancy:allow destructive nobody reads it\n" + drop + drop:                                            {lint.Destructive},
		"-- tenancy:allow destructive unused\nCREATE TABLE t (id int);\n":                                         {lint.Mark},
		"-- tenancy:allow locking a\n-- tenancy:allow destructive b\nALTER TABLE t DROP n, ADD m int NOT NULL;\n": nil,
	} {
		if got := lintText(t, dialect.Postgres, text); !slices.Equal(rules(got), want) {
			t.Errorf("%q: want %q, got %v", text, want, got)
		}
	}
}

// TestOwnerSeesNoForcedRows has files after one that forces row-level security.
func TestOwnerSeesNoForcedRows(t *testing.T) {
	t.Parallel()
	const (
		forced = "CREATE TABLE t (n int); ALTER TABLE t FORCE ROW LEVEL SECURITY; CREATE TABLE u (n int);"
		lift   = "ALTER TABLE t NO FORCE ROW LEVEL SECURITY; "
		force  = "; ALTER TABLE t FORCE ROW LEVEL SECURITY;"
		key    = "ALTER TABLE t ADD CONSTRAINT c FOREIGN KEY (n) REFERENCES u (id) NOT VALID;"
		check  = "ALTER TABLE t ADD CONSTRAINT c CHECK (n > 0) NOT VALID;"
		valid  = "ALTER TABLE t VALIDATE CONSTRAINT c"
		update = "UPDATE t SET n = 1 WHERE n IS NULL"
	)
	for _, test := range []struct {
		files []string
		want  []lint.Rule
	}{
		{[]string{forced, update}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "DELETE FROM t WHERE n = 1"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, lift + update + force}, nil},
		{[]string{forced, lift + update}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "UPDATE u SET n = 1 WHERE n IS NULL"}, nil},
		{[]string{forced, "INSERT INTO u SELECT * FROM t"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "INSERT INTO u SELECT u.n FROM u JOIN t ON t.n = u.n"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "INSERT INTO u TABLE t"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "WITH x AS (SELECT n FROM t) INSERT INTO u SELECT n FROM x"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "CREATE TABLE v AS SELECT * FROM t"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "CREATE TABLE v (n) AS TABLE t"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "SELECT n INTO v FROM t"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "UPDATE u SET n = t.n FROM t WHERE t.n = u.n"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "UPDATE u SET n = (SELECT max(n) FROM t) WHERE n IS NULL"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, "DELETE FROM u USING t WHERE t.n = u.n"}, []lint.Rule{lint.Isolation}},
		{[]string{forced, lift + "INSERT INTO u SELECT * FROM t" + force}, nil},
		{[]string{forced, "INSERT INTO t VALUES (1)"}, nil}, // which is refused, and seen
		{[]string{forced, "INSERT INTO t SELECT n FROM u"}, nil},
		{[]string{forced, "CREATE VIEW v AS SELECT n FROM t"}, nil},
		{[]string{forced, "CREATE TABLE v (n int REFERENCES t (n))"}, nil},
		{[]string{forced, key, valid}, []lint.Rule{lint.Isolation}},
		{[]string{forced, key, lift + valid + force}, []lint.Rule{lint.Locking}},
		{[]string{forced, key, "-- atlas:txmode none\n\n" + lift + valid + force}, nil},
		{[]string{forced, check, valid}, nil},
		{[]string{forced, "ALTER TABLE t ADD FOREIGN KEY (n) REFERENCES u (id)"}, []lint.Rule{lint.Isolation, lint.Locking}},
	} {
		if got := lintTexts(t, dialect.Postgres, test.files...); !slices.Equal(rules(got), test.want) {
			t.Errorf("%q: want %q, got %v", test.files, test.want, got)
		}
	}
}

func TestFindingsSayWhere(t *testing.T) {
	t.Parallel()
	got := lintText(t, dialect.Postgres, "CREATE TABLE t (id int);\n\n-- Away.\nDROP TABLE u;\n")
	if len(got) != 1 || got[0].File != "1_file.sql" || got[0].Line != 4 || got[0].Statement != "DROP TABLE u;" {
		t.Fatalf("got %+v", got)
	}
	if want := "1_file.sql:4: destructive: "; !strings.HasPrefix(got[0].String(), want) {
		t.Errorf("%q does not begin with %q", got[0], want)
	}
}

func TestDirectory(t *testing.T) {
	t.Parallel()
	fsys := fstest.MapFS{"1_a.sql": {Data: []byte("DROP TABLE t;\n")}, "2_b.sql": {Data: []byte("DROP TABLE u;\n")}}
	got, err := lint.Directory(fsys, lint.Config{Dialect: dialect.Postgres, After: "1"})
	if err != nil || !slices.Equal(rules(got), []lint.Rule{lint.Checksum, lint.Destructive}) || got[1].File != "2_b.sql" {
		t.Errorf("got %v, %v", got, err)
	}
	var dir migrate.MemDir
	for name, file := range fsys {
		if err := dir.WriteFile(name, file.Data); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := dir.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	fsys[migrate.HashFileName] = &fstest.MapFile{Data: text}
	if got, err = lint.Directory(fsys, lint.Config{Dialect: dialect.Postgres}); err != nil || len(got) != 2 {
		t.Errorf("with its sum: %v, %v", got, err)
	}
	if _, err := lint.Directory(fsys, lint.Config{}); err == nil {
		t.Error("no dialect, and no error")
	}
}

// TestLinesOfWindows has files that git has checked out with other ends of lines than they were summed with.
func TestLinesOfWindows(t *testing.T) {
	t.Parallel()
	var dir migrate.MemDir
	fsys := fstest.MapFS{}
	for name, text := range map[string]string{
		"1_a.sql": "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON t (n);\n",
		"2_b.sql": "-- atlas:delimiter \\n\\n\nCREATE VIEW v AS SELECT 1;\n\nDROP TABLE orders;\n",
	} {
		if err := dir.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
		fsys[name] = &fstest.MapFile{Data: []byte(strings.ReplaceAll(text, "\n", "\r\n"))}
	}
	sum, err := dir.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	fsys[migrate.HashFileName] = &fstest.MapFile{Data: text}
	got, err := lint.Directory(fsys, lint.Config{Dialect: dialect.Postgres, After: "1"})
	if err != nil || len(got) != 2 {
		t.Fatalf("got %v, %v", got, err)
	}
	for i, name := range []string{"1_a.sql", "2_b.sql"} {
		if got[i].File != name || got[i].Rule != lint.Checksum || !strings.Contains(got[i].Message, "*.sql text eol=lf") {
			t.Errorf("got %v", got[i])
		}
	}
}

// FuzzFiles looks for texts on which it does not return.
func FuzzFiles(f *testing.F) {
	for _, seed := range []string{
		"SELECT 'a", "$$", "$a$ $b$", "/* /*", "ALTER TABLE", "CREATE TABLE t (", "DROP POLICY", "E'\\", "a.b.c.", "--", "CREATE INDEX ON", ";;", "\x00",
		"-- atlas:delimiter \\n\\n\nSELECT 1;;\n\n/**/;SELECT 2",
		"DELIMITER //\nCREATE TRIGGER g BEGIN SELECT 1; END; COMMIT//",
		"DELIMITER '\nSELECT 1",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		for _, database := range []string{dialect.Postgres, dialect.MySQL, dialect.SQLite} {
			_, _ = lint.Files([]migrate.File{migrate.NewLocalFile("1_a.sql", []byte(text))}, lint.Config{Dialect: database})
		}
	})
}
