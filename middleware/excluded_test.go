package middleware_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

func TestExcluded(t *testing.T) {
	t.Parallel()
	cfg := middleware.Config{Excluded: []string{"/health", "GET /ready", "/docs/", "OPTIONS /", "/hooks/{name}/in", "/exact/{$}"}}
	for request, excluded := range map[string]bool{
		"GET /health": true, "POST /health": true, "GET /health?a=b": true, "GET http://evil.example/health": true,
		"GET /ready": true, "HEAD /ready": true, "POST /ready": false,
		"GET /docs/": true, "GET /docs/a/b": true, "GET /docs": false, "GET /docs-internal": false,
		"GET /healthcare": false, "GET /health/": false, "GET /health/records": false, "GET /Health": false, "GET /api/health": false,
		"OPTIONS /orders": true, "GET /orders": false,
		"GET /hooks/pay/in": true, "GET /hooks/pay/out": false, "GET /hooks/a/b/in": false, "GET /hooks/a%2Fb/in": true,
		"GET /exact/": true, "GET /exact/a": false,
		"GET /orders/../health": false, "GET //health": false, "GET /./health": false, "GET /docs/../orders": false,
		"GET /docs/..%2forders": false, "GET /docs/a%2f%2fb": false,
		"GET /health%2f": false, "GET /%68ealth": true, "GET /docs%2f": false, "GET /": false,
	} {
		lookup := newTenants()
		ran := false
		r := raw(t, request+" HTTP/1.1\r\nHost: a\r\n\r\n")
		w := httptest.NewRecorder()
		wrap(t, lookup, byHeader(t), cfg, func(_ http.ResponseWriter, inner *http.Request) {
			ran = true
			if _, err := tenancy.FromContext(inner.Context()); !errors.Is(err, tenancy.ErrNoTenant) || inner != r {
				t.Errorf("%s: the handler got another request, or a tenant: %v", request, err)
			}
		}).ServeHTTP(w, r)
		if ran != excluded || (lookup.lookups.Load() == 0) != excluded || excluded && len(w.Header()) > 0 {
			t.Errorf("%s: ran %v after %d lookups with %v", request, ran, lookup.lookups.Load(), w.Header())
		}
	}
}

// Who names a tenant at an excluded path does not get it.
func TestExcludedHasNoTenant(t *testing.T) {
	t.Parallel()
	h := wrap(t, newTenants(), byHeader(t), middleware.Config{Excluded: []string{"/health"}}, whoAmI)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, request(t, "/health", "acme"))
	if w.Code != http.StatusInternalServerError || !strings.Contains(w.Body.String(), "no tenant") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

func TestExcludedThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, patterns := range [][]string{{""}, {"health"}, {"/a", "/{"}, {"GET /{a}/{a}"}} {
		_, err := middleware.New(newTenants(), byHeader(t), middleware.Config{Excluded: patterns})
		if err == nil || !strings.Contains(err.Error(), "Config.Excluded: ") {
			t.Errorf("%q: got %v, want an error that names the field", patterns, err)
		}
	}
}
