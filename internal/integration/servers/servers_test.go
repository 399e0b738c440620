package servers_test

import (
	"context"
	"database/sql"
	"strings"
	"testing"
	"time"

	_ "github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/redis/go-redis/v9"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy/internal/integration/servers"
)

func TestPostgresRoleOwnsItsDatabaseAndNothingElse(t *testing.T) {
	t.Parallel()
	conn := connectPostgres(t, servers.Postgres(t))
	var super, bypass, createDB, createRole, owner bool
	var tables, othersDatabases int
	err := conn.QueryRow(t.Context(), `
		SELECT r.rolsuper, r.rolbypassrls, r.rolcreatedb, r.rolcreaterole, d.datdba = r.oid,
		       (SELECT count(*) FROM pg_tables WHERE schemaname NOT IN ('pg_catalog', 'information_schema')),
		       (SELECT count(*) FROM pg_database o WHERE o.datdba = r.oid AND o.oid <> d.oid)
		FROM pg_roles r, pg_database d
		WHERE r.rolname = current_user AND d.datname = current_database()`,
	).Scan(&super, &bypass, &createDB, &createRole, &owner, &tables, &othersDatabases)
	if err != nil {
		t.Fatal(err)
	}
	if super || bypass || createDB || createRole {
		t.Errorf("the role may too much: superuser %t, bypassrls %t, createdb %t, createrole %t", super, bypass, createDB, createRole)
	}
	if !owner {
		t.Error("the role does not own its database")
	}
	if tables != 0 || othersDatabases != 0 {
		t.Errorf("want an empty database and no other, got %d tables and %d other databases", tables, othersDatabases)
	}
	if _, err := conn.Exec(t.Context(), "CREATE TABLE t (id int)"); err != nil {
		t.Errorf("the role cannot make a table: %v", err)
	}
}

func TestPostgresIsDroppedAtCleanup(t *testing.T) {
	t.Parallel()
	var database, role string
	outer := t
	t.Run("with a connection left open", func(t *testing.T) {
		conn := connectPostgres(outer, servers.Postgres(t))
		if err := conn.QueryRow(t.Context(), "SELECT current_database(), current_user").Scan(&database, &role); err != nil {
			t.Fatal(err)
		}
	})
	admin := connectPostgres(t, servers.PostgresAdmin(t))
	var left int
	err := admin.QueryRow(t.Context(), `
		SELECT (SELECT count(*) FROM pg_database WHERE datname = $1) + (SELECT count(*) FROM pg_roles WHERE rolname = $2)`,
		database, role).Scan(&left)
	if err != nil {
		t.Fatal(err)
	}
	if database == "" || left != 0 {
		t.Errorf("database %q or role %q is left behind", database, role)
	}
}

func TestPostgresAdminIsSuperuser(t *testing.T) {
	t.Parallel()
	conn := connectPostgres(t, servers.PostgresAdmin(t))
	var super bool
	if err := conn.QueryRow(t.Context(), "SELECT rolsuper FROM pg_roles WHERE rolname = current_user").Scan(&super); err != nil {
		t.Fatal(err)
	}
	if !super {
		t.Error("the administrator is no superuser")
	}
}

func TestEveryTestGetsItsOwnDatabase(t *testing.T) {
	t.Parallel()
	for name, address := range map[string]func(testing.TB) string{
		"Postgres": servers.Postgres, "MariaDB": servers.MariaDB, "SQLite": servers.SQLite,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			if one, two := address(t), address(t); one == two {
				t.Error("two calls returned the same database")
			}
		})
	}
}

func TestMariaDB(t *testing.T) {
	t.Parallel()
	db := open(t, "mysql", servers.MariaDB(t))
	var name, charset string
	var now time.Time
	err := db.QueryRowContext(t.Context(), "SELECT DATABASE(), @@character_set_database, NOW()").Scan(&name, &charset, &now)
	if err != nil {
		t.Fatalf("parseTime is not in force, or there is no database: %v", err)
	}
	if !strings.HasPrefix(name, "tenancy_test_") || charset != "utf8mb4" {
		t.Errorf("got database %q with character set %q", name, charset)
	}
	if _, err := db.ExecContext(t.Context(), "SELECT 1; SELECT 2"); err == nil {
		t.Error("one call may run several statements")
	}
}

func TestMariaDBIsDroppedAtCleanup(t *testing.T) {
	t.Parallel()
	var name string
	outer := t
	t.Run("with a connection left open", func(t *testing.T) {
		db := open(outer, "mysql", servers.MariaDB(t))
		if err := db.QueryRowContext(t.Context(), "SELECT DATABASE()").Scan(&name); err != nil {
			t.Fatal(err)
		}
	})
	db := open(t, "mysql", servers.MariaDB(t))
	var left int
	err := db.QueryRowContext(t.Context(), "SELECT COUNT(*) FROM information_schema.schemata WHERE schema_name = ?", name).Scan(&left)
	if err != nil {
		t.Fatal(err)
	}
	if name == "" || left != 0 {
		t.Errorf("database %q is left behind", name)
	}
}

func TestRedis(t *testing.T) {
	t.Parallel()
	options, err := redis.ParseURL(servers.Redis(t))
	if err != nil {
		t.Fatal(err)
	}
	client := redis.NewClient(options)
	t.Cleanup(func() { _ = client.Close() })
	if err := client.Ping(t.Context()).Err(); err != nil {
		t.Error(err)
	}
}

func TestSQLiteSettings(t *testing.T) {
	t.Parallel()
	db := open(t, "sqlite", servers.SQLite(t))
	for pragma, want := range map[string]string{"foreign_keys": "1", "busy_timeout": "60000", "journal_mode": "wal"} {
		var got string
		if err := db.QueryRowContext(t.Context(), "PRAGMA "+pragma).Scan(&got); err != nil {
			t.Fatal(err)
		}
		if got != want {
			t.Errorf("%s: got %s, want %s", pragma, got, want)
		}
	}
}

func TestSQLiteTransactionTakesTheWriteLockWhenItBegins(t *testing.T) {
	t.Parallel()
	dsn := servers.SQLite(t)
	tx, err := open(t, "sqlite", dsn).BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tx.Rollback() })
	impatient := open(t, "sqlite", strings.Replace(dsn, "busy_timeout(60000)", "busy_timeout(0)", 1))
	if second, err := impatient.BeginTx(t.Context(), nil); err == nil {
		_ = second.Rollback()
		t.Error("two transactions that may write have begun")
	}
}

func connectPostgres(t *testing.T, address string) *pgx.Conn {
	t.Helper()
	conn, err := pgx.Connect(t.Context(), address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(context.WithoutCancel(t.Context())) })
	return conn
}

func open(t *testing.T, driver, dsn string) *sql.DB {
	t.Helper()
	db, err := sql.Open(driver, dsn)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	return db
}
