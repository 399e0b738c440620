package servers

import (
	"context"
	"crypto/rand"
	"database/sql"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// patience is how long a server may take over one request of this package.
const patience = 30 * time.Second

// Postgres returns the URL of a new, empty PostgreSQL database for tb. The URL logs in as a new role that owns the database and nothing
// else: it is no superuser and cannot bypass row-level security. Both are dropped when tb is over, whoever is still connected.
func Postgres(tb testing.TB) string {
	tb.Helper()
	return postgresDatabase(tb, process.url(tb, postgres()))
}

// PostgresSchemas returns a function that returns the URL of a new, empty schema at each call, by its search_path: all in one database as
// of [Postgres], for suites with so many small tests that a database for each would take most of their time.
func PostgresSchemas(tb testing.TB) func(testing.TB) string {
	tb.Helper()
	database := Postgres(tb)
	return func(tb testing.TB) string {
		tb.Helper()
		return postgresSchema(tb, database)
	}
}

// PostgresCopy returns the URL of a copy of the database that a URL of [Postgres], or the owner's of [PostgresRoles], names, with all that
// is in it and for the same roles. Nobody may be connected to it. It is dropped when tb is over.
func PostgresCopy(tb testing.TB, address string) string {
	tb.Helper()
	return postgresCopy(tb, process.url(tb, postgres()), address)
}

// PostgresAdmin returns the URL by which a superuser reaches the maintenance database of the server that [Postgres] uses. What a test
// makes with it, the test has to remove.
func PostgresAdmin(tb testing.TB) string {
	tb.Helper()
	return process.url(tb, postgres())
}

// PostgresVersion returns the version of the server that [Postgres] uses, such as 150004.
func PostgresVersion(tb testing.TB) int {
	tb.Helper()
	version, err := postgresVersion(tb.Context(), process.url(tb, postgres()))
	if err != nil {
		tb.Fatalf("servers: asking for the version: %v", err)
	}
	return version
}

// MariaDB returns the go-sql-driver DSN of a new, empty database for tb, with parseTime=true and without multiStatements. The user is an
// administrator of the server. The database is dropped when tb is over.
func MariaDB(tb testing.TB) string {
	tb.Helper()
	return mariaDBDatabase(tb, process.url(tb, mariaDB()))
}

// IsMariaDB reports whether a server that [MariaDB] returned is MariaDB. It may be MySQL where TENANCY_TEST_MYSQL_URL names one: what only
// one of them has, a test asks for by this.
func IsMariaDB(tb testing.TB, db *sql.DB) bool {
	tb.Helper()
	var version string
	if err := db.QueryRowContext(tb.Context(), "SELECT version()").Scan(&version); err != nil {
		tb.Fatalf("servers: asking for the version: %v", err)
	}
	return strings.Contains(version, "MariaDB")
}

// Redis returns the URL of a Redis server. Other tests use the same server at the same time: prefix your keys, and never flush.
func Redis(tb testing.TB) string {
	tb.Helper()
	return process.url(tb, redisServer())
}

// SQLite returns the DSN, for the driver modernc.org/sqlite, of a database file that does not exist yet in a directory of tb's own.
// Foreign keys are enforced, writers wait for each other, and a transaction takes the write lock when it begins. What is written outlives
// the process, and not the machine.
func SQLite(tb testing.TB) string {
	tb.Helper()
	file := url.URL{Path: filepath.ToSlash(filepath.Join(tb.TempDir(), "test.db"))}
	return "file:" + file.EscapedPath() +
		"?_pragma=foreign_keys(1)&_pragma=busy_timeout(60000)&_pragma=journal_mode(WAL)&_pragma=synchronous(OFF)&_txlock=immediate"
}

// randomName returns a name that no other test uses, made of letters, digits and underscores. It needs no quoting.
func randomName() string {
	return "tenancy_test_" + strings.ToLower(rand.Text())
}

// atCleanup runs undo when tb is over, with a context of its own because tb's is over by then, and reports what undo could not do.
func atCleanup(tb testing.TB, undo func(context.Context) error) {
	tb.Helper()
	tb.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(tb.Context()), 5*patience) // a benchmark's database has a million files
		defer cancel()
		if err := undo(ctx); err != nil {
			tb.Errorf("servers: cleaning up after the test: %v", err)
		}
	})
}
