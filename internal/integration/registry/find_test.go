package registry_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// asked counts the queries that pass through it.
type asked struct {
	dialect.Driver
	queries atomic.Int64
}

func (a *asked) Query(ctx context.Context, query string, args, v any) error {
	a.queries.Add(1)
	return a.Driver.Query(ctx, query, args, v)
}

func TestIdentifierThatIsNoTenants(t *testing.T) {
	t.Parallel()
	identifiers := map[string]string{
		"unknown": "unknown", "empty": "", "short": "ac", "long": strings.Repeat("a", 64), "a megabyte": strings.Repeat("a", 1<<20),
		"other case": "ACME", "space after": "acme ", "space before": " acme", "newline": "acme\n", "NUL": "acme\x00",
		"not UTF-8": "acme\xff", "wildcard": "acm%", "quote": "acme' OR '1'='1", "comment": "acme'--", "look-alike": "аcme", "wide": "ａｃｍｅ",
	}
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
			t.Fatal(err)
		}
		counting := &asked{Driver: db.driver}
		store, err := registry.NewEntStore(counting, registry.EntConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for name, identifier := range identifiers {
			before := counting.queries.Load()
			got, err := store.ByIdentifier(t.Context(), identifier)
			if !errors.Is(err, tenancy.ErrNotFound) || got.ID != "" {
				t.Errorf("%s: got %v and %v, want ErrNotFound", name, got, err)
			}
			if n := counting.queries.Load() - before; n != 1 {
				t.Errorf("%s: asked the database %d times, want once", name, n)
			}
		}
	})
}

func TestIDThatIsNoTenants(t *testing.T) {
	t.Parallel()
	ids := map[tenancy.ID]error{
		"unknown": tenancy.ErrNotFound, "T1": tenancy.ErrNotFound, "t1' OR '1'='1": tenancy.ErrNotFound, "%": tenancy.ErrNotFound,
		"": tenancy.ErrInvalidID, "t1 ": tenancy.ErrInvalidID, "t1\x00": tenancy.ErrInvalidID, "t1\xff": tenancy.ErrInvalidID,
		tenancy.ID(strings.Repeat("a", 256)): tenancy.ErrInvalidID,
	}
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		if _, err := store.Create(t.Context(), registry.NewTenant{ID: "t1", Identifier: "acme", Name: "Acme"}); err != nil {
			t.Fatal(err)
		}
		for id, want := range ids {
			if got, err := store.ByID(t.Context(), id); !errors.Is(err, want) || got.ID != "" {
				t.Errorf("%.20q: got %v and %v, want %v", id, got, err, want)
			}
		}
	})
}

// A database may compare more loosely than ids and identifiers do: here as
// MariaDB does it by default in a table that Init did not make.
func TestTableThatIgnoresCase(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		if db.driver.Dialect() != dialect.MySQL {
			return
		}
		if _, err := store.Create(t.Context(), registry.NewTenant{ID: "t1", Identifier: "acme", Name: "Acme"}); err != nil {
			t.Fatal(err)
		}
		const loosely = "ALTER TABLE tenancy_tenants CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
		if _, err := db.ExecContext(t.Context(), loosely); err != nil {
			t.Fatal(err)
		}
		db.set(t, "t1", "identifier", "ACME")
		if got, err := store.ByID(t.Context(), "T1"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("got %v and %v, want ErrNotFound", got, err)
		}
		if got, err := store.ByIdentifier(t.Context(), "acme"); !errors.Is(err, tenancy.ErrNotFound) {
			t.Errorf("got %v and %v, want ErrNotFound", got, err)
		}
	})
}

// A goroutine for each tenant, which must never be handed another's.
func TestManyTenantsAtOnce(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		var wg sync.WaitGroup
		for i := range 20 {
			wg.Go(func() {
				identifier := "tenant-" + string(rune('a'+i))
				created, err := store.Create(t.Context(), registry.NewTenant{Identifier: identifier, Name: identifier, Metadata: map[string]any{"of": identifier}})
				if err != nil {
					t.Error(err)
					return
				}
				for range 10 {
					got, err := store.ByIdentifier(t.Context(), identifier)
					checkSame(t, identifier, got, err, created)
				}
			})
		}
		wg.Wait()
	})
}
