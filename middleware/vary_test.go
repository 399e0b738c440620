package middleware_test

import (
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/middleware"
)

// fixed is a resolver that reads the given headers and always finds acme.
type fixed []string

func (f fixed) Resolve(*http.Request) (middleware.Resolution, error) {
	return middleware.Resolution{Identifier: "acme"}, nil
}

func (f fixed) Vary() []string { return f }

func (f fixed) Validate() error { return nil }

// A shared cache has to tell tenants apart in every response, also a handler's.
func TestVary(t *testing.T) {
	t.Parallel()
	fn := middleware.ResolverFunc(func(*http.Request) (middleware.Resolution, error) {
		return middleware.Resolution{Identifier: "acme"}, nil
	})
	for name, test := range map[string]struct {
		resolver middleware.Resolver
		had      []string
		want     []string
	}{
		"one header":  {fixed{"X-Tenant-ID"}, nil, []string{"X-Tenant-ID"}},
		"several":     {fixed{"Authorization", "Cookie"}, nil, []string{"Authorization, Cookie"}},
		"none":        {fixed{}, nil, nil},
		"none, added": {fixed{}, []string{"Accept"}, []string{"Accept"}},
		"added":       {fixed{"X-Tenant-ID"}, []string{"Accept"}, []string{"Accept", "X-Tenant-ID"}},
		"function":    {fn, nil, []string{"*"}},
		"header":      {byHeader(t), nil, []string{"X-Tenant-Id, X-Tenancy-Uid"}},
	} {
		w := httptest.NewRecorder()
		if test.had != nil {
			w.Header()["Vary"] = test.had
		}
		r := request(t, "/", "acme")
		wrap(t, newTenants(), test.resolver, middleware.Config{}, whoAmI).ServeHTTP(w, r)
		if got := w.Header().Values("Vary"); w.Code != http.StatusOK || !slices.Equal(got, test.want) {
			t.Errorf("%s: %d, Vary %q, want %q", name, w.Code, got, test.want)
		}
	}
}

// One who is no member must not be shown by a cache what a member was sent: what
// says who is asking is in Vary too.
func TestVaryOfCallers(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		resolver middleware.Resolver
		cfg      middleware.Config
		want     []string
	}{
		"default":         {middleware.Path("/t"), middleware.Config{Principal: byUserHeader}, []string{"Cookie, Authorization"}},
		"with a resolver": {byHeader(t), middleware.Config{Principal: byUserHeader}, []string{"X-Tenant-Id, X-Tenancy-Uid, Cookie, Authorization"}},
		"named by both":   {fixed{"Cookie"}, middleware.Config{Principal: byUserHeader}, []string{"Cookie, Authorization"}},
		"another":         {middleware.Path("/t"), middleware.Config{Principal: byUserHeader, PrincipalVary: []string{"X-User"}}, []string{"X-User"}},
		"all":             {middleware.Path("/t"), middleware.Config{Principal: byUserHeader, PrincipalVary: []string{"*"}}, []string{"*"}},
		"none":            {middleware.Path("/t"), middleware.Config{Principal: byUserHeader, PrincipalVary: []string{}}, nil},
		"nobody asks":     {middleware.Path("/t"), middleware.Config{}, nil},
	} {
		for user, status := range map[string]int{"jo": http.StatusOK, "": http.StatusNotFound} {
			if test.cfg.Principal != nil {
				test.cfg.Authorize = members
			} else if user == "" {
				continue
			}
			w, r := httptest.NewRecorder(), request(t, "/t/acme/orders", "acme")
			r.Header.Set("X-User", user)
			wrap(t, newTenants(), test.resolver, test.cfg, whoAmI).ServeHTTP(w, r)
			if got := w.Header().Values("Vary"); w.Code != status || !slices.Equal(got, test.want) {
				t.Errorf("%s, %q: %d, Vary %q, want %q", name, user, w.Code, got, test.want)
			}
		}
	}
	for _, name := range []string{"", "X User", "a,b"} {
		_, err := middleware.New(newTenants(), byHeader(t), middleware.Config{PrincipalVary: []string{name}})
		if err == nil || !strings.Contains(err.Error(), "Config.PrincipalVary") {
			t.Errorf("%q: got %v", name, err)
		}
	}
}

// The value is shared between responses, and what one adds to it is its own.
func TestVaryOfOneResponseIsNotAnothers(t *testing.T) {
	t.Parallel()
	h := wrap(t, newTenants(), byHeader(t), middleware.Config{}, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Add("Vary", r.URL.Path)
	})
	serve := func(path string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		r := request(t, path, "acme")
		h.ServeHTTP(w, r)
		return w
	}
	first, second := serve("/first"), serve("/second")
	for path, w := range map[string]*httptest.ResponseRecorder{"/first": first, "/second": second} {
		if got, want := w.Header().Values("Vary"), []string{"X-Tenant-Id, X-Tenancy-Uid", path}; !slices.Equal(got, want) {
			t.Errorf("Vary is %q, want %q", got, want)
		}
	}
}
