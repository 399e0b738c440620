package middleware_test

import (
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

type requestKey struct{}

// TestPrincipalReadsTheBody: what Config.Principal reads of a form, and what it puts into
// the request, is there for the handler. The request that came in stays as it is.
func TestPrincipalReadsTheBody(t *testing.T) {
	t.Parallel()
	cfg := middleware.Config{Principal: func(r *http.Request) any {
		token := r.FormValue("access_token")
		*r = *r.WithContext(context.WithValue(r.Context(), requestKey{}, "own"))
		return token
	}}
	handler := wrap(t, newTenants(), byHeader(t), cfg, func(_ http.ResponseWriter, r *http.Request) {
		if got := r.FormValue("note"); got != "hello" {
			t.Errorf("%s: the handler reads the note %q", r.Header.Get("Content-Type"), got)
		}
		if got := middleware.PrincipalFromContext(r.Context()); got != "t" {
			t.Errorf("the principal is %v", got)
		}
		if got := r.Context().Value(requestKey{}); got != "own" {
			t.Errorf("the context of Config.Principal is gone: %v", got)
		}
	})
	for contentType, body := range forms(t) {
		r := posted(t, contentType, body)
		r.Header.Set(middleware.HeaderName, "acme")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || r.Context() != t.Context() {
			t.Errorf("%s: got %d %s, and the context %v", contentType, w.Code, w.Body, r.Context())
		}
	}
}

// TestResolverReadsTheBody: what a resolver reads of a form is there for Config.Principal
// and the handler, whatever the host is that a proxy was asked for.
func TestResolverReadsTheBody(t *testing.T) {
	t.Parallel()
	var askedFor string
	resolver := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		askedFor = r.Host
		return middleware.Resolution{Identifier: r.FormValue("tenant")}, nil
	})
	reads := func(r *http.Request) any { return r.FormValue("access_token") }
	for name, change := range map[string]func(*middleware.Config){
		"alone":          func(*middleware.Config) {},
		"with principal": func(cfg *middleware.Config) { cfg.Principal = reads },
		"with observer":  func(cfg *middleware.Config) { cfg.Observer = tenancy.NopObserver{} },
	} {
		cfg := behindProxies(middleware.XForwarded)
		change(&cfg)
		var note, sentTo string
		handler := wrap(t, newTenants(), resolver, cfg, func(_ http.ResponseWriter, r *http.Request) {
			note, sentTo = r.FormValue("note"), r.Host
		})
		for contentType, body := range forms(t) {
			for _, host := range []string{"inner", "acme.example.com"} {
				r := posted(t, contentType, body)
				r.Host, r.RemoteAddr = "inner", "10.0.0.1:1234"
				r.Header.Set("X-Forwarded-Host", host)
				w := httptest.NewRecorder()
				handler.ServeHTTP(w, r)
				if w.Code != http.StatusOK || note != "hello" || askedFor != host || sentTo != "inner" || r.Host != "inner" {
					t.Errorf("%s, %s, %s: got %d, the note %q, and the hosts %s and %s", name, contentType, host, w.Code, note, askedFor, sentTo)
				}
				note = ""
			}
		}
	}
}

// posted is a request with a body.
func posted(t *testing.T, contentType, body string) *http.Request {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	return r
}

// forms returns bodies with a tenant, a token and a note, by their content types.
func forms(t *testing.T) map[string]string {
	t.Helper()
	var b strings.Builder
	parts := multipart.NewWriter(&b)
	for name, value := range map[string]string{"tenant": "acme", "access_token": "t", "note": "hello"} {
		if err := parts.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	encoded := url.Values{"tenant": {"acme"}, "access_token": {"t"}, "note": {"hello"}}.Encode()
	return map[string]string{"application/x-www-form-urlencoded": encoded, parts.FormDataContentType(): b.String()}
}
