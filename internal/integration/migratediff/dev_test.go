package migratediff_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/migrate/diff"
)

func TestDevDatabaseInMemory(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	config.Dev = open(t, "sqlite", ":memory:")
	named(t, config, "init")
	must(t, diff.Check(t.Context(), config))
}

func TestDevDatabaseWithTablesIsRefused(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.SQLite)
	run(t, config.Dev, "CREATE TABLE mine (id integer)")
	if _, err := diff.Named(t.Context(), config, "init"); err == nil {
		t.Error("a database with a table was taken for an empty one")
	}
	if got := lines(t, config.Dev, "SELECT name FROM sqlite_master"); !slices.Equal(got, []string{"mine"}) {
		t.Errorf("there is %q", got)
	}
}

// TestManyUseOneDevDatabase makes and checks the files of several projects at once.
func TestManyUseOneDevDatabase(t *testing.T) {
	t.Parallel()
	for _, name := range []string{dialect.Postgres, dialect.MySQL} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			config := typedShop(t, name)
			var wait sync.WaitGroup
			for range 3 {
				mine := config
				mine.Dir = t.TempDir()
				wait.Go(func() {
					if _, err := diff.Named(t.Context(), mine, "init"); err != nil {
						t.Error(err)
					}
					if err := diff.Check(t.Context(), mine); err != nil {
						t.Error(err)
					}
				})
			}
			wait.Wait()
		})
	}
}

// TestCancelledDiffIsCleanedUp ends the context while a file is replayed. The
// server tells when that is: the file takes a lock that the test waits to see.
func TestCancelledDiffIsCleanedUp(t *testing.T) {
	t.Parallel()
	config := typedShop(t, dialect.Postgres)
	named(t, config, "init")
	path := filepath.Join(config.Dir, diff.TenantDir, "99991231235959_slow.sql")
	must(t, os.WriteFile(path, []byte("SELECT pg_sleep(3600);\n"), 0o600))
	must(t, diff.Hash(config.Dir))
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	ended := make(chan error)
	go func() {
		_, err := diff.Named(ctx, config, "more")
		ended <- err
	}()
	const sleeping = "SELECT pid::text FROM pg_stat_activity WHERE datname = current_database() AND query LIKE 'SELECT pg_sleep(3600)%'"
	for len(lines(t, config.Dev, sleeping)) == 0 {
		if t.Context().Err() != nil {
			t.Fatal("it does not get to the file")
		}
	}
	cancel()
	if err := <-ended; !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
	if left := lines(t, config.Dev, `SELECT nspname FROM pg_namespace WHERE nspname LIKE 'tenancy\_dev%'`); len(left) > 0 {
		t.Errorf("%q is left", left)
	}
}

// TestOwnerSeesNoForcedRows is why lint refuses what it does of forced tables.
func TestOwnerSeesNoForcedRows(t *testing.T) {
	t.Parallel()
	db := database(t, dialect.Postgres)
	run(t, db,
		"CREATE TABLE users (id int PRIMARY KEY)",
		"CREATE TABLE orders (user_id int, tenant_id text)",
		"INSERT INTO orders VALUES (99, 'acme')",
		"ALTER TABLE orders ENABLE ROW LEVEL SECURITY", "ALTER TABLE orders FORCE ROW LEVEL SECURITY",
		"CREATE POLICY mine ON orders USING (tenant_id = current_setting('tenancy.tenant_id', true))",
		"ALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID")
	result, err := db.ExecContext(t.Context(), "UPDATE orders SET user_id = 1 WHERE user_id = 99")
	must(t, err)
	if n, err := result.RowsAffected(); err != nil || n != 0 {
		t.Errorf("an update changed %d rows: %v", n, err)
	}
	run(t, db, "ALTER TABLE orders VALIDATE CONSTRAINT key") // of a user that there is not
	run(t, db, "ALTER TABLE orders DROP CONSTRAINT key", "ALTER TABLE orders NO FORCE ROW LEVEL SECURITY",
		"ALTER TABLE orders ADD CONSTRAINT key FOREIGN KEY (user_id) REFERENCES users (id) NOT VALID")
	if _, err := db.ExecContext(t.Context(), "ALTER TABLE orders VALIDATE CONSTRAINT key"); err == nil {
		t.Error("without FORCE it is valid too")
	}
}
