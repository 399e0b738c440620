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

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// calls are all that can be asked of a store that is initialised.
func calls(store *registry.EntStore) map[string]func(context.Context) error {
	return map[string]func(context.Context) error{
		"Init": store.Init,
		"Create": func(ctx context.Context) error {
			_, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme"})
			return err
		},
		"ByID": func(ctx context.Context) error {
			_, err := store.ByID(ctx, "t1")
			return err
		},
		"ByIdentifier": func(ctx context.Context) error {
			_, err := store.ByIdentifier(ctx, "acme")
			return err
		},
		"List": func(ctx context.Context) error {
			_, err := store.List(ctx, registry.Query{})
			return err
		},
	}
}

func TestContextThatIsOver(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		cancelled, cancel := context.WithCancel(t.Context())
		cancel()
		late, cancel := context.WithDeadline(t.Context(), time.Now())
		defer cancel()
		for name, call := range calls(store) {
			for ctx, want := range map[context.Context]error{cancelled: context.Canceled, late: context.DeadlineExceeded} {
				if err := call(ctx); !errors.Is(err, want) || !strings.HasPrefix(err.Error(), "tenancy: ") {
					t.Errorf("%s: got %v, want %v", name, err, want)
				}
			}
		}
		if n := db.rows(t); n != 0 {
			t.Errorf("%d rows, want none", n)
		}
	})
}

// A call that waits for another's transaction stops waiting in time. Not on
// SQLite, whose driver waits for a lock as long as busy_timeout says.
func TestContextThatEndsMeanwhile(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if db.driver.Dialect() == dialect.SQLite {
			return
		}
		tx, err := db.driver.Tx(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = tx.Rollback() }()
		insert, args := insertTenants(db.driver.Dialect(), 1)
		if err := tx.Exec(t.Context(), insert, args, nil); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
		defer cancel()
		begin := time.Now()
		_, err = store.Create(ctx, registry.NewTenant{ID: "00000", Identifier: "tenant-00000", Name: "Waits"})
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want context.DeadlineExceeded", err)
		}
		if took := time.Since(begin); took > 5*time.Second {
			t.Errorf("gave up after %v", took)
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

// isOther reports whether err is one of the store's, but about no tenant.
func isOther(err error) bool {
	return err != nil && strings.HasPrefix(err.Error(), "tenancy: ") && !errors.Is(err, tenancy.ErrNotFound) &&
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
		}
	}
}
