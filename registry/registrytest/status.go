package registrytest

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func statusTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"SetStatus/transitions": testTransitions,
		"SetStatus/at once":     testSuspendAtOnce,
		"SetStatus/refused":     testStatusRefused,
		"SetStatuses":           testSetStatuses,
		"SetStatuses/at once":   testSetStatusesAtOnce,
		"SetStatuses/thousands": testThousandsOfStatuses,
		"Delete and Restore":    testDeleteAndRestore,
	}
}

func testTransitions(t *testing.T, s registry.Store) {
	for i, from := range tenancy.Statuses() {
		for j, to := range tenancy.Statuses() {
			n := active(fmt.Sprintf("tenant-%d-%d", i, j))
			n.Status, n.Metadata = from, map[string]any{"k": "v"}
			before := create(t, s, n)
			got, err := s.SetStatus(t.Context(), before.ID, to)
			what := fmt.Sprintf("from %s to %s", from, to)
			if !from.CanBecome(to) {
				wantError(t, what, got, err, tenancy.ErrInvalidTransition)
				wantStored(t, s, before)
				continue
			}
			want := before
			want.Status, want.Version, want.UpdatedAt, want.DeletedAt = to, before.Version+1, got.UpdatedAt, got.DeletedAt
			wantTenant(t, what, got, err, want)
			wantChanged(t, what, before, got)
			if (to == tenancy.StatusDeleted) == got.DeletedAt.IsZero() {
				t.Errorf("%s: deleted at %v", what, got.DeletedAt)
			}
			wantStored(t, s, want)
		}
	}
}

// Of those who suspend a tenant at once, one does.
func testSuspendAtOnce(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	errs := make([]error, 20)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() { _, errs[i] = s.SetStatus(t.Context(), acme.ID, tenancy.StatusSuspended) })
	}
	wg.Wait()
	done := 0
	for _, err := range errs {
		switch {
		case err == nil:
			done++
		case !errors.Is(err, tenancy.ErrInvalidTransition):
			t.Error(err)
		}
	}
	got, err := s.ByID(t.Context(), acme.ID)
	if err != nil || done != 1 || got.Version != acme.Version+1 {
		t.Errorf("%d suspensions succeeded, and the tenant is %s (%v)", done, fields(got), err)
	}
}

func testStatusRefused(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for _, to := range []tenancy.Status{"", "unheard-of", "Suspended"} {
		got, err := s.SetStatus(t.Context(), acme.ID, to)
		wantError(t, fmt.Sprintf("SetStatus to %q", to), got, err, tenancy.ErrInvalidTenant)
		_, err = s.SetStatuses(t.Context(), []tenancy.ID{acme.ID}, to)
		wantError(t, fmt.Sprintf("SetStatuses to %q", to), tenancy.Tenant{}, err, tenancy.ErrInvalidTenant)
	}
	got, err := s.SetStatus(t.Context(), "gone", tenancy.StatusSuspended)
	wantError(t, "no such tenant", got, err, tenancy.ErrNotFound)
	wantStored(t, s, acme)
}

func testSetStatuses(t *testing.T, s registry.Store) {
	statuses := tenancy.Statuses()
	all := createMany(t, s, 8, func(i int, n *registry.NewTenant) { n.Status = statuses[i%len(statuses)] })
	// Of these 1 and 5 are active, 0 is provisioning, 2 suspended, 3 deleted.
	asked := []tenancy.ID{"id-005", "gone", "id-002", "id-001", "id-000", "id-005"}
	page, err := s.SetStatuses(t.Context(), asked, tenancy.StatusSuspended)
	wantIDs(t, "suspend", page, err, "id-005", "id-001", "id-000")
	for _, got := range page.Tenants {
		wantChanged(t, "suspend", all[slices.Index(ids(all), got.ID)], got)
		wantStored(t, s, got)
	}
	for _, i := range []int{2, 3, 4, 6, 7} {
		wantStored(t, s, all[i])
	}
	page, err = s.SetStatuses(t.Context(), ids(all), tenancy.StatusDeleted)
	wantIDs(t, "delete", page, err, "id-000", "id-001", "id-002", "id-004", "id-005", "id-006")
	for _, got := range page.Tenants {
		if got.Status != tenancy.StatusDeleted || got.DeletedAt.IsZero() {
			t.Errorf("got %s, want it deleted", fields(got))
		}
	}
	wantStored(t, s, all[3]) // deleted before, and then
	page, err = s.SetStatuses(t.Context(), ids(all), tenancy.StatusActive)
	wantIDs(t, "activate what is deleted", page, err)
	page, err = s.SetStatuses(t.Context(), nil, tenancy.StatusActive)
	wantIDs(t, "none", page, err)
}

// Each tenant is changed by one of the calls, whatever order they name them in.
func testSetStatusesAtOnce(t *testing.T, s registry.Store) {
	all := createMany(t, s, 40, func(_ int, n *registry.NewTenant) { n.Status = tenancy.StatusActive })
	there, back := ids(all), ids(all)
	slices.Reverse(back)
	changed := make([]registry.Page, 8)
	var wg sync.WaitGroup
	for i := range changed {
		asked := there
		if i%2 == 1 {
			asked = back
		}
		wg.Go(func() {
			var err error
			if changed[i], err = s.SetStatuses(t.Context(), asked, tenancy.StatusSuspended); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	var got []tenancy.ID
	for _, page := range changed {
		got = append(got, ids(page.Tenants)...)
	}
	if slices.Sort(got); !slices.Equal(got, there) {
		t.Errorf("changed were %q, want each once", got)
	}
	wantCount(t, s, registry.Query{Status: tenancy.StatusSuspended}, len(all))
}

func testThousandsOfStatuses(t *testing.T, s registry.Store) {
	createMany(t, s, 3, func(_ int, n *registry.NewTenant) { n.Status = tenancy.StatusActive })
	asked := []tenancy.ID{"id-002"}
	for i := range 2500 {
		asked = append(asked, tenancy.ID(fmt.Sprint("gone-", i)))
	}
	page, err := s.SetStatuses(t.Context(), append(asked, "id-000", "id-001"), tenancy.StatusSuspended)
	wantIDs(t, "SetStatuses", page, err, "id-002", "id-000", "id-001")
}

func testDeleteAndRestore(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	got, err := registry.Restore(t.Context(), s, acme.ID)
	wantError(t, "Restore of an active tenant", got, err, tenancy.ErrInvalidTransition)
	gone, err := registry.Delete(t.Context(), s, acme.ID)
	if err != nil || gone.Status != tenancy.StatusDeleted || gone.DeletedAt.IsZero() {
		t.Fatalf("Delete: got %s and %v", fields(gone), err)
	}
	wantStored(t, s, gone)
	again, err := registry.Delete(t.Context(), s, acme.ID)
	wantError(t, "Delete again", again, err, tenancy.ErrInvalidTransition)
	got, err = s.Create(t.Context(), active("acme"))
	wantError(t, "Create with a deleted tenant's identifier", got, err, tenancy.ErrExists)
	back, err := registry.Restore(t.Context(), s, acme.ID)
	if err != nil || back.Status != tenancy.StatusSuspended || !back.DeletedAt.IsZero() {
		t.Fatalf("Restore: got %s and %v, want it suspended", fields(back), err)
	}
	wantStored(t, s, back)
	for _, call := range []func() (tenancy.Tenant, error){
		func() (tenancy.Tenant, error) { return registry.Delete(t.Context(), s, "gone") },
		func() (tenancy.Tenant, error) { return registry.Restore(t.Context(), s, "gone") },
	} {
		got, err := call()
		wantError(t, "no such tenant", got, err, tenancy.ErrNotFound)
	}
}
