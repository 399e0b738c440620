package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// always is a Lookup that costs nothing.
type always tenancy.Tenant

func (l *always) ByIdentifier(context.Context, string) (tenancy.Tenant, error) {
	return tenancy.Tenant(*l), nil
}

func (l *always) ByID(context.Context, tenancy.ID) (tenancy.Tenant, error) {
	return tenancy.Tenant(*l), nil
}

func silent(http.ResponseWriter, *http.Request) {}

// cost returns a function that serves one request.
func cost(tb testing.TB, h http.Handler, r *http.Request) func() {
	tb.Helper()
	w := httptest.NewRecorder()
	w.Header().Set("Content-Type", "text/plain") // as every response has some header
	return func() {
		delete(w.Header(), "Vary")
		h.ServeHTTP(w, r)
	}
}

func acme() *always {
	return &always{ID: "0199a0b2-0000-7000-8000-000000000000", Identifier: "acme", Status: tenancy.StatusActive}
}

// measured are the resolvers whose cost is promised, with a request for acme.
func measured(tb testing.TB) map[string]func() {
	tb.Helper()
	byHost := request(tb, "/orders")
	byHost.Host = "acme.example.com:8080"
	served := func(resolver middleware.Resolver, r *http.Request) func() {
		return cost(tb, wrap(tb, acme(), resolver, middleware.Config{}, silent), r)
	}
	return map[string]func(){
		"header":    served(byHeader(tb), request(tb, "/orders", "acme")),
		"subdomain": served(middleware.Subdomain("example.com"), byHost),
		"path":      served(middleware.Path("/t"), request(tb, "/t/acme/orders")),
	}
}

// The tenant's context is two allocations, and the request with it is one. Another
// path is one more, for the URL.
func TestAllocations(t *testing.T) {
	for name, serve := range measured(t) {
		want := 3.0
		if name == "path" {
			want++
		}
		if n := testing.AllocsPerRun(1000, serve); n > want {
			t.Errorf("%s: %v allocations, want %v", name, n, want)
		}
	}
}

func BenchmarkTenantHandler(b *testing.B) {
	serves := measured(b)
	serves["bare"] = cost(b, http.HandlerFunc(silent), request(b, "/orders", "acme"))
	for name, sent := range map[string]string{
		"token, HS256": token(b, jwt.SigningMethodHS256, []byte(secret), good()),
		"token, RS256": token(b, jwt.SigningMethodRS256, keys().rsa, good()),
	} {
		cfg := hmacConfig()
		if name == "token, RS256" {
			cfg.Secret, cfg.PublicKey = nil, public(b, keys().rsa)
		}
		serves[name] = cost(b, wrap(b, acme(), middleware.JWT(cfg), middleware.Config{}, silent), withToken(b, "Bearer "+sent))
	}
	for name, serve := range serves {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				serve()
			}
		})
	}
}
