package noninterference_test

import (
	"database/sql"
	"fmt"
	"net/url"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/noninterference"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

func sqliteCells() []noninterference.Cell {
	return []noninterference.Cell{
		{Name: "SQLite shared", NoRawSQL: true, OneWriter: true, Open: sqliteShared},
		{Name: "SQLite shared and schema", NoRawSQL: true, OneWriter: true, Open: inSQLite(tenancy.IsolationShared, tenancy.IsolationSchema)},
		{Name: "SQLite schema", Open: inSQLite(tenancy.IsolationSchema)},
		{Name: "SQLite database", Open: inSQLite(tenancy.IsolationDatabase)},
		{Name: "SQLite hybrid", Open: inSQLite(tenancy.IsolationSchema, tenancy.IsolationDatabase)},
	}
}

// sqliteShared has its driver for database/sql under ent, and nothing of this module.
func sqliteShared(tb testing.TB) *noninterference.Place {
	tb.Helper()
	dsn := servers.SQLite(tb)
	makeTables(tb, dialect.SQLite, "sqlite", dsn, migrate.Tables, plain)
	db := open(tb, "sqlite", dsn)
	makeGlobals(tb, db)
	return &noninterference.Place{
		Driver: entsql.OpenDB(dialect.SQLite, db), Tenants: tenants(tenancy.IsolationShared), Connections: connections,
		Reset: resets(tables{db, `"%s"`}),
	}
}

// inSQLite returns a place with a file for tables that tenants share, one for each
// tenant that does not, and one for global tables.
func inSQLite(isolations ...tenancy.Isolation) func(testing.TB) *noninterference.Place {
	return func(tb testing.TB) *noninterference.Place {
		tb.Helper()
		dir := tb.TempDir()
		home, global := filepath.Join(dir, "home.db"), filepath.Join(dir, "global.db")
		own, globals := halves(tb)
		makeTables(tb, dialect.SQLite, "sqlite", fileDSN(home), own, plain)
		makeTables(tb, dialect.SQLite, "sqlite", fileDSN(global), globals, plain)
		makeGlobals(tb, open(tb, "sqlite", fileDSN(global)))
		files, err := sqlite.New(sqlite.Config{Driver: &modernc.Driver{}, Dir: dir, Home: home, Global: global, Metadata: migrate.Tenancy})
		must(tb, err)

		all := tenants(isolations...)
		emptied := []tables{{open(tb, "sqlite", fileDSN(home)), `"%s"`}}
		for i := range all {
			if all[i].Isolation == tenancy.IsolationShared {
				continue
			}
			name := fmt.Sprintf("tenant_%d", i)
			if all[i].Isolation == tenancy.IsolationSchema {
				all[i].Placement.Schema = name
			} else {
				all[i].Placement.DatabaseURL = tenancy.NewSecret("file:" + filepath.ToSlash(filepath.Join(dir, name+".db")))
			}
			path, err := files.Path(all[i])
			must(tb, err)
			makeTables(tb, dialect.SQLite, "sqlite", fileDSN(path), own, plain)
			emptied = append(emptied, tables{open(tb, "sqlite", fileDSN(path)), `"%s"`})
		}
		place := driven(tb, entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.Home())), driver.Config{
			System:    entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.System())),
			Databases: driver.Databases{Open: files.Open},
		}, all)
		place.Reset = resets(emptied...)
		return place
	}
}

func fileDSN(path string) string {
	file := url.URL{Path: filepath.ToSlash(path)}
	return "file:" + file.EscapedPath() + "?_pragma=foreign_keys(1)&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_txlock=immediate"
}
