package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// always is a Lookup that costs nothing.
type always tenancy.Tenant

func (l *always) ByIdentifier(context.Context, string) (tenancy.Tenant, error) {
	return tenancy.Tenant(*l), nil
}

func silent(http.ResponseWriter, *http.Request) {}

// cost returns a function that serves one request.
func cost(tb testing.TB, h http.Handler) func() {
	tb.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain") // as every response has some header
	r := request(tb, "/", "acme")
	return func() {
		delete(w.Header(), "Vary")
		h.ServeHTTP(w, r)
	}
}

func acme() *always {
	return &always{ID: "0199a0b2-0000-7000-8000-000000000000", Identifier: "acme", Status: tenancy.StatusActive}
}

// The tenant's context is two allocations, and the request with it is one.
func TestAllocations(t *testing.T) {
	n := testing.AllocsPerRun(1000, cost(t, wrap(t, acme(), byHeader(t), middleware.Config{}, silent)))
	if n > 3 {
		t.Errorf("%v allocations, want 3", n)
	}
}

func BenchmarkTenantHandler(b *testing.B) {
	for name, h := range map[string]http.Handler{
		"bare":   http.HandlerFunc(silent),
		"header": wrap(b, acme(), byHeader(b), middleware.Config{}, silent),
	} {
		b.Run(name, func(b *testing.B) {
			serve := cost(b, h)
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}
