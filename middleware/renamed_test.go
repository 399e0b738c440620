package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// registry returns one in which acme is the tenant 1.
func registry() *tenants {
	l := &tenants{byIdentifier: map[string]tenancy.Tenant{}}
	l.put("1", "acme")
	return l
}

func (l *tenants) put(id tenancy.ID, identifier string) {
	l.byIdentifier[identifier] = tenancy.Tenant{ID: id, Identifier: identifier, Status: tenancy.StatusActive}
}

// rename calls the tenant 1 acme-corp, and gives its identifier to the tenant 2.
func (l *tenants) rename() {
	l.put("1", "acme-corp")
	l.put("2", "acme")
}

// served returns who a request is served as, notFound if it is refused so.
func served(h http.Handler, r *http.Request) string {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Body.String()
}

// shop is whose shop.acme.test is.
type shop struct{ during func() }

func (shop) IdentifierByDomain(context.Context, string) (string, error) {
	return "", errors.New("asked for the identifier of a tenant whose id is known")
}

func (s shop) IDByDomain(context.Context, string) (tenancy.ID, error) {
	s.during()
	return "1", nil
}

// What names a tenant by its id is never another's, whoever has the identifier.
func TestNamesThatChangeHands(t *testing.T) {
	t.Parallel()
	cfg := hmacConfig()
	cfg.IDClaim = "tid"
	byToken, byDomain := middleware.JWT(cfg), middleware.Host(shop{func() {}})
	sent := withToken(t, "Bearer "+token(t, jwt.SigningMethodHS256, []byte(secret), good(jwt.MapClaims{"tid": "1"})))
	sent.Host = "acme.example.com"
	withUID := request(t, "/", "acme")
	withUID.Header.Set(middleware.UIDHeaderName, "1")
	for name, test := range map[string]struct {
		resolver        middleware.Resolver
		request         *http.Request
		renamed, erased string // who is served when 2 has the identifier
	}{
		"token":            {byToken, sent, "1", notFound},
		"domain":           {byDomain, sent, "1", notFound},
		"both":             {middleware.Agree(byToken, byDomain), sent, "1", notFound},
		"the first":        {middleware.First(byDomain, middleware.Subdomain("example.com")), sent, "1", notFound},
		"id and name":      {byHeader(t), withUID, notFound, notFound},
		"token and name":   {middleware.Agree(byToken, middleware.Subdomain("example.com")), sent, notFound, notFound},
		"name of a header": {byHeader(t), request(t, "/", "acme"), "2", "2"},
	} {
		l := registry()
		h := wrap(t, l, test.resolver, middleware.Config{}, whoAmI)
		if got := served(h, test.request); got != "1" {
			t.Errorf("%s: got %s before anything has changed", name, got)
		}
		l.rename()
		if got := served(h, test.request); got != test.renamed {
			t.Errorf("%s: got %s after a rename, want %s", name, got, test.renamed)
		}
		delete(l.byIdentifier, "acme-corp")
		if got := served(h, test.request); got != test.erased {
			t.Errorf("%s: got %s after an erasure, want %s", name, got, test.erased)
		}
	}
}

// It makes no difference when the identifier changes hands.
func TestRenameWhileADomainIsLookedUp(t *testing.T) {
	t.Parallel()
	l := registry()
	h := wrap(t, l, middleware.Host(shop{func() { l.rename() }}), middleware.Config{}, whoAmI)
	if got := served(h, request(t, "/")); got != "1" {
		t.Errorf("got %s", got)
	}
}

// An id is a proof of who is meant, and names nobody by itself: who looks after
// the identifier's header need not know of it.
func TestUIDHeader(t *testing.T) {
	t.Parallel()
	l := registry()
	l.put("a ü/%", "odd")
	h := wrap(t, l, byHeader(t), middleware.Config{}, whoAmI)
	for _, test := range []struct {
		identifier string
		ids        []string
		want       string
	}{
		{"acme", nil, "1"},
		{"acme", []string{"1"}, "1"},
		{"acme", []string{"1", "1"}, "1"},
		{"acme", []string{"1", "2"}, notFound},
		{"acme", []string{"2"}, notFound},
		{"acme", []string{""}, notFound},
		{"acme", []string{"%"}, notFound},
		{"acme", []string{"%00"}, notFound},
		{"acme", []string{"1 "}, notFound},
		{"odd", []string{"a%20%C3%BC%2F%25"}, "a ü/%"},
		{"odd", []string{"1"}, notFound},
		{"unknown", []string{"1"}, notFound},
		{"ACME", []string{"1"}, notFound},
		{"", []string{"1"}, notFound},
	} {
		r := request(t, "/")
		if test.identifier != "" {
			r = request(t, "/", test.identifier)
		}
		r.Header[middleware.UIDHeaderName] = test.ids
		if got := served(h, r); got != test.want {
			t.Errorf("%s, %q: got %s, want %s", test.identifier, test.ids, got, test.want)
		}
	}
	checkRefusedByNew(t, "middleware: Header: name", middleware.Header("x-tenancy-uid"))
	if got := http.CanonicalHeaderKey(middleware.UIDHeaderName); got != middleware.UIDHeaderName {
		t.Errorf("net/http files it under %s", got)
	}
}

// Which claim of a token counts, and that one without it names nobody.
func TestTokenWithAnID(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		idClaim, claim string
		claims         jwt.MapClaims
		want           middleware.Resolution
	}{
		"id":                       {"tid", "", jwt.MapClaims{"tid": "1"}, middleware.Resolution{ID: "1"}},
		"no id":                    {"tid", "", nil, middleware.Resolution{}},
		"no id, and an identifier": {"tid", "tenant_id", nil, middleware.Resolution{Identifier: "acme"}},
		"id and identifier":        {"tid", "tenant_id", jwt.MapClaims{"tid": "1"}, middleware.Resolution{ID: "1"}},
		"no text":                  {"tid", "tenant_id", jwt.MapClaims{"tid": 1}, middleware.Resolution{}},
		"empty":                    {"tid", "tenant_id", jwt.MapClaims{"tid": ""}, middleware.Resolution{}},
		"neither":                  {"tid", "tenant_id", jwt.MapClaims{"tenant_id": nil}, middleware.Resolution{}},
		"a claim without a name":   {"", "", jwt.MapClaims{"": "1"}, middleware.Resolution{Identifier: "acme"}},
	} {
		cfg := hmacConfig()
		cfg.IDClaim, cfg.Claim = test.idClaim, test.claim
		sent := withToken(t, "Bearer "+token(t, jwt.SigningMethodHS256, []byte(secret), good(test.claims)))
		got, err := middleware.JWT(cfg).Resolve(sent)
		got.Principal = nil
		if got != test.want || (err != nil) != (test.want == middleware.Resolution{}) || err != nil && !errors.Is(err, tenancy.ErrInvalidIdentifier) {
			t.Errorf("%s: got %+v and %v, want %+v", name, got, err, test.want)
		}
	}
}

// A lookup is not trusted to return the tenant that it was asked for, and an id
// that can be nobody's does not get near it.
func TestLookupByID(t *testing.T) {
	t.Parallel()
	for id, want := range map[tenancy.ID]error{
		"id of acme": nil, "id of nobody": tenancy.ErrNotFound, " ": tenancy.ErrInvalidID, "\xff": tenancy.ErrInvalidID,
		"id of suspended": tenancy.ErrInactive,
	} {
		lookup := newTenants()
		gate, err := middleware.NewGate(lookup, says{middleware.Resolution{ID: id}, nil}, middleware.Config{})
		if err != nil {
			t.Fatal(err)
		}
		a := gate.Admit(request(t, "/"))
		if want == nil && a.Tenant.ID != id || want != nil && (a.Refusal == nil || a.Refusal.Reason != middleware.ReasonNotFound || !errors.Is(a.Refusal.Err, want)) {
			t.Errorf("%q: got %+v", id, a)
		}
		if n := lookup.lookups.Load(); n != 1 {
			t.Errorf("%q: %d lookups", id, n)
		}
	}
	gate, err := middleware.NewGate(acme(), says{middleware.Resolution{ID: "another"}, nil}, middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	if a := gate.Admit(request(t, "/")); a.Refusal == nil || !errors.Is(a.Refusal.Err, tenancy.ErrCrossTenant) || a.Tenant.ID != "" {
		t.Errorf("the lookup returned another tenant: got %+v", a)
	}
}

// Resolvers that know different things of a tenant agree if it is one tenant.
func TestAgreeOnIDs(t *testing.T) {
	t.Parallel()
	named := func(identifier string, id tenancy.ID) middleware.Resolver {
		return says{middleware.Resolution{Identifier: identifier, ID: id}, nil}
	}
	for name, test := range map[string]struct {
		asked []middleware.Resolver
		want  string
	}{
		"id and identifier":             {[]middleware.Resolver{named("", "id of acme"), named("acme", "")}, "id of acme"},
		"identifier and id":             {[]middleware.Resolver{named("acme", ""), named("", "id of acme")}, "id of acme"},
		"both, twice":                   {[]middleware.Resolver{named("acme", "id of acme"), named("acme", "id of acme")}, "id of acme"},
		"another's id":                  {[]middleware.Resolver{named("", "id of globex"), named("acme", "")}, notFound},
		"another's identifier":          {[]middleware.Resolver{named("acme", "id of acme"), named("globex", "")}, notFound},
		"different ids":                 {[]middleware.Resolver{named("", "id of globex"), named("", "id of acme")}, notFound},
		"different ids, one a stranger": {[]middleware.Resolver{named("", "id of acme"), named("acme", "id of nobody")}, notFound},
	} {
		if got := served(wrap(t, newTenants(), middleware.Agree(test.asked...), middleware.Config{}, whoAmI), request(t, "/")); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
