package middlewaretest

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
)

// refusals are what is sent by strangers, as values of the tenant header.
func refusals() map[string][]string {
	return map[string][]string{
		"nothing":      nil,
		"empty":        {""},
		"malformed":    {"Acme"},
		"too long":     {strings.Repeat("a", 64)},
		"markup":       {"<b>acme</b>"},
		"two tenants":  {"acme", "globex"},
		"unknown":      {"unknown"},
		"provisioning": {"provisioning"},
		"suspended":    {"suspended"},
		"deleted":      {"deleted"},
	}
}

// refused answers all strangers alike: same bytes, same headers, same lookups.
func refused(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	want := f.get(t, "/tenant")
	if want.status != http.StatusNotFound || want.header.Get("Content-Type") != "application/problem+json" {
		t.Fatalf("got %d %v %q, want 404 and a problem document", want.status, want.header, want.body)
	}
	for name, sent := range refusals() {
		for _, path := range []string{"/tenant", "/error", "/panic", "/stream", "/nowhere"} {
			before := f.lookups()
			got := f.get(t, path, sent...)
			if diff := want.differs(got); diff != "" {
				t.Errorf("%s, %s: answered otherwise than nothing for /tenant: %s", name, path, diff)
			}
			if n := f.lookups() - before; n != 1 {
				t.Errorf("%s, %s: %d lookups, want 1", name, path, n)
			}
		}
	}
}

// differs says in what two answers do, "" if they do not.
func (a answer) differs(other answer) string {
	switch {
	case a.status != other.status:
		return http.StatusText(other.status)
	case a.body != other.body:
		return other.body
	}
	for _, name := range slices.Sorted(maps.Keys(a.header)) {
		if name != "Date" && !reflect.DeepEqual(a.header[name], other.header[name]) {
			return name + ": " + strings.Join(other.header[name], ", ")
		}
	}
	for name := range other.header {
		if _, ok := a.header[name]; !ok {
			return "also the header " + name
		}
	}
	return ""
}

// unavailable answers every request alike when nobody knows about tenants.
func unavailable(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	f.fail(errors.New("dial tcp 10.0.0.1: hidden"))
	want := f.get(t, "/tenant", "acme")
	if want.status != http.StatusServiceUnavailable || strings.Contains(want.body, "hidden") {
		t.Fatalf("got %d %q, want 503 that does not say why", want.status, want.body)
	}
	for name, sent := range refusals() {
		if diff := want.differs(f.get(t, "/tenant", sent...)); diff != "" {
			t.Errorf("%s: answered otherwise than acme: %s", name, diff)
		}
	}
}

// members lets a caller act for the tenant whose identifier it sends as its name.
func members(s *Setup) {
	s.Config.Principal = func(r *http.Request) any {
		if user := r.Header.Get(userHeader); user != "" {
			return user
		}
		return nil
	}
	s.Config.PrincipalVary = []string{userHeader}
	s.Config.Authorize = func(_ context.Context, user any, tenant tenancy.Tenant) error {
		if user == tenant.Identifier {
			return nil
		}
		return errStranger
	}
}

// userHeader is what the application of the suite takes for authentication.
const userHeader = "X-User"

var errStranger = errors.New("middlewaretest: not a member")

// membership serves members only, and tells only members that their tenant is suspended.
func membership(t *testing.T, serve Serve) {
	f := start(t, serve, members)
	as := func(user, identifier string) answer {
		r := f.request(t.Context(), t, "/tenant", identifier)
		r.Header.Set(userHeader, user)
		return f.do(t, r)
	}
	if got := as("acme", "acme"); !got.is(http.StatusOK, idOf("acme")) {
		t.Errorf("a member got %d %q", got.status, got.body)
	} else if !slices.Contains(got.varies(), strings.ToLower(userHeader)) {
		t.Errorf("a member's Vary is %q, want the header in it that says who they are", got.varies())
	}
	if got := as("suspended", "suspended"); got.status != http.StatusForbidden {
		t.Errorf("a member of a suspended tenant got %d %q, want 403", got.status, got.body)
	}
	want := f.get(t, "/tenant")
	for name, got := range map[string]answer{
		"a stranger":                        as("globex", "acme"),
		"nobody":                            f.get(t, "/tenant", "acme"),
		"a stranger to a suspended tenant":  as("acme", "suspended"),
		"nobody, for a suspended tenant":    f.get(t, "/tenant", "suspended"),
		"a member of a deleted tenant":      as("deleted", "deleted"),
		"a member of a provisioning tenant": as("provisioning", "provisioning"),
		"a member of no tenant":             as("unknown", "unknown"),
	} {
		if diff := want.differs(got); diff != "" || got.status != http.StatusNotFound {
			t.Errorf("%s: answered otherwise than a request that names no tenant: %s", name, diff)
		}
	}
}

// excluded paths are served without a tenant, and they are paths and not beginnings of texts.
func excluded(t *testing.T, serve Serve) {
	f := start(t, serve, func(s *Setup) { s.Config.Excluded = []string{"/health", "/health/"} })
	for _, path := range []string{"/health", "/health/live", "/health?full"} {
		for _, sent := range [][]string{nil, {"acme"}, {"unknown"}} {
			if got := f.get(t, path, sent...); !got.is(http.StatusOK, noTenant) {
				t.Errorf("%s for %q: got %d %q, want 200 without a tenant", path, sent, got.status, got.body)
			}
		}
	}
	if n := f.lookups(); n != 0 {
		t.Errorf("%d lookups, want none", n)
	}
	want := f.get(t, "/tenant")
	for _, path := range []string{"/healthcare", "/health/../tenant", "/health/%2e%2e/tenant", "/health/..%2ftenant", "/", "/tenant?/health"} {
		if diff := want.differs(f.get(t, path)); diff != "" {
			t.Errorf("%s without a tenant: answered otherwise than /tenant: %s", path, diff)
		}
	}
	if got := f.get(t, "/healthcare", "acme"); !got.is(http.StatusOK, idOf("acme")) {
		t.Errorf("/healthcare: got %d %q", got.status, got.body)
	}
}
