package registry_test

import (
	"sync"
	"testing"

	"github.com/entenancy/tenancy/registry"
)

// PostgreSQL makes a plan for each text, and never takes to one that is made
// for any text: that would read the whole table for a text that few have.
func TestSearchIsPlannedForItsText(t *testing.T) {
	t.Parallel()
	db := postgres().empty(t)
	db.SetMaxOpenConns(1) // whose prepared statements are looked at
	store := open(t, db)
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	fillPostgres(t, db, 1000)
	for range 20 {
		if _, err := store.Search(t.Context(), "no such tenant", 20); err != nil {
			t.Fatal(err)
		}
	}
	var forText, forAny int
	row := db.QueryRowContext(t.Context(), `SELECT SUM(custom_plans), SUM(generic_plans) FROM pg_prepared_statements
		WHERE statement LIKE 'SELECT "tenancy_tenants"%LIKE%'`)
	if err := row.Scan(&forText, &forAny); err != nil {
		t.Fatal(err)
	}
	if forText < 40 || forAny > 0 {
		t.Errorf("%d plans for the text and %d for any, want at least 40 and none", forText, forAny)
	}
	var mode string
	if err := db.QueryRowContext(t.Context(), "SHOW plan_cache_mode").Scan(&mode); err != nil || mode != "auto" {
		t.Errorf("afterwards the connection is in mode %q (%v)", mode, err)
	}
}

// A database can have transactions serializable by default. Those that meet
// are broken off then, and tried again.
func TestSerializableDatabase(t *testing.T) {
	t.Parallel()
	kind := postgres()
	dsn := kind.dsn(t) + "&default_transaction_isolation=serializable"
	store, err := registry.NewEntStore(kind.connect(t, dsn).driver, registry.EntConfig{MaxTenants: 5})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	acme, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for _, key := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "j"} {
		wg.Go(func() {
			if _, err := store.MergeMetadata(t.Context(), acme.ID, map[string]any{key: key}); err != nil {
				t.Error(err)
			}
		})
		wg.Go(func() {
			_, _ = store.Create(t.Context(), registry.NewTenant{Identifier: "tenant-" + key, Name: "Tenant"})
		})
	}
	wg.Wait()
	got, err := store.ByID(t.Context(), acme.ID)
	if err != nil || len(got.Metadata()) != 10 {
		t.Errorf("got %v and %v, want ten keys", got.Metadata(), err)
	}
	if n, err := store.Count(t.Context(), registry.Query{}); n != 5 || err != nil {
		t.Errorf("%d tenants and %v, want 5", n, err)
	}
}
