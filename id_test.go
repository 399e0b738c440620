package tenancy_test

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
)

func TestValidateIdentifier(t *testing.T) {
	t.Parallel()
	valid := []string{"abc", "ab1", "acme-corp", "a--b", "a-1", strings.Repeat("a", 63)}
	for _, s := range valid {
		if err := tenancy.ValidateIdentifier(s); err != nil {
			t.Errorf("ValidateIdentifier(%q) = %v, want nil", s, err)
		}
	}
	for _, s := range []string{
		"", "ab", strings.Repeat("a", 64), "Acme", "acme ", " acme", "acme\n", "acme\x00", "-acme", "acme-",
		"1acme", "acme.corp", "acme_corp", "acmé", "a\u200bcme", "аcme", "acme/..", "'; DROP TABLE tenants; --",
	} {
		err := tenancy.ValidateIdentifier(s)
		if !errors.Is(err, tenancy.ErrInvalidIdentifier) {
			t.Errorf("ValidateIdentifier(%q) = %v, want ErrInvalidIdentifier", s, err)
		}
		if len(s) > 2 && strings.Contains(err.Error(), s) {
			t.Errorf("the error repeats its input %q: %v", s, err)
		}
	}
}

// FuzzValidateIdentifier compares the hand-written check with the pattern that
// it stands for.
func FuzzValidateIdentifier(f *testing.F) {
	for _, s := range []string{"acme", "a-b", "acme\n", "ACME", "", strings.Repeat("x", 1000)} {
		f.Add(s)
	}
	pattern := regexp.MustCompile(`\A[a-z][a-z0-9-]{1,61}[a-z0-9]\z`)
	f.Fuzz(func(t *testing.T, s string) {
		if got, want := tenancy.ValidateIdentifier(s) == nil, pattern.MatchString(s); got != want {
			t.Errorf("ValidateIdentifier(%q): valid = %v, want %v", s, got, want)
		}
	})
}

func TestIDValidate(t *testing.T) {
	t.Parallel()
	for _, id := range []tenancy.ID{"a", "ACME", "0198c5c4-0000-7000-8000-000000000000", "42", "müller & söhne", tenancy.ID(strings.Repeat("é", 255))} {
		if err := id.Validate(); err != nil {
			t.Errorf("ID(%q).Validate() = %v, want nil", id, err)
		}
	}
	for _, id := range []tenancy.ID{"", " ", " a", "a ", "a\x00", "a\n", "a\u0085b", "\xff", tenancy.ID(strings.Repeat("é", 256)), tenancy.ID(strings.Repeat("a", 1<<20))} {
		if err := id.Validate(); !errors.Is(err, tenancy.ErrInvalidID) {
			t.Errorf("ID(%.10q).Validate() = %v, want ErrInvalidID", id, err)
		}
	}
}

func TestStatusTransitions(t *testing.T) {
	t.Parallel()
	legal := map[[2]tenancy.Status]bool{
		{"provisioning", "active"}:    true,
		{"provisioning", "suspended"}: true,
		{"provisioning", "deleted"}:   true,
		{"active", "suspended"}:       true,
		{"active", "deleted"}:         true,
		{"suspended", "active"}:       true,
		{"suspended", "deleted"}:      true,
		{"deleted", "suspended"}:      true,
	}
	all := append(tenancy.Statuses(), "", "unknown")
	for _, from := range all {
		for _, to := range all {
			want := legal[[2]tenancy.Status{from, to}]
			if got := from.CanBecome(to); got != want {
				t.Errorf("%q.CanBecome(%q) = %v, want %v", from, to, got, want)
			}
			err := from.Transition(to)
			switch {
			case want && err != nil:
				t.Errorf("%q.Transition(%q) = %v, want nil", from, to, err)
			case !want && to.Validate() == nil && !errors.Is(err, tenancy.ErrInvalidTransition):
				t.Errorf("%q.Transition(%q) = %v, want ErrInvalidTransition", from, to, err)
			case to.Validate() != nil && !errors.Is(err, tenancy.ErrInvalidTenant):
				t.Errorf("%q.Transition(%q) = %v, want ErrInvalidTenant", from, to, err)
			}
		}
	}
}
