package registry_test

import (
	"errors"
	"fmt"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func TestCreatedTenantIsFound(t *testing.T) {
	t.Parallel()
	tenants := map[string]registry.NewTenant{
		"only what is required": {Identifier: "acme", Name: "Acme"},
		"in a schema": {
			ID: "custom/id:1", Identifier: "a0-1", Name: "A", Status: tenancy.StatusActive,
			Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "tenant_a"},
		},
		"in a database, with everything": {
			Identifier: "in-a-database", Name: "Ä 東京 🏢", Status: tenancy.StatusSuspended, Plan: "größer",
			Isolation: tenancy.IsolationDatabase,
			Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://u:p@h/d")},
			Metadata: map[string]any{
				"null": nil, "yes": true, "number": 1.5, "big": 1e300, "text": `"\u0000" 🏢`, "": "empty key",
				"nested": map[string]any{"list": []any{"a", []any{}, map[string]any{}}},
			},
		},
		"longest": {
			ID: tenancy.ID(strings.Repeat("🏢", 255)), Identifier: "a" + strings.Repeat("z", 62),
			Name: strings.Repeat("🏢", 255), Plan: strings.Repeat("ß", 255),
		},
		"deleted":    {Identifier: "deleted", Name: "Deleted", Status: tenancy.StatusDeleted},
		"upper case": {ID: "Case", Identifier: "case-one", Name: "Case"}, // ids are compared byte by byte
		"lower case": {ID: "case", Identifier: "case-two", Name: "Case"},
	}
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, _ database) {
		for name, n := range tenants {
			created, err := store.Create(t.Context(), n)
			if err != nil {
				t.Fatalf("%s: %v", name, err)
			}
			checkCreated(t, name, n, created)
			byID, err := store.ByID(t.Context(), created.ID)
			checkSame(t, name+", by id", byID, err, created)
			byIdentifier, err := store.ByIdentifier(t.Context(), n.Identifier)
			checkSame(t, name+", by identifier", byIdentifier, err, created)
		}
	})
}

// checkCreated compares what Create returned with what it was asked for.
func checkCreated(t *testing.T, name string, n registry.NewTenant, got tenancy.Tenant) {
	t.Helper()
	if err := got.Validate(); err != nil {
		t.Errorf("%s: Create returned a tenant that is not valid: %v", name, err)
	}
	if n.ID != "" && got.ID != n.ID {
		t.Errorf("%s: id %q, want %q", name, got.ID, n.ID)
	}
	wantStatus := n.Status
	if wantStatus == "" {
		wantStatus = tenancy.StatusProvisioning
	}
	if got.Identifier != n.Identifier || got.Name != n.Name || got.Status != wantStatus || got.Isolation != n.Isolation ||
		got.Plan != n.Plan || got.Placement.Schema != n.Placement.Schema || got.Version != 1 {
		t.Errorf("%s: got %#v of %v, want what was asked for", name, got, n)
	}
	if got.Placement.DatabaseURL.Reveal() != n.Placement.DatabaseURL.Reveal() {
		t.Errorf("%s: another database URL", name)
	}
	if m := got.Metadata(); len(m) != len(n.Metadata) || len(m) > 0 && !reflect.DeepEqual(m, n.Metadata) {
		t.Errorf("%s: metadata %v, want %v", name, m, n.Metadata)
	}
	checkTimes(t, name, got)
}

func checkTimes(t *testing.T, name string, got tenancy.Tenant) {
	t.Helper()
	if age := time.Since(got.CreatedAt); age < 0 || age > time.Minute {
		t.Errorf("%s: created %v ago", name, age)
	}
	if got.CreatedAt.Location() != time.UTC || !got.UpdatedAt.Equal(got.CreatedAt) {
		t.Errorf("%s: created at %v, updated at %v", name, got.CreatedAt, got.UpdatedAt)
	}
	if deleted := got.Status == tenancy.StatusDeleted; deleted == got.DeletedAt.IsZero() {
		t.Errorf("%s: deleted at %v", name, got.DeletedAt)
	}
}

// checkSame compares a tenant that was read with the one that Create returned.
func checkSame(t *testing.T, name string, got tenancy.Tenant, err error, want tenancy.Tenant) {
	t.Helper()
	if err != nil {
		t.Errorf("%s: %v", name, err)
		return
	}
	if got.Placement.DatabaseURL.Reveal() != want.Placement.DatabaseURL.Reveal() {
		t.Errorf("%s: another database URL", name)
	}
	if !reflect.DeepEqual(got.Metadata(), want.Metadata()) || !reflect.DeepEqual(shown(got), shown(want)) {
		t.Errorf("%s: read %s, want %s", name, fields(got), fields(want))
	}
}

// shown returns the tenant without what it hides, which cannot be compared.
func shown(t tenancy.Tenant) tenancy.Tenant {
	t.Placement.DatabaseURL = tenancy.Secret{}
	return t.WithMetadata(nil)
}

// fields shows what a Tenant does not print.
func fields(t tenancy.Tenant) string {
	return fmt.Sprintf("%q %q %q %v %v %q %q %d %v %v %v %v", t.ID, t.Identifier, t.Name, t.Status, t.Isolation,
		t.Placement.Schema, t.Plan, t.Version, t.CreatedAt, t.UpdatedAt, t.DeletedAt, t.Metadata())
}

func TestCreateOfATakenTenant(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		acme, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
		if err != nil {
			t.Fatal(err)
		}
		for name, n := range map[string]registry.NewTenant{
			"identifier": {Identifier: "acme", Name: "Other"},
			"id":         {ID: acme.ID, Identifier: "other", Name: "Other"},
			"both":       {ID: acme.ID, Identifier: "acme", Name: "Other"},
		} {
			got, err := store.Create(t.Context(), n)
			if !errors.Is(err, tenancy.ErrExists) || !reflect.ValueOf(got).IsZero() {
				t.Errorf("taken %s: got %v and %v, want nothing and ErrExists", name, got, err)
			}
		}
		got, err := store.ByID(t.Context(), acme.ID)
		checkSame(t, "afterwards", got, err, acme)
		if n := db.rows(t); n != 1 {
			t.Errorf("%d rows, want 1", n)
		}
	})
}

func TestFiftyCreationsOfOneIdentifier(t *testing.T) {
	t.Parallel()
	const creations = 50
	onEachDatabase(t, func(t *testing.T, store *registry.EntStore, db database) {
		errs := make([]error, creations)
		var wg sync.WaitGroup
		for i := range errs {
			wg.Go(func() {
				_, errs[i] = store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: fmt.Sprint("Acme ", i)})
			})
		}
		wg.Wait()
		var created int
		for _, err := range errs {
			switch {
			case err == nil:
				created++
			case !errors.Is(err, tenancy.ErrExists):
				t.Errorf("got %v, want ErrExists", err)
			}
		}
		if rows := db.rows(t); created != 1 || rows != 1 {
			t.Errorf("%d creations succeeded and made %d rows, want 1 and 1", created, rows)
		}
	})
}
