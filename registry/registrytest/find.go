package registrytest

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

func findTests() map[string]func(*testing.T, registry.Store) {
	return map[string]func(*testing.T, registry.Store){
		"ByIdentifier/none":   testNoSuchIdentifier,
		"ByID/none":           testNoSuchID,
		"ByID/case":           testCaseOfIDs,
		"ByIDs/order":         testByIDs,
		"ByIDs/thousands":     testThousandsByIDs,
		"ByIDs/refused":       testImpossibleIDs,
		"Exists":              testExists,
		"ByID/callers change": testCopies,
	}
}

func testNoSuchIdentifier(t *testing.T, s registry.Store) {
	create(t, s, active("acme"))
	for name, identifier := range map[string]string{
		"unknown": "unknown", "empty": "", "short": "ac", "long": strings.Repeat("a", 64), "a megabyte": strings.Repeat("a", 1<<20),
		"other case": "ACME", "space after": "acme ", "space before": " acme", "newline": "acme\n", "NUL": "acme\x00",
		"not UTF-8": "acme\xff", "wildcard": "acm%", "quote": "acme' OR '1'='1", "comment": "acme'--", "look-alike": "аcme", "wide": "ａｃｍｅ",
	} {
		got, err := s.ByIdentifier(t.Context(), identifier)
		wantError(t, name, got, err, tenancy.ErrNotFound)
	}
}

func testNoSuchID(t *testing.T, s registry.Store) {
	n := active("acme")
	n.ID = "t1"
	create(t, s, n)
	for _, id := range []tenancy.ID{"unknown", "T1", "t", "t11", "t1' OR '1'='1", "%", "_1", "*"} {
		got, err := s.ByID(t.Context(), id)
		wantError(t, string(id), got, err, tenancy.ErrNotFound)
	}
	for _, id := range impossibleIDs() {
		got, err := s.ByID(t.Context(), id)
		wantError(t, fmt.Sprintf("%.10q", id), got, err, tenancy.ErrInvalidID)
	}
}

// Ids that differ by case only, or by a mark on a letter, are two tenants'.
func testCaseOfIDs(t *testing.T, s registry.Store) {
	var created []tenancy.Tenant
	for i, id := range []tenancy.ID{"Case", "case", "CASE", "resume", "résumé", "straße", "strasse"} {
		n := active(fmt.Sprintf("tenant-%d", i))
		n.ID = id
		created = append(created, create(t, s, n))
	}
	for _, want := range created {
		wantStored(t, s, want)
	}
	if _, err := s.SetStatus(t.Context(), "case", tenancy.StatusSuspended); err != nil {
		t.Fatal(err)
	}
	for _, want := range created {
		if want.ID != "case" {
			wantStored(t, s, want)
		}
	}
	page, err := s.ByIDs(t.Context(), []tenancy.ID{"strasse", "cASE", "CASE"})
	wantIDs(t, "ByIDs", page, err, "strasse", "CASE")
}

func testByIDs(t *testing.T, s registry.Store) {
	all := createMany(t, s, 5, nil)
	for name, test := range map[string]struct{ asked, want []tenancy.ID }{
		"none":           {nil, nil},
		"reversed":       {[]tenancy.ID{"id-004", "id-000", "id-002"}, []tenancy.ID{"id-004", "id-000", "id-002"}},
		"some missing":   {[]tenancy.ID{"gone", "id-003", "never"}, []tenancy.ID{"id-003"}},
		"all missing":    {[]tenancy.ID{"gone"}, nil},
		"named thrice":   {[]tenancy.ID{"id-001", "id-000", "id-001", "id-001"}, []tenancy.ID{"id-001", "id-000"}},
		"another's case": {[]tenancy.ID{"ID-001"}, nil},
	} {
		page, err := s.ByIDs(t.Context(), test.asked)
		wantIDs(t, name, page, err, test.want...)
		for _, got := range page.Tenants {
			wantTenant(t, name, got, nil, all[slices.Index(ids(all), got.ID)])
		}
	}
}

// More ids than a database takes in one statement.
func testThousandsByIDs(t *testing.T, s registry.Store) {
	createMany(t, s, 3, nil)
	asked := make([]tenancy.ID, 0, 70_001)
	asked = append(asked, "id-002")
	for i := range 35_000 {
		asked = append(asked, tenancy.ID(fmt.Sprint("missing-", i)))
	}
	asked = append(asked, "id-000")
	for i := range 35_000 {
		asked = append(asked, tenancy.ID(fmt.Sprint("gone-", i)))
	}
	page, err := s.ByIDs(t.Context(), append(asked, "id-001"))
	wantIDs(t, "ByIDs", page, err, "id-002", "id-000", "id-001")
}

func testImpossibleIDs(t *testing.T, s registry.Store) {
	createMany(t, s, 1, nil)
	for _, id := range impossibleIDs() {
		_, err := s.ByIDs(t.Context(), []tenancy.ID{"id-000", id})
		wantError(t, fmt.Sprintf("ByIDs %.10q", id), tenancy.Tenant{}, err, tenancy.ErrInvalidID)
		_, err = s.SetStatuses(t.Context(), []tenancy.ID{"id-000", id}, tenancy.StatusDeleted)
		wantError(t, fmt.Sprintf("SetStatuses %.10q", id), tenancy.Tenant{}, err, tenancy.ErrInvalidID)
		got, err := s.SetStatus(t.Context(), id, tenancy.StatusDeleted)
		wantError(t, fmt.Sprintf("SetStatus %.10q", id), got, err, tenancy.ErrInvalidID)
		got, err = s.MergeMetadata(t.Context(), id, nil)
		wantError(t, fmt.Sprintf("MergeMetadata %.10q", id), got, err, tenancy.ErrInvalidID)
		wantError(t, fmt.Sprintf("Erase %.10q", id), tenancy.Tenant{}, s.Erase(t.Context(), id), tenancy.ErrInvalidID)
	}
	if got, err := s.ByID(t.Context(), "id-000"); err != nil || got.Version != 1 {
		t.Errorf("the tenant was changed by a call that was refused: %v %v", fields(got), err)
	}
}

func testExists(t *testing.T, s registry.Store) {
	createMany(t, s, 1, nil)
	for id, want := range map[tenancy.ID]bool{"id-000": true, "id-001": false} {
		if got, err := registry.Exists(t.Context(), s, id); got != want || err != nil {
			t.Errorf("%s: got %v and %v, want %v", id, got, err, want)
		}
	}
	if _, err := registry.Exists(t.Context(), s, ""); err == nil {
		t.Error("an id that cannot be exists or not, without an error")
	}
}

// What a caller does to what it gave or got, no one else sees.
func testCopies(t *testing.T, s registry.Store) {
	given := map[string]any{"list": []any{"a"}, "object": map[string]any{"k": "v"}}
	n := active("acme")
	n.Metadata = given
	created := create(t, s, n)
	given["list"].([]any)[0], given["object"].(map[string]any)["k"], given["new"] = "changed", "changed", "changed"
	merged := map[string]any{"merged": map[string]any{"k": "v"}}
	want, err := s.MergeMetadata(t.Context(), created.ID, merged)
	if err != nil {
		t.Fatal(err)
	}
	merged["merged"].(map[string]any)["k"] = "changed"
	got, err := s.ByID(t.Context(), created.ID)
	wantTenant(t, "after the caller changed what it gave", got, err, want)
	got.Metadata()["list"].([]any)[0] = "changed"
	wantStored(t, s, want)
	if want := map[string]any{"list": []any{"a"}, "object": map[string]any{"k": "v"}, "merged": map[string]any{"k": "v"}}; fmt.Sprint(got.Metadata()) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v", got.Metadata(), want)
	}
}
