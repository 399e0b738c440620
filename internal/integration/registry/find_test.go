package registry_test

import (
	"context"
	"errors"
	"strings"
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

// How long it takes to find no tenant tells nothing about the identifier.
func TestAnyIdentifierIsAskedForOnce(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		counting := &asked{Driver: db.driver}
		store, err := registry.NewEntStore(counting, registry.EntConfig{})
		if err != nil {
			t.Fatal(err)
		}
		for _, identifier := range []string{"unknown", "", "ac", strings.Repeat("a", 1<<20), "ACME", "acme\x00", "acme\xff", "acme' OR '1'='1"} {
			before := counting.queries.Load()
			if got, err := store.ByIdentifier(t.Context(), identifier); !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("%.10q: got %v and %v, want ErrNotFound", identifier, got, err)
			}
			if n := counting.queries.Load() - before; n != 1 {
				t.Errorf("%.10q: asked the database %d times, want once", identifier, n)
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
			return // the others cannot be told to
		}
		want, err := store.Create(t.Context(), registry.NewTenant{ID: "t1", Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive})
		if err != nil {
			t.Fatal(err)
		}
		const loosely = "ALTER TABLE tenancy_tenants CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci"
		if _, err := db.ExecContext(t.Context(), loosely); err != nil {
			t.Fatal(err)
		}
		other := want
		other.ID = "T1"
		_, byID := store.ByID(t.Context(), "T1")
		_, byIdentifier := store.ByIdentifier(t.Context(), "ACME")
		_, update := store.Update(t.Context(), other)
		_, status := store.SetStatus(t.Context(), "T1", tenancy.StatusSuspended)
		_, merge := store.MergeMetadata(t.Context(), "T1", map[string]any{"k": "v"})
		for i, err := range []error{byID, byIdentifier, update, status, merge, store.Erase(t.Context(), "T1")} {
			if !errors.Is(err, tenancy.ErrNotFound) {
				t.Errorf("call %d: got %v, want ErrNotFound", i, err)
			}
		}
		for name, call := range map[string]func() (registry.Page, error){
			"ByIDs": func() (registry.Page, error) { return store.ByIDs(t.Context(), []tenancy.ID{"T1"}) },
			"SetStatuses": func() (registry.Page, error) {
				return store.SetStatuses(t.Context(), []tenancy.ID{"T1"}, tenancy.StatusSuspended)
			},
		} {
			if page, err := call(); err != nil || len(page.Tenants) != 0 {
				t.Errorf("%s: got %v and %v, want none", name, page.Tenants, err)
			}
		}
		if got, err := store.ByID(t.Context(), "t1"); err != nil || !got.Equal(want) {
			t.Errorf("got %v and %v, want the tenant as it was", got, err)
		}
	})
}
