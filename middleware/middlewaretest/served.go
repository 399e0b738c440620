package middlewaretest

import (
	"net/http"
	"slices"
	"sync"
	"testing"
)

// served has the tenant in the handler's context, and nowhere outside.
func served(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	for _, identifier := range []string{"acme", "globex", "acme"} {
		if got := f.get(t, "/tenant", identifier); !got.is(http.StatusOK, idOf(identifier)) {
			t.Errorf("%s: got %d %q, want 200 %q", identifier, got.status, got.body, idOf(identifier))
		}
	}
	if n := f.lookups(); n != 3 {
		t.Errorf("%d lookups, want one for each request", n)
	}
	f.wantOutside(t, 3)
}

// application is left alone: its errors and panics are what it makes of them.
func application(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	if got := f.get(t, "/error", "acme"); !got.is(StatusApp, ErrApp.Error()) {
		t.Errorf("an error of the application came out as %d %q, want %d %q", got.status, got.body, StatusApp, ErrApp)
	}
	if got := f.get(t, "/panic", "acme"); got.status != http.StatusInternalServerError {
		t.Errorf("a panic of the application came out as %d %q, want the 500 of the outermost middleware", got.status, got.body)
	}
	if got := f.get(t, "/nowhere", "acme"); got.status != http.StatusNotFound || got.header.Get("Content-Type") == "application/problem+json" {
		t.Errorf("a path that the application does not have came out as %d %v, want its own 404", got.status, got.header)
	}
	if got := f.get(t, "/tenant", "globex"); !got.is(http.StatusOK, idOf("globex")) {
		t.Errorf("the next request got %d %q", got.status, got.body)
	}
	f.wantOutside(t, 4)
	f.App.mu.Lock()
	defer f.App.mu.Unlock()
	if f.panicked != 1 {
		t.Errorf("App.Recovered was called %d times, want once: a panic has to reach the outermost middleware", f.panicked)
	}
}

// vary tells caches what a response depends on, beside what the application does.
func vary(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	for name, sent := range map[string][]string{"served": {"acme"}, "refused": nil} {
		if got := f.get(t, "/tenant", sent...).varies(); !slices.Contains(got, "x-tenant-id") {
			t.Errorf("%s: Vary is %q, want the tenant's header in it", name, got)
		}
	}
	if got := f.get(t, "/tenant", "acme").varies(); !slices.Contains(got, "accept-language") {
		t.Errorf("Vary is %q, want the application's Accept-Language in it", got)
	}
}

// atOnce has many tenants on the same connections, none of which may see another.
func atOnce(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	var wg sync.WaitGroup
	for i := range many {
		identifier := numbered(i)
		wg.Go(func() {
			for range 3 {
				if got := f.get(t, "/tenant", identifier); !got.is(http.StatusOK, idOf(identifier)) {
					t.Errorf("%s: got %d %q", identifier, got.status, got.body)
				}
			}
		})
	}
	wg.Wait()
}
