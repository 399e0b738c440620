package registrytest

import (
	"errors"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// named is how an error begins that says whose it is: tenancy, registry, or the package of
// a Store of your own. One that was only passed on does not say who was at what.
var named = regexp.MustCompile(`^[a-z]+: `)

// wantError fails the test unless err has the meaning, says whose it is and comes alone.
func wantError(t *testing.T, what string, got tenancy.Tenant, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: got error %v, want %v", what, err, want)
		return
	}
	if text := err.Error(); !named.MatchString(text) || strings.HasPrefix(text, "sql: ") {
		t.Errorf("%s: the error does not begin with the name of a package: %v", what, err)
	}
	if !reflect.ValueOf(got).IsZero() {
		t.Errorf("%s: got %v with an error", what, got)
	}
}

// wantTenant fails the test unless got is want in every field.
func wantTenant(t *testing.T, what string, got tenancy.Tenant, err error, want tenancy.Tenant) {
	t.Helper()
	switch {
	case err != nil:
		t.Errorf("%s: %v", what, err)
	case !got.Equal(want):
		t.Errorf("%s: got %s, want %s", what, fields(got), fields(want))
	case got.CreatedAt.Location() != time.UTC || got.UpdatedAt.Location() != time.UTC:
		t.Errorf("%s: the times are not in UTC: %v, %v", what, got.CreatedAt, got.UpdatedAt)
	}
}

// wantStored fails the test unless the store finds want, by id and by
// identifier.
func wantStored(t *testing.T, s registry.Store, want tenancy.Tenant) {
	t.Helper()
	byID, err := s.ByID(t.Context(), want.ID)
	wantTenant(t, "ByID", byID, err, want)
	byIdentifier, err := s.ByIdentifier(t.Context(), want.Identifier)
	wantTenant(t, "ByIdentifier", byIdentifier, err, want)
}

// wantChanged fails the test unless after is a later version of before.
func wantChanged(t *testing.T, what string, before, after tenancy.Tenant) {
	t.Helper()
	if after.Version != before.Version+1 || after.UpdatedAt.Before(before.UpdatedAt) || !after.CreatedAt.Equal(before.CreatedAt) || after.ID != before.ID {
		t.Errorf("%s: from %s to %s: want the next version of the same tenant", what, fields(before), fields(after))
	}
}

// fields shows what a Tenant does not print. Nothing in these tests is secret.
func fields(t tenancy.Tenant) string {
	return fmt.Sprintf("%q %q %q %v %v %q %q %q v%d %v %v %v %v", t.ID, t.Identifier, t.Name, t.Status, t.Isolation,
		t.Placement.Schema, t.Placement.DatabaseURL.Reveal(), t.Plan, t.Version, t.CreatedAt, t.UpdatedAt, t.DeletedAt, t.Metadata())
}

func ids(tenants []tenancy.Tenant) []tenancy.ID {
	ids := make([]tenancy.ID, len(tenants))
	for i, t := range tenants {
		ids[i] = t.ID
	}
	return ids
}

// wantIDs fails the test unless the page holds exactly these tenants.
func wantIDs(t *testing.T, what string, page registry.Page, err error, want ...tenancy.ID) {
	t.Helper()
	if got := ids(page.Tenants); err != nil || !slices.Equal(got, want) || len(page.Invalid) != 0 {
		t.Errorf("%s: got %q, invalid %q and error %v, want %q", what, got, page.Invalid, err, want)
	}
}

// impossibleIDs can be no tenant's.
func impossibleIDs() []tenancy.ID {
	return []tenancy.ID{"", " a", "a ", "a\x00", "a\xff", "a\n", tenancy.ID(strings.Repeat("a", 256)), tenancy.ID(strings.Repeat("ä", 1<<16))}
}
