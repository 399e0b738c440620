package main

import (
	"net/http"
	"net/http/httptest"
	"testing"
)

func TestRouter(t *testing.T) {
	t.Parallel()
	store, err := newStore(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	handler, err := newHandler(store)
	if err != nil {
		t.Fatal(err)
	}
	const notFound = `{"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}`
	for path, want := range map[string]string{
		"/t/acme/orders/1":   `{"of":"Acme Inc.","order":"1"}` + "\n",
		"/t/globex/orders/1": notFound,
		"/t/ACME/orders/1":   notFound,
		"/t/acme/../x":       notFound,
		"/t/acme/nothing":    "404 page not found\n",
		"/healthz":           "ok\n",
	} {
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Body.String() != want {
			t.Errorf("%s: got %d %q, want %q", path, w.Code, w.Body, want)
		}
	}
}
