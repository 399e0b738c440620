package cli_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	atlas "ariga.io/atlas/sql/migrate"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

// database is a kind of database that the tool works on.
type database struct {
	name, driver string
	// home returns the URL of an empty home, as TENANCY_DATABASE_URL has it.
	home func(tb testing.TB, dir string) string
	// tables lists all tables that there are, qualified, and things the namespaces with their marks.
	// {prefix} is what the names of tenants' namespaces begin with.
	tables, things string
}

func databases() []database {
	return []database{
		{
			"sqlite", "sqlite",
			func(_ testing.TB, dir string) string { return "file:" + filepath.Join(dir, "home.db") },
			"SELECT name FROM sqlite_schema WHERE type = 'table'", "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL",
		},
		{
			"postgres", "pgx",
			func(tb testing.TB, _ string) string { tb.Helper(); return servers.Postgres(tb) },
			"SELECT quote_ident(schemaname) || '.' || quote_ident(tablename) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
			"SELECT nspname || ' ' || coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname NOT LIKE 'pg_t%'",
		},
		{
			"mariadb", "mysql",
			func(tb testing.TB, _ string) string { tb.Helper(); return servers.MariaDB(tb) },
			"SELECT concat('`', table_schema, '`.`', table_name, '`') FROM information_schema.tables WHERE table_schema = database() OR table_schema LIKE '{prefix}%'",
			"SELECT schema_name FROM information_schema.schemata WHERE schema_name LIKE '{prefix}%'",
		},
	}
}

// url is the URL of the home with what a client of its own needs.
func (d database) open(tb testing.TB, home string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(d.driver, home)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { db.Close() })
	return db
}

// dump returns all that there is, a row a line, and the files of a directory,
// but for the audit, which has what was refused too.
func (d database) dump(tb testing.TB, db *sql.DB, prefix, dir string) string {
	tb.Helper()
	of := func(query string) []string { return texts(tb, db, strings.ReplaceAll(query, "{prefix}", prefix)) }
	lines := of(d.things)
	for _, table := range of(d.tables) {
		if strings.Contains(table, "tenancy_audit") {
			continue
		}
		for _, row := range rows(tb, db, "SELECT * FROM "+table) {
			lines = append(lines, table+": "+row)
		}
	}
	slices.Sort(lines)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		if name := filepath.Base(file); name != "home.db" && !strings.HasSuffix(name, "-wal") && !strings.HasSuffix(name, "-shm") {
			lines = append(lines, "file "+name)
		}
	}
	return strings.Join(lines, "\n") + "\n"
}

func texts(tb testing.TB, db *sql.DB, query string) []string {
	tb.Helper()
	var all []string
	for _, row := range rows(tb, db, query) {
		all = append(all, strings.TrimSuffix(row, "|"))
	}
	return all
}

// rows returns each row as a line of its columns.
func rows(tb testing.TB, db *sql.DB, query string) []string {
	tb.Helper()
	found, err := db.QueryContext(context.WithoutCancel(tb.Context()), query) // at the end, too
	if err != nil {
		tb.Fatal(query, ": ", err)
	}
	defer found.Close()
	columns, err := found.Columns()
	if err != nil {
		tb.Fatal(err)
	}
	var all []string
	for found.Next() {
		values, targets := make([]any, len(columns)), make([]any, len(columns))
		for i := range values {
			targets[i] = &values[i]
		}
		if err := found.Scan(targets...); err != nil {
			tb.Fatal(err)
		}
		var line strings.Builder
		for _, value := range values {
			if text, ok := value.([]byte); ok {
				value = string(text)
			}
			fmt.Fprintf(&line, "%v|", value)
		}
		all = append(all, line.String())
	}
	if err := found.Err(); err != nil {
		tb.Fatal(err)
	}
	return all
}

// migration writes a file into a directory of migrations, with its atlas.sum.
func migration(dir, name, text string) error {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return err
	}
	local, err := atlas.NewLocalDir(dir)
	if err != nil {
		return err
	}
	if err := local.WriteFile(name, []byte(text)); err != nil {
		return err
	}
	sum, err := local.Checksum()
	if err != nil {
		return err
	}
	return atlas.WriteSumFile(local, sum)
}

// passwordOf returns the password in a URL.
func passwordOf(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.User == nil {
		return ""
	}
	password, _ := u.User.Password()
	return password
}
