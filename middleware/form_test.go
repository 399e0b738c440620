package middleware_test

import (
	"context"
	"mime/multipart"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

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
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", strings.NewReader(body))
		r.Header.Set("Content-Type", contentType)
		r.Header.Set(middleware.HeaderName, "acme")
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK || r.Context() != t.Context() {
			t.Errorf("%s: got %d %s, and the context %v", contentType, w.Code, w.Body, r.Context())
		}
	}
}

// forms returns bodies with a token and a note, by their content types.
func forms(t *testing.T) map[string]string {
	t.Helper()
	var b strings.Builder
	parts := multipart.NewWriter(&b)
	for name, value := range map[string]string{"access_token": "t", "note": "hello"} {
		if err := parts.WriteField(name, value); err != nil {
			t.Fatal(err)
		}
	}
	if err := parts.Close(); err != nil {
		t.Fatal(err)
	}
	encoded := url.Values{"access_token": {"t"}, "note": {"hello"}}.Encode()
	return map[string]string{"application/x-www-form-urlencoded": encoded, parts.FormDataContentType(): b.String()}
}
