package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/registrytest"
)

// calls are all that can be asked of a store.
func calls(store *registry.EntStore) map[string]func(context.Context) error {
	all := registrytest.Calls(store, tenancy.Tenant{
		ID: "00000", Identifier: "tenant-00000", Name: "Tenant", Status: tenancy.StatusActive, Version: 1,
	})
	all["Init"] = store.Init
	return all
}

// A call that waits for another's transaction stops waiting in time, and
// leaves no goroutine and no connection behind. Not on SQLite, whose driver
// waits for a lock as long as busy_timeout says.
func TestContextThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if db.driver.Dialect() == dialect.SQLite {
			return
		}
		db.fill(t, 1)
		limited, err := registry.NewEntStore(db.driver, registry.EntConfig{MaxTenants: 10})
		if err != nil {
			t.Fatal(err)
		}
		tx, err := db.driver.Tx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for _, lock := range []string{"UPDATE tenancy_tenants SET plan = 'taken'", "UPDATE tenancy_registry_lock SET taken = 0 WHERE taken >= 0"} {
			if err := tx.Exec(t.Context(), lock, []any{}, nil); err != nil {
				t.Fatal(err)
			}
		}
		waiting := calls(store)
		for _, reads := range []string{"Init", "ByID", "ByIDs", "ByIdentifier", "List", "Count", "Search", "Create"} {
			delete(waiting, reads)
		}
		waiting["limited Create"] = calls(limited)["Create"]
		for name, call := range waiting {
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			if err := call(ctx); !errors.Is(err, context.DeadlineExceeded) {
				t.Errorf("%s: got %v, want context.DeadlineExceeded", name, err)
			}
			cancel()
		}
		if err := tx.Rollback(); err != nil {
			t.Fatal(err)
		}
		// database/sql takes back by itself, a moment later, what a context has ended.
		for deadline := time.Now().Add(10 * time.Second); db.Stats().InUse != 0; time.Sleep(time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%d connections are in use", db.Stats().InUse)
			}
		}
		for name, call := range waiting { // nothing is locked any more
			if err := call(t.Context()); errors.Is(err, context.DeadlineExceeded) || isOther(err) {
				t.Errorf("%s, afterwards: %v", name, err)
			}
		}
	})
}

func TestDatabaseThatIsNotReady(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		store := open(t, db)
		beforeInit := calls(store)
		delete(beforeInit, "Init")
		for name, call := range beforeInit {
			if err := call(t.Context()); !isOther(err) {
				t.Errorf("%s before Init: got %v, want an error that says nothing about a tenant", name, err)
			}
		}
		if err := db.Close(); err != nil {
			t.Fatal(err)
		}
		for name, call := range calls(store) {
			if err := call(t.Context()); !isOther(err) {
				t.Errorf("%s on a closed database: got %v, want an error that says nothing about a tenant", name, err)
			}
		}
	})
}

// isOther reports whether err is about the database, and about no tenant.
func isOther(err error) bool {
	return errors.Is(err, tenancy.ErrUnavailable) && strings.HasPrefix(err.Error(), "tenancy: ") && !errors.Is(err, tenancy.ErrNotFound) &&
		!errors.Is(err, tenancy.ErrExists) && !errors.Is(err, tenancy.ErrInvalidTenant)
}

func TestErrorsHoldNoPassword(t *testing.T) {
	t.Parallel()
	const password = "correct-horse"
	for _, d := range []struct{ driver, dialect, dsn string }{
		{"pgx", dialect.Postgres, "postgres://app:" + password + "@127.0.0.1:1/app"},
		{"pgx", dialect.Postgres, "postgres://app:" + password + "@127.0.0.1:port/app"},
		{"pgx", dialect.Postgres, "host=127.0.0.1 port=1 password=" + password + " sslmode=nonsense"},
		{"mysql", dialect.MySQL, "app:" + password + "@tcp(127.0.0.1:1)/app"},
	} {
		db, err := sql.Open(d.driver, d.dsn)
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = db.Close() }()
		for name, call := range calls(open(t, database{db, entsql.OpenDB(d.dialect, db)})) {
			if err := call(t.Context()); !isOther(err) || strings.Contains(err.Error(), password) {
				t.Errorf("%s on %s: got %v, want an error without the password", name, d.dialect, err)
			}
			if err := call(t.Context()); errors.As(err, new(*pgconn.ConnectError)) || errors.As(err, new(*pgconn.ParseConfigError)) {
				t.Errorf("%s on %s: within the error is the password", name, d.dialect)
			}
		}
	}
}
