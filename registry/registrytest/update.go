package registrytest

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func updateTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"Update/every field":  testUpdate,
		"Update/placement":    testUpdatePlacement,
		"Update/conflict":     testUpdateConflict,
		"Update/at once":      testUpdatesAtOnce,
		"Update/rename":       testRename,
		"Update/renames race": testRenamesAtOnce,
		"Update/taken":        testRenameToTaken,
		"Update/taken, stale": testRenameOfStale,
		"Update/status":       testUpdateStatus,
		"Update/refused":      testUpdateRefused,
	}
}

func testUpdate(t *testing.T, s registry.Store) {
	other := create(t, s, active("other"))
	n := active("acme")
	n.Metadata = map[string]any{"old": 1.0, "both": map[string]any{"a": 1.0}}
	before := create(t, s, n)
	want := before.WithMetadata(map[string]any{"new": []any{nil, "x"}, "both": map[string]any{"b": nil}})
	want.Identifier, want.Name, want.Plan = "acme-2", "Ä 東京 🏢", "gold"
	want.Isolation, want.Placement = tenancy.IsolationDatabase, tenancy.Placement{DatabaseURL: tenancy.NewSecret("postgres://u:p@h/d")}
	got, err := s.Update(t.Context(), want)
	want.Version, want.UpdatedAt = before.Version+1, got.UpdatedAt
	wantTenant(t, "all set", got, err, want)
	wantChanged(t, "all set", before, got)
	wantStored(t, s, want)

	want = want.WithMetadata(nil)
	want.Plan, want.Isolation, want.Placement = "", "", tenancy.Placement{}
	before = got
	got, err = s.Update(t.Context(), want)
	want.Version, want.UpdatedAt = before.Version+1, got.UpdatedAt
	wantTenant(t, "all cleared", got, err, want)
	wantStored(t, s, want)
	wantStored(t, s, other)
}

// A tenant gets its place and becomes active in one step.
func testUpdatePlacement(t *testing.T, s registry.Store) {
	acme := create(t, s, registry.NewTenant{Identifier: "acme", Name: "Acme"})
	acme.Isolation, acme.Placement.Schema, acme.Status = tenancy.IsolationSchema, "tenant_acme", tenancy.StatusActive
	got, err := s.Update(t.Context(), acme)
	if err != nil || got.Active() != nil || got.Isolation != acme.Isolation || got.Placement.Schema != "tenant_acme" {
		t.Errorf("got %s and %v, want it active and placed", fields(got), err)
	}
	wantStored(t, s, got)
}

func testUpdateConflict(t *testing.T, s registry.Store) {
	stale := create(t, s, active("acme"))
	change := map[string]func() (tenancy.Tenant, error){
		"an update": func() (tenancy.Tenant, error) {
			now, err := s.ByID(t.Context(), stale.ID)
			if err != nil {
				return now, err
			}
			now.Plan += "x"
			return s.Update(t.Context(), now)
		},
		"a status": func() (tenancy.Tenant, error) { return s.SetStatus(t.Context(), stale.ID, tenancy.StatusSuspended) },
		"metadata": func() (tenancy.Tenant, error) {
			return s.MergeMetadata(t.Context(), stale.ID, map[string]any{"k": "v"})
		},
	}
	for name, change := range change {
		want, err := change()
		if err != nil {
			t.Fatal(err)
		}
		stale.Name = "Stale"
		got, err := s.Update(t.Context(), stale)
		wantError(t, "after "+name, got, err, tenancy.ErrConflict)
		wantStored(t, s, want)
	}
	gone := stale
	gone.ID = "gone"
	got, err := s.Update(t.Context(), gone)
	wantError(t, "no such tenant", got, err, tenancy.ErrNotFound)
}

// Each of them reads, changes and writes until it succeeds. None is lost.
func testUpdatesAtOnce(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	const writers = 10
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for {
				now, err := s.ByID(t.Context(), acme.ID)
				if err != nil {
					t.Error(err)
					return
				}
				now.Plan += "x"
				if _, err = s.Update(t.Context(), now); err == nil {
					return
				}
				if !errors.Is(err, tenancy.ErrConflict) {
					t.Error(err)
					return
				}
			}
		})
	}
	wg.Wait()
	got, err := s.ByID(t.Context(), acme.ID)
	if err != nil || len(got.Plan) != writers || got.Version != writers+1 {
		t.Errorf("got plan %q, version %d and %v, want %d changes", got.Plan, got.Version, err, writers)
	}
}

// Once Update returns, the old identifier is no one's, and then another's.
func testRename(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for i := range 5 {
		old := acme.Identifier
		acme.Identifier = fmt.Sprint("renamed-", i)
		renamed, err := s.Update(t.Context(), acme)
		if err != nil {
			t.Fatal(err)
		}
		got, err := s.ByIdentifier(t.Context(), old)
		wantError(t, "the old identifier", got, err, tenancy.ErrNotFound)
		wantStored(t, s, renamed)
		next := create(t, s, active(old))
		wantStored(t, s, next)
		wantStored(t, s, renamed)
		acme = renamed
	}
}

// Many take one identifier: one gets it, and the others keep theirs.
func testRenamesAtOnce(t *testing.T, s registry.Store) {
	all := createMany(t, s, 20, nil)
	var won atomic.Int64
	var wg sync.WaitGroup
	for _, tenant := range all {
		wg.Go(func() {
			renamed := tenant
			renamed.Identifier = "wanted"
			_, err := s.Update(t.Context(), renamed)
			switch {
			case err == nil:
				won.Add(1)
			case errors.Is(err, tenancy.ErrExists):
				wantStored(t, s, tenant)
			default:
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if won.Load() != 1 {
		t.Errorf("%d tenants got the identifier, want 1", won.Load())
	}
	if _, err := s.ByIdentifier(t.Context(), "wanted"); err != nil {
		t.Error(err)
	}
}

func testRenameToTaken(t *testing.T, s registry.Store) {
	acme, other := create(t, s, active("acme")), create(t, s, active("other"))
	thief := other
	thief.Identifier = "acme"
	got, err := s.Update(t.Context(), thief)
	wantError(t, "another's identifier", got, err, tenancy.ErrExists)
	wantStored(t, s, acme)
	wantStored(t, s, other)
	if _, err := registry.Delete(t.Context(), s, acme.ID); err != nil {
		t.Fatal(err)
	}
	got, err = s.Update(t.Context(), thief)
	wantError(t, "a deleted tenant's identifier", got, err, tenancy.ErrExists)
}

// Whoever has an old version learns that, and not who has an identifier; and so for
// a status that cannot be.
func testRenameOfStale(t *testing.T, s registry.Store) {
	create(t, s, active("acme"))
	stale := create(t, s, active("other"))
	now, err := s.MergeMetadata(t.Context(), stale.ID, nil)
	if err != nil {
		t.Fatal(err)
	}
	stale.Identifier = "acme"
	got, err := s.Update(t.Context(), stale)
	wantError(t, "an old version", got, err, tenancy.ErrConflict)
	stale.Status = tenancy.StatusProvisioning
	got, err = s.Update(t.Context(), stale)
	wantError(t, "an old version with a status that cannot be", got, err, tenancy.ErrConflict)
	stale.Version = now.Version
	got, err = s.Update(t.Context(), stale)
	wantError(t, "a status that cannot be", got, err, tenancy.ErrInvalidTransition)
	wantStored(t, s, now)
}

func testUpdateStatus(t *testing.T, s registry.Store) {
	for i, from := range tenancy.Statuses() {
		for j, to := range tenancy.Statuses() {
			n := active(fmt.Sprintf("tenant-%d-%d", i, j))
			n.Status = from
			before := create(t, s, n)
			wanted := before
			wanted.Status, wanted.Plan = to, "gold"
			got, err := s.Update(t.Context(), wanted)
			what := fmt.Sprintf("from %s to %s", from, to)
			if from != to && !from.CanBecome(to) {
				wantError(t, what, got, err, tenancy.ErrInvalidTransition)
				wantStored(t, s, before)
				continue
			}
			if err != nil || got.Status != to || got.Plan != "gold" || (to == tenancy.StatusDeleted) == got.DeletedAt.IsZero() {
				t.Errorf("%s: got %s and %v", what, fields(got), err)
			}
			if from == tenancy.StatusDeleted && to == from && !got.DeletedAt.Equal(before.DeletedAt) {
				t.Errorf("%s: deleted at %v, then at %v", what, before.DeletedAt, got.DeletedAt)
			}
			wantStored(t, s, got)
		}
	}
}

func testUpdateRefused(t *testing.T, s registry.Store) {
	acme := create(t, s, active("acme"))
	for name, test := range refused() {
		n := registry.NewTenant{ID: acme.ID, Identifier: "acme", Name: "Acme", Status: tenancy.StatusActive}
		test.change(&n)
		bad := acme.WithMetadata(n.Metadata)
		bad.ID, bad.Identifier, bad.Name, bad.Status = n.ID, n.Identifier, n.Name, n.Status
		bad.Isolation, bad.Placement, bad.Plan = n.Isolation, n.Placement, n.Plan
		got, err := s.Update(t.Context(), bad)
		wantError(t, name, got, err, test.want)
		if err != nil && strings.Contains(err.Error(), "hidden") {
			t.Errorf("%s: the error repeats what it was given: %v", name, err)
		}
	}
	noStatus := acme
	noStatus.Status = ""
	got, err := s.Update(t.Context(), noStatus)
	wantError(t, "no status", got, err, tenancy.ErrInvalidTenant)
	wantStored(t, s, acme)
}
