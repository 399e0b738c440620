package migratediff_test

import (
	"context"
	"database/sql"
	"net/url"
	"os"
	"path/filepath"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	_ "github.com/go-sql-driver/mysql"
	_ "github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite"

	isolation "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	typed "github.com/entenancy/tenancy/internal/integration/isolation/typed/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/migrate/lint"
)

func must(tb testing.TB, err error) {
	tb.Helper()
	if err != nil {
		tb.Fatal(err)
	}
}

func open(tb testing.TB, driver, address string) *sql.DB {
	tb.Helper()
	db, err := sql.Open(driver, address)
	must(tb, err)
	tb.Cleanup(func() { must(tb, db.Close()) })
	return db
}

// database returns a new and empty database.
func database(tb testing.TB, name string) *sql.DB {
	tb.Helper()
	switch name {
	case dialect.Postgres:
		return open(tb, "pgx", servers.Postgres(tb))
	case dialect.MySQL:
		return open(tb, "mysql", servers.MariaDB(tb))
	default:
		return open(tb, "sqlite", servers.SQLite(tb))
	}
}

// onEach runs a test on each database.
func onEach(t *testing.T, test func(t *testing.T, name string)) {
	t.Helper()
	for _, name := range []string{dialect.Postgres, dialect.MySQL, dialect.SQLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, name)
		})
	}
}

// shop is the configuration for a schema with every kind of edge.
func shop(tb testing.TB, name string) diff.Config {
	tb.Helper()
	return diff.Config{
		Dir: tb.TempDir(), Dialect: name, Dev: database(tb, name),
		Tables: isolation.Tables, Tenancy: isolation.Tenancy,
	}
}

// typedShop has tenant columns of other types.
func typedShop(tb testing.TB, name string) diff.Config {
	tb.Helper()
	config := shop(tb, name)
	config.Tables, config.Tenancy = typed.Tables, typed.Tenancy
	return config
}

// named writes files, and returns their paths.
func named(tb testing.TB, config diff.Config, name string) []string {
	tb.Helper()
	written, err := diff.Named(tb.Context(), config, name)
	must(tb, err)
	return written
}

// valid fails where atlas.sum is not that of the files.
func valid(tb testing.TB, config diff.Config) {
	tb.Helper()
	for _, name := range []string{diff.TenantDir, diff.SharedDir} {
		path := filepath.Join(config.Dir, name)
		if _, err := os.Stat(path); err != nil {
			continue
		}
		dir, err := migrate.NewLocalDir(path)
		must(tb, err)
		must(tb, migrate.Validate(dir))
	}
}

// apply runs the files of a directory from one on, statement by statement, on
// one connection.
func apply(tb testing.TB, db *sql.DB, dir string, from int, before ...string) {
	tb.Helper()
	conn, err := db.Conn(tb.Context())
	must(tb, err)
	defer func() { must(tb, conn.Close()) }()
	for _, statement := range before {
		run(tb, conn, statement)
	}
	for _, file := range files(tb, dir)[from:] {
		statements, err := file.StmtDecls()
		must(tb, err)
		for _, statement := range statements {
			run(tb, conn, statement.Text)
		}
	}
}

func files(tb testing.TB, dir string) []migrate.File {
	tb.Helper()
	local, err := migrate.NewLocalDir(dir)
	must(tb, err)
	all, err := local.Files()
	must(tb, err)
	return all
}

type runner interface {
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

func run(tb testing.TB, db runner, statements ...string) {
	tb.Helper()
	for _, statement := range statements {
		if _, err := db.ExecContext(tb.Context(), statement); err != nil {
			tb.Fatalf("%v\n%s", err, statement)
		}
	}
}

// lines returns the rows of a query whose result is one text.
func lines(tb testing.TB, db *sql.DB, query string, args ...any) []string {
	tb.Helper()
	rows, err := db.QueryContext(tb.Context(), query, args...)
	must(tb, err)
	defer func() { must(tb, rows.Close()) }()
	var all []string
	for rows.Next() {
		var line string
		must(tb, rows.Scan(&line))
		all = append(all, line)
	}
	must(tb, rows.Err())
	return all
}

// linted returns the findings in the tenants' directory.
func linted(tb testing.TB, config diff.Config) []lint.Finding {
	tb.Helper()
	findings, err := lint.Directory(os.DirFS(filepath.Join(config.Dir, diff.TenantDir)), lint.Config{Dialect: config.Dialect})
	must(tb, err)
	return findings
}

// withSchema is a URL whose connections are in a schema.
func withSchema(tb testing.TB, address, name string) string {
	tb.Helper()
	u, err := url.Parse(address)
	must(tb, err)
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}
