package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

func TestHeaderOfAnyName(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"X-Tenant-ID", "x-tenant-id", "Tenant", "X_Account", "0!#$%&'*+-.^_`|~z"} {
		resolver := middleware.Header(name)
		if err := resolver.Validate(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
		r := request(t, "/")
		r.Header.Set(strings.ToUpper(name), "acme")
		got, err := resolver.Resolve(r)
		if err != nil || got != (middleware.Resolution{Identifier: "acme"}) {
			t.Errorf("%q: got %+v and %v", name, got, err)
		}
	}
}

func TestHeaderThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", " ", "X Tenant", "X-Tenant:", "X-Tenant\r\n", "X-Tenänt", "(x)", "Host", "host"} {
		handler, err := middleware.New(newTenants(), middleware.Header(name), middleware.Config{})
		if handler != nil || err == nil || !strings.Contains(err.Error(), "middleware: Header: name") {
			t.Errorf("%q: got %v, want an error that names the argument", name, err)
		}
	}
}

// A resolver may take the tenant out of the path, and say who the caller is.
func TestResolverThatChangesTheRequest(t *testing.T) {
	t.Parallel()
	byPath := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		identifier, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		return middleware.Resolution{Identifier: identifier, Path: "/" + rest, RawPath: "/raw", Principal: "jo"}, nil
	})
	r := request(t, "/acme/orders/1?q=1")
	w := httptest.NewRecorder()
	wrap(t, newTenants(), byPath, middleware.Config{}, func(_ http.ResponseWriter, inner *http.Request) {
		tenant, err := tenancy.FromContext(inner.Context())
		principal := middleware.PrincipalFromContext(inner.Context())
		if err != nil || tenant.ID != "id of acme" || principal != "jo" {
			t.Errorf("the handler got %v, %v and %v", tenant, err, principal)
		}
		if got := (url.URL{Path: "/orders/1", RawPath: "/raw", RawQuery: "q=1"}); *inner.URL != got {
			t.Errorf("the handler got %+v", inner.URL)
		}
	}).ServeHTTP(w, r)
	if w.Code != http.StatusOK || r.URL.Path != "/acme/orders/1" || middleware.PrincipalFromContext(r.Context()) != nil {
		t.Errorf("got %d, and the caller's request is for %q", w.Code, r.URL.Path)
	}
}

// Whatever is sent, it is served as the tenant it says or answered as all else.
func FuzzHeader(f *testing.F) {
	for _, sent := range refusals() {
		f.Add(strings.Join(sent, ""), "")
		f.Add(strings.Join(sent, ""), "acme")
	}
	f.Add("acme", "acme")
	h := wrap(f, newTenants(), byHeader(f), middleware.Config{}, whoAmI)
	serve := func(tb testing.TB, sent ...string) *httptest.ResponseRecorder {
		tb.Helper()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(tb, "/", sent...))
		return w
	}
	refused := serve(f).Body.String()
	f.Fuzz(func(t *testing.T, first, second string) {
		w := serve(t, first, second)
		want, status := refused, http.StatusNotFound
		if first == second && (first == "acme" || first == "globex") {
			want, status = "id of "+first, http.StatusOK
		}
		if w.Code != status || w.Body.String() != want {
			t.Errorf("%q, %q: got %d %s", first, second, w.Code, w.Body)
		}
	})
}
