package registrytest

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func createTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"Create/round trip":   testRoundTrip,
		"Create/taken":        testTaken,
		"Create/refused":      testCreateRefused,
		"Create/one of fifty": testOneOfFifty,
		"Create/many at once": testManyAtOnce,
		"Create/deepest":      testDeepMetadata,
	}
}

func roundTrips() map[string]registry.NewTenant {
	return map[string]registry.NewTenant{
		"only what is required": {Identifier: "acme", Name: "Acme"},
		"in a schema": {
			ID: "custom/id:1", Identifier: "a0-1", Name: "A", Status: tenancy.StatusActive,
			Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "tenant_a"},
		},
		"in a database, with everything": {
			Identifier: "in-a-database", Name: "Ä 東京 🏢", Status: tenancy.StatusSuspended, Plan: "größer", Isolation: tenancy.IsolationDatabase,
			Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://u:p@h/d")},
			Metadata: map[string]any{
				"null": nil, "yes": true, "number": 1.5, "big": 1e300, "largest": float64(1 << 53), "text": `"\u0000" 🏢`, "": "empty key",
				"nested": map[string]any{"list": []any{"a", []any{}, map[string]any{"null": nil}}},
			},
		},
		"longest": {
			ID: tenancy.ID(strings.Repeat("🏢", 255)), Identifier: "a" + strings.Repeat("z", 62),
			Name: strings.Repeat("🏢", 255), Plan: strings.Repeat("ß", 255),
		},
		"deleted": {Identifier: "deleted", Name: "Deleted", Status: tenancy.StatusDeleted},
	}
}

func testRoundTrip(t *testing.T, s registry.Store) {
	for name, n := range roundTrips() {
		begin := time.Now().Truncate(time.Microsecond)
		got := create(t, s, n)
		if err := got.Validate(); err != nil {
			t.Errorf("%s: Create returned a tenant that is not valid: %v", name, err)
		}
		want := tenancy.Tenant{
			ID: n.ID, Identifier: n.Identifier, Name: n.Name, Status: n.Status, Isolation: n.Isolation, Placement: n.Placement,
			Plan: n.Plan, Version: 1, CreatedAt: got.CreatedAt, UpdatedAt: got.CreatedAt, DeletedAt: got.DeletedAt,
		}.WithMetadata(n.Metadata)
		if n.ID == "" {
			want.ID = got.ID
		}
		if n.Status == "" {
			want.Status = tenancy.StatusProvisioning
		}
		wantTenant(t, name, got, nil, want)
		wantStored(t, s, want)
		if got.CreatedAt.Before(begin) || got.CreatedAt.After(time.Now()) || got.CreatedAt.Nanosecond()%1000 != 0 {
			t.Errorf("%s: created at %v, not between %v and now, to the microsecond", name, got.CreatedAt, begin)
		}
		if isDeleted := got.Status == tenancy.StatusDeleted; isDeleted == got.DeletedAt.IsZero() {
			t.Errorf("%s: %s, deleted at %v", name, got.Status, got.DeletedAt)
		}
	}
}

func testTaken(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for name, n := range map[string]registry.NewTenant{
		"identifier": {Identifier: "acme", Name: "Other"},
		"id":         {ID: acme.ID, Identifier: "other", Name: "Other"},
		"both":       {ID: acme.ID, Identifier: "acme", Name: "Other"},
	} {
		got, err := s.Create(t.Context(), n)
		wantError(t, name, got, err, tenancy.ErrExists)
	}
	wantStored(t, s, acme)
	wantCount(t, s, registry.Query{}, 1)
}

func testCreateRefused(t *testing.T, s registry.Store) {
	for name, test := range refused() {
		n := registry.NewTenant{Identifier: "acme", Name: "Acme"}
		test.change(&n)
		got, err := s.Create(t.Context(), n)
		wantError(t, name, got, err, test.want)
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error repeats what it was given: %v", name, err)
		}
	}
	wantCount(t, s, registry.Query{}, 0)
}

type refusedTenant struct {
	want   error
	change func(*registry.NewTenant)
}

// refused are the tenants that no store takes, and what it says.
func refused() map[string]refusedTenant {
	id, identifier, other := tenancy.ErrInvalidID, tenancy.ErrInvalidIdentifier, tenancy.ErrInvalidTenant
	return map[string]refusedTenant{
		"no identifier":      {identifier, func(n *registry.NewTenant) { n.Identifier = "" }},
		"short identifier":   {identifier, func(n *registry.NewTenant) { n.Identifier = "ac" }},
		"long identifier":    {identifier, func(n *registry.NewTenant) { n.Identifier = strings.Repeat("a", 64) }},
		"upper identifier":   {identifier, func(n *registry.NewTenant) { n.Identifier = "Hidden" }},
		"newline identifier": {identifier, func(n *registry.NewTenant) { n.Identifier = "hidden\n" }},
		"control in id":      {id, func(n *registry.NewTenant) { n.ID = "hidden\x00" }},
		"space after id":     {id, func(n *registry.NewTenant) { n.ID = "hidden " }},
		"long id":            {id, func(n *registry.NewTenant) { n.ID = tenancy.ID(strings.Repeat("a", 256)) }},
		"no name":            {other, func(n *registry.NewTenant) { n.Name = "" }},
		"blank name":         {other, func(n *registry.NewTenant) { n.Name = " \t\u2003" }},
		"long name":          {other, func(n *registry.NewTenant) { n.Name = strings.Repeat("ä", 256) }},
		"NUL in name":        {other, func(n *registry.NewTenant) { n.Name = "hidden\x00" }},
		"name not UTF-8":     {other, func(n *registry.NewTenant) { n.Name = "hidden\xff" }},
		"long plan":          {other, func(n *registry.NewTenant) { n.Plan = strings.Repeat("a", 256) }},
		"space after plan":   {other, func(n *registry.NewTenant) { n.Plan = "hidden " }},
		"space before plan":  {other, func(n *registry.NewTenant) { n.Plan = " hidden" }},
		"status":             {other, func(n *registry.NewTenant) { n.Status = "hidden" }},
		"isolation":          {other, func(n *registry.NewTenant) { n.Isolation = "hidden" }},
		"two places": {other, func(n *registry.NewTenant) {
			n.Placement = tenancy.Placement{Schema: "hidden", DatabaseURL: tenancy.NewSecret("hidden")}
		}},
		"schema not used": {other, func(n *registry.NewTenant) {
			n.Isolation, n.Placement.Schema = tenancy.IsolationShared, "hidden"
		}},
		"metadata that is no JSON":  {other, func(n *registry.NewTenant) { n.Metadata = map[string]any{"k": math.NaN()} }},
		"NUL in metadata":           {other, func(n *registry.NewTenant) { n.Metadata = map[string]any{"k": []any{"hidden\x00"}} }},
		"metadata that is too deep": {other, func(n *registry.NewTenant) { n.Metadata = nested(31) }},
		"number that would change":  {other, func(n *registry.NewTenant) { n.Metadata = map[string]any{"k": int64(1<<53 + 1)} }},
	}
}

// changingNumbers are those that come back as others.
func changingNumbers() []any {
	return []any{
		int64(1<<53 + 1), int64(math.MinInt64), uint64(math.MaxUint64),
		[]any{map[string]any{"k": int64(1<<53 + 1)}},
		json.Number("9007199254740993"), json.Number("0.12345678901234567890"), json.Number("1e400"), json.Number("1e-400"),
		struct{ N int64 }{1<<60 + 1},
	}
}

// nested returns metadata with levels objects inside each other.
func nested(levels int) map[string]any {
	m := map[string]any{}
	for range levels - 1 {
		m = map[string]any{"k": m}
	}
	return m
}

func testDeepMetadata(t *testing.T, s registry.Store) {
	n := active("acme")
	n.Metadata = nested(30)
	acme := create(t, s, n)
	wantStored(t, s, acme)
	deeper, err := s.MergeMetadata(t.Context(), acme.ID, map[string]any{"other": nested(29)})
	if err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(deeper.Metadata(), map[string]any{"k": nested(29), "other": nested(29)}) {
		t.Errorf("got %v", deeper.Metadata())
	}
}

func testOneOfFifty(t *testing.T, s registry.Store) {
	const creations = 50
	errs := make([]error, creations)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			_, errs[i] = s.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: fmt.Sprint("Acme ", i)})
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
	if created != 1 {
		t.Errorf("%d creations succeeded, want 1", created)
	}
	wantCount(t, s, registry.Query{}, 1)
}

// A goroutine for each tenant, which must never be handed another's.
func testManyAtOnce(t *testing.T, s registry.Store) {
	var wg sync.WaitGroup
	for i := range 20 {
		wg.Go(func() {
			n := active(fmt.Sprint("tenant-", i))
			n.Metadata = map[string]any{"of": n.Identifier}
			created, err := s.Create(t.Context(), n)
			if err != nil {
				t.Error(err)
				return
			}
			for range 10 {
				got, err := s.ByIdentifier(t.Context(), n.Identifier)
				wantTenant(t, n.Identifier, got, err, created)
			}
		})
	}
	wg.Wait()
}

func testLimit(t *testing.T, limited func(*testing.T, int) registry.Store) {
	t.Helper()
	t.Run("reached", func(t *testing.T) {
		t.Parallel()
		s := limited(t, 2)
		acme := create(t, s, active("acme"))
		create(t, s, registry.NewTenant{Identifier: "deleted", Name: "Deleted", Status: tenancy.StatusDeleted}) // counts as well
		got, err := s.Create(t.Context(), active("third"))
		wantError(t, "the third", got, err, tenancy.ErrTooManyTenants)
		if err := s.Erase(t.Context(), acme.ID); err != nil {
			t.Fatal(err)
		}
		create(t, s, active("third"))
	})
	t.Run("fifty at once", func(t *testing.T) {
		t.Parallel()
		s := limited(t, 7)
		var created, refused int
		var mu sync.Mutex
		var wg sync.WaitGroup
		for i := range 50 {
			wg.Go(func() {
				_, err := s.Create(t.Context(), active(fmt.Sprint("tenant-", i)))
				mu.Lock()
				defer mu.Unlock()
				switch {
				case err == nil:
					created++
				case errors.Is(err, tenancy.ErrTooManyTenants):
					refused++
				default:
					t.Error(err)
				}
			})
		}
		wg.Wait()
		if created != 7 || refused != 43 {
			t.Errorf("%d were created and %d refused, want 7 and 43", created, refused)
		}
		wantCount(t, s, registry.Query{}, 7)
	})
}
