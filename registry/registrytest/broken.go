package registrytest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

type breaker = func(t *testing.T, s registry.Store, id tenancy.ID, field Field)

func testBroken(t *testing.T, newStore func(*testing.T) registry.Store, spoil breaker) {
	t.Helper()
	for name, test := range map[string]func(*testing.T, registry.Store, breaker){
		"found": testFindBroken, "listed": testListBroken, "repaired": testRepair, "deleted": testDeleteBroken,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, newStore(t), spoil)
		})
	}
}

func fieldsToBreak() []Field { return []Field{Status, Isolation, Metadata} }

// createBroken adds a tenant for each field and breaks that field of it.
func createBroken(t *testing.T, s registry.Store, spoil breaker) map[Field]tenancy.Tenant {
	t.Helper()
	all := map[Field]tenancy.Tenant{}
	for _, field := range fieldsToBreak() {
		n := active("broken-" + string(field))
		n.ID, n.Plan, n.Metadata = tenancy.ID("broken-"+field), "gold", object{"k": "v"}
		n.Isolation, n.Placement.Schema = tenancy.IsolationSchema, "tenant_x"
		all[field] = create(t, s, n)
		spoil(t, s, n.ID, field)
	}
	return all
}

// without returns what can be understood of a tenant with a broken field.
func without(t tenancy.Tenant, field Field) tenancy.Tenant {
	switch field {
	case Status:
		t.Status = ""
	case Isolation:
		t.Isolation = ""
	case Metadata:
		t = t.WithMetadata(nil)
	}
	return t
}

func testFindBroken(t *testing.T, s registry.Store, spoil breaker) {
	for field, want := range createBroken(t, s, spoil) {
		for name, find := range map[string]func() (tenancy.Tenant, error){
			"ByID":         func() (tenancy.Tenant, error) { return s.ByID(t.Context(), want.ID) },
			"ByIdentifier": func() (tenancy.Tenant, error) { return s.ByIdentifier(t.Context(), want.Identifier) },
		} {
			got, err := find()
			wantError(t, name, got, err, tenancy.ErrInvalidTenant)
			var broken *registry.BrokenError
			if !errors.As(err, &broken) || !strings.Contains(err.Error(), fmt.Sprintf("%q", want.ID)) {
				t.Errorf("%s, broken %s: got %v, want a BrokenError that names the tenant", name, field, err)
				continue
			}
			wantTenant(t, name+", broken "+string(field), broken.Tenant, nil, without(want, field))
		}
		if exists, err := registry.Exists(t.Context(), s, want.ID); !exists || err != nil {
			t.Errorf("broken %s: exists: %v and %v", field, exists, err)
		}
	}
}

// One broken record is left out of a page, and named, and the others are there.
func testListBroken(t *testing.T, s registry.Store, spoil breaker) {
	createBroken(t, s, spoil)
	good := ids(createMany(t, s, 3, nil))
	wantInvalid := []tenancy.ID{"broken-isolation", "broken-metadata", "broken-status"}
	for name, list := range map[string]func() (registry.Page, error){
		"List":   func() (registry.Page, error) { return s.List(t.Context(), registry.Query{}) },
		"Search": func() (registry.Page, error) { return s.Search(t.Context(), "ten", 0) },
		"ByIDs":  func() (registry.Page, error) { return s.ByIDs(t.Context(), slices.Concat(wantInvalid, good)) },
	} {
		page, err := list()
		slices.Sort(page.Invalid)
		if err != nil || !slices.Equal(ids(page.Tenants), good) || !slices.Equal(page.Invalid, wantInvalid) {
			t.Errorf("%s: got %q, invalid %q and %v, want %q and %q", name, ids(page.Tenants), page.Invalid, err, good, wantInvalid)
		}
	}
	wantCount(t, s, registry.Query{}, 6)
	for _, order := range []registry.Order{registry.OrderID, registry.OrderNewest} {
		var seen, broken []tenancy.ID
		for tenant, err := range registry.All(t.Context(), s, registry.Query{Limit: 1, Order: order}) {
			switch {
			case err == nil:
				seen = append(seen, tenant.ID)
			case errors.Is(err, tenancy.ErrInvalidTenant):
				broken = append(broken, tenant.ID)
			default:
				t.Fatal(err)
			}
		}
		slices.Sort(seen)
		slices.Sort(broken)
		if !slices.Equal(seen, good) || !slices.Equal(broken, wantInvalid) {
			t.Errorf("All %q: got %q, broken %q, want %q and %q", order, seen, broken, good, wantInvalid)
		}
	}
}

func testRepair(t *testing.T, s registry.Store, spoil breaker) {
	all := createBroken(t, s, spoil)
	got, err := s.SetStatus(t.Context(), all[Status].ID, tenancy.StatusActive)
	wantError(t, "from an unknown status to active", got, err, tenancy.ErrInvalidTransition)
	got, err = s.SetStatus(t.Context(), all[Status].ID, tenancy.StatusSuspended)
	if err != nil || got.Status != tenancy.StatusSuspended {
		t.Errorf("from an unknown status to suspended: got %s and %v", fields(got), err)
	}
	wantStored(t, s, got)

	got, err = s.MergeMetadata(t.Context(), all[Metadata].ID, object{"new": true})
	if err != nil || fmt.Sprint(got.Metadata()) != "map[new:true]" {
		t.Errorf("metadata: got %s and %v", fields(got), err)
	}
	wantStored(t, s, got)

	_, err = s.ByID(t.Context(), all[Isolation].ID)
	var broken *registry.BrokenError
	if !errors.As(err, &broken) {
		t.Fatal(err)
	}
	repaired := broken.Tenant
	repaired.Isolation = tenancy.IsolationSchema
	got, err = s.Update(t.Context(), repaired)
	if err != nil || got.Isolation != tenancy.IsolationSchema || got.Plan != "gold" || fmt.Sprint(got.Metadata()) != "map[k:v]" {
		t.Errorf("isolation: got %s and %v", fields(got), err)
	}
	wantStored(t, s, got)
}

// A tenant is refused and removed, however broken its record.
func testDeleteBroken(t *testing.T, s registry.Store, spoil breaker) {
	all := createBroken(t, s, spoil)
	for field, tenant := range all {
		_, err := s.SetStatus(t.Context(), tenant.ID, tenancy.StatusDeleted)
		if field != Status && !errors.Is(err, tenancy.ErrInvalidTenant) || field == Status && err != nil {
			t.Errorf("broken %s: SetStatus: %v", field, err)
		}
	}
	wantCount(t, s, registry.Query{Status: tenancy.StatusDeleted}, len(all))
	for field, tenant := range all {
		if err := s.Erase(t.Context(), tenant.ID); err != nil {
			t.Errorf("broken %s: Erase: %v", field, err)
		}
	}
	wantCount(t, s, registry.Query{}, 0)
}
