package migrate_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"testing/fstest"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate"
)

// hashed returns files with their atlas.sum.
func hashed(t *testing.T, files map[string]string) fstest.MapFS {
	t.Helper()
	mem, fsys := &atlas.MemDir{}, fstest.MapFS{}
	for name, text := range files {
		fsys[name] = &fstest.MapFile{Data: []byte(text)}
		if err := mem.WriteFile(name, []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	sum, err := mem.Checksum()
	if err != nil {
		t.Fatal(err)
	}
	text, err := sum.MarshalText()
	if err != nil {
		t.Fatal(err)
	}
	fsys[atlas.HashFileName] = &fstest.MapFile{Data: text}
	return fsys
}

func TestNewDirectory(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"1_a.sql": "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN 1; END $$;\nCREATE TABLE x ();\n",
		"2_b.sql": "-- atlas:txmode none\n\nCREATE INDEX CONCURRENTLY i ON x (a);\nCOMMIT;\n",
		"3_c.sql": "-- atlas:delimiter \\n\\n\nCREATE FUNCTION g() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT 1; END;\n\nSELECT 1; SELECT 2;\n",
	}
	d, err := migrate.NewDirectory(hashed(t, files), dialect.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	if d.Version() != "3" || len(d.Sum()) != 44 {
		t.Errorf("version %q, sum %q", d.Version(), d.Sum())
	}
}

// TestNewDirectoryTakesASumOfWindows has a checkout in which .gitattributes names the files *.sql only.
func TestNewDirectoryTakesASumOfWindows(t *testing.T) {
	t.Parallel()
	fsys := hashed(t, map[string]string{"1_a.sql": "SELECT 1;\n"})
	sum := fsys[atlas.HashFileName]
	sum.Data = bytes.ReplaceAll(sum.Data, []byte("\n"), []byte("\r\n"))
	if _, err := migrate.NewDirectory(fsys, dialect.Postgres); err != nil {
		t.Error(err)
	}
}

func TestNewDirectoryRefuses(t *testing.T) {
	t.Parallel()
	edited := hashed(t, map[string]string{"1_a.sql": "SELECT 1;\n", "2_b.sql": "SELECT 2;\n"})
	edited["2_b.sql"].Data = []byte("SELECT 3;\n")
	added := hashed(t, map[string]string{"1_a.sql": "SELECT 1;\n"})
	added["2_b.sql"] = &fstest.MapFile{Data: []byte("SELECT 2;\n")}
	checkedOut := hashed(t, map[string]string{"1_a.sql": "SELECT 1;\n"})
	checkedOut["1_a.sql"].Data = []byte("SELECT 1;\r\n")
	for _, test := range []struct {
		name string
		fsys fstest.MapFS
		want string
	}{
		{"no atlas.sum", fstest.MapFS{"1_a.sql": {Data: []byte("SELECT 1;")}}, "atlas.sum is missing"},
		{"an edited file", edited, "atlas.sum:3: 2_b.sql was edited"},
		{"an added file", added, "2_b.sql was added"},
		{"a transaction", hashed(t, map[string]string{"1_a.sql": "-- why\nSELECT 1;\n\ncommit;\n"}), "1_a.sql:4: COMMIT"},
		{"a transaction behind a delimiter", hashed(t, map[string]string{"1_a.sql": "-- atlas:delimiter \\n\\n\nCREATE TABLE a (id int);\n/* away */ COMMIT;\nDROP TABLE b;\n"}), "1_a.sql:3: COMMIT"},
		{"lines of Windows", checkedOut, "1_a.sql: its lines end with CR LF"},
		{"lines of Windows in the sum", hashed(t, map[string]string{"1_a.sql": "-- atlas:txmode none\r\n\r\nSELECT 1;\r\n"}), "*.sql text eol=lf"},
		{"an unclosed quote", hashed(t, map[string]string{"1_a.sql": "SELECT 'x;\n"}), "1_a.sql: "},
		{"half a delimiter", hashed(t, map[string]string{"1_a.sql": "DELIMITER '\nSELECT 1;\n"}), "1_a.sql: the statements cannot be told apart"},
		{"an unknown mode", hashed(t, map[string]string{"1_a.sql": "-- atlas:txmode maybe\n\nSELECT 1;\n"}), `unknown txmode "maybe"`},
		{"one version twice", hashed(t, map[string]string{"1_a.sql": "SELECT 1;\n", "1_b.sql": "SELECT 1;\n"}), "same version"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			_, err := migrate.NewDirectory(test.fsys, dialect.Postgres)
			if !errors.Is(err, migrate.ErrDirectory) || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := migrate.NewDirectory(hashed(t, nil), "oracle"); err == nil {
		t.Error("a dialect that nobody knows")
	}
}

func TestNewNamesTheField(t *testing.T) {
	t.Parallel()
	d, err := migrate.NewDirectory(hashed(t, nil), dialect.SQLite)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		config migrate.Config
		want   string
	}{
		{migrate.Config{}, "Config.Directory"},
		{migrate.Config{Directory: d}, "Config.Home"},
	} {
		if _, err := migrate.New(test.config); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}
