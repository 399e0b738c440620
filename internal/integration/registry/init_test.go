package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/registry"
)

// Ten processes, each with connections of its own.
func TestInitByManyAtOnce(t *testing.T) {
	t.Parallel()
	for _, kind := range kinds() {
		t.Run(kind.name, func(t *testing.T) {
			t.Parallel()
			dsn := kind.dsn(t)
			var wg sync.WaitGroup
			for range 10 {
				store := open(t, kind.connect(t, dsn))
				wg.Go(func() {
					if err := store.Init(t.Context()); err != nil {
						t.Error(err)
					}
				})
			}
			wg.Wait()
			db := kind.connect(t, dsn)
			var revisions, unfinished int
			err := db.QueryRowContext(t.Context(), "SELECT COUNT(*), COALESCE(SUM(CASE WHEN applied = 0 THEN 1 ELSE 0 END), 0) FROM tenancy_registry_revisions").
				Scan(&revisions, &unfinished)
			if err != nil || revisions != 4 || unfinished != 0 {
				t.Errorf("%d revisions, %d of them not applied (%v), want 4 and 0", revisions, unfinished, err)
			}
			if _, err := open(t, db).Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
				t.Error(err)
			}
		})
	}
}

// noTx is a driver without transactions, which are what Init changes things in.
type noTx struct{ dialect.Driver }

func (noTx) Tx(context.Context) (dialect.Tx, error) { return nil, errors.New("no transaction") }

func TestInitOnlyLooksWhereNothingIsMissing(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		db.driver = noTx{db.driver}
		if err := open(t, db).Init(t.Context()); err != nil {
			t.Error(err)
		}
		if _, err := db.ExecContext(t.Context(), "DELETE FROM tenancy_registry_revisions"); err != nil {
			t.Fatal(err)
		}
		if err := open(t, db).Init(t.Context()); err == nil || !strings.Contains(err.Error(), "no transaction") {
			t.Errorf("got %v where all is missing", err)
		}
	})
}

// What fails is undone, or gone on with, once what was in the way is gone.
func TestInitThatFailed(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		inTheWay, outOfTheWay := "CREATE TABLE tenancy_registry_lock (id INT)", "DROP TABLE tenancy_registry_lock"
		store := open(t, db)
		if _, err := db.ExecContext(t.Context(), inTheWay); err != nil {
			t.Fatal(err)
		}
		if err := store.Init(t.Context()); !isOther(err) {
			t.Fatalf("got %v, want an error", err)
		}
		if n := db.Stats().InUse; n != 0 {
			t.Errorf("%d connections are in use", n)
		}
		if _, err := db.ExecContext(t.Context(), outOfTheWay); err != nil {
			t.Fatal(err)
		}
		if db.driver.Dialect() == dialect.MySQL { // which goes on behind the statement that was in the way
			if _, err := db.ExecContext(t.Context(), "DELETE FROM tenancy_registry_revisions WHERE version > '20261121'"); err != nil {
				t.Fatal(err)
			}
		}
		if err := store.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
			t.Error(err)
		}
	})
}

// A process of MySQL's can end after a statement and before the record of it.
func TestInitGoesOnWhereAProcessEnded(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if db.driver.Dialect() != dialect.MySQL {
			return // the others do all of it or nothing
		}
		for _, done := range []int{0, 1, 2, 3} {
			statement := "UPDATE tenancy_registry_revisions SET applied = ? WHERE version = '20261122000000'"
			if _, err := db.ExecContext(t.Context(), statement, done); err != nil {
				t.Fatal(err)
			}
			if err := store.Init(t.Context()); err != nil {
				t.Errorf("after %d statements: %v", done, err)
			}
		}
	})
}

func TestInitAgain(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		acme, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme", Metadata: map[string]any{"seats": 5.0}})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if err := store.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		if got, err := open(t, db).ByID(t.Context(), acme.ID); err != nil || !got.Equal(acme) {
			t.Errorf("after Init: got %v and %v", got, err)
		}
	})
}

// An application may have a table of tenants, and whatever indexes on it.
func TestInitBesideAnApplicationsTenants(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		for _, statement := range []string{
			"CREATE TABLE tenants (id INT PRIMARY KEY, status INT, created_at INT)",
			"CREATE INDEX tenant_status_id ON tenants (status, id)",
			"CREATE INDEX tenant_created_at_id ON tenants (created_at, id)",
		} {
			if _, err := db.ExecContext(t.Context(), statement); err != nil {
				t.Fatal(err)
			}
		}
		if err := open(t, db).Init(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestColumns(t *testing.T) {
	t.Parallel()
	want := map[string]map[string]string{
		dialect.Postgres: {"metadata": "jsonb", "created_at": "timestamp with time zone", "id": "character varying C", "identifier": "character varying C"},
		dialect.MySQL: {
			"metadata":   "json",
			"created_at": "datetime", "id": "varchar utf8mb4_bin", "identifier": "varchar utf8mb4_bin",
		},
	}
	here := map[string]string{dialect.Postgres: "current_schema()", dialect.MySQL: "DATABASE()"}
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		for column, want := range want[db.driver.Dialect()] {
			var got string
			row := db.QueryRowContext(t.Context(), "SELECT CASE WHEN collation_name IS NULL THEN data_type ELSE CONCAT(data_type, ' ', collation_name) END"+
				" FROM information_schema.columns WHERE table_name = 'tenancy_tenants' AND column_name = '"+column+"' AND table_schema = "+here[db.driver.Dialect()])
			if want == "json" && servers.IsMariaDB(t, db.DB) {
				want = "longtext utf8mb4_bin" // with a check
			}
			if err := row.Scan(&got); err != nil || got != want {
				t.Errorf("%s has type %q (%v), want %q", column, got, err, want)
			}
		}
	})
}
