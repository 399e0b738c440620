package tenancyfiber_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyfiber"
	"github.com/entenancy/tenancy/middleware"
)

// What comes after a body in chunks is no header, as in net/http: neither the
// tenant's nor the user's, nor one of a proxy that is trusted.
func TestTrailers(t *testing.T) {
	t.Parallel()
	first := middleware.First(middleware.Header(middleware.HeaderName), middleware.Cookie("tenant"), middleware.Subdomain("example.com"))
	gate, err := middleware.NewGate(oneTenant{}, first, middleware.Config{
		Principal: userOf, TrustedProxies: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Forwarding: middleware.RFC7239,
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, cfg := range map[string]fiber.Config{"": {}, "streamed": {StreamRequestBody: true}, "as sent": {DisableHeaderNormalizing: true}} {
		app := fiber.New(cfg)
		app.Use("/*", func(c fiber.Ctx) error {
			_ = c.Body() // all of it, and with it the trailers
			return c.Next()
		}, tenancyfiber.Middleware(gate))
		app.All("/*", func(c fiber.Ctx) error {
			tenant, err := tenancy.FromContext(c.Context())
			return c.SendString(fmt.Sprintln(tenant.Identifier, err, middleware.PrincipalFromContext(c.Context())))
		})
		inFiber := strings.TrimPrefix(listen(t, app), "http://")
		inNetHTTP := httptest.NewServer(gate.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			tenant, err := tenancy.FromContext(r.Context())
			_, _ = fmt.Fprintln(w, tenant.Identifier, err, middleware.PrincipalFromContext(r.Context()))
		})))
		t.Cleanup(inNetHTTP.Close)
		for _, request := range []struct {
			headers, trailers string
			want              int
		}{
			{"X-Tenant-ID: acme\r\n", "", http.StatusOK},
			{"x-tenant-id: acme\r\nX-USER: jo\r\nUser-Agent: a\r\n", "X-Other: a\r\n", http.StatusOK},
			{"X-Tenant-ID: acme\r\n", "X-User: jo\r\n", http.StatusOK},
			{"X-Tenant-ID: acme\r\nX-User: ann\r\n", "X-User: jo\r\n", http.StatusOK},
			{"X-Tenant-ID: acme\r\n", "X-Tenant-ID: globex\r\n", http.StatusOK},
			{"", "X-Tenant-ID: acme\r\n", http.StatusNotFound},
			{"Trailer: X-Tenant-ID\r\n", "X-Tenant-ID: acme\r\n", http.StatusNotFound},
			{"X-Tenant-ID: globex\r\n", "X-Tenant-ID: acme\r\n", http.StatusNotFound},
			{"Cookie: a=b;tenant=acme\r\n", "", http.StatusOK},
			{"Cookie: a=b\r\nCookie: tenant=acme\r\n", "", http.StatusOK},
			{"Forwarded: for=203.0.113.9;host=acme.example.com\r\n", "", http.StatusOK},
			{"Forwarded: for=203.0.113.9;host=globex.example.com\r\n", "Forwarded: host=acme.example.com\r\n", http.StatusNotFound},
			{"Forwarded: for=203.0.113.9;host=acme.example.com\r\n", "Forwarded: host=globex.example.com\r\n", http.StatusOK},
		} {
			sent := "POST / HTTP/1.1\r\nHost: inner\r\nTransfer-Encoding: chunked\r\n" + request.headers + "\r\n1\r\na\r\n0\r\n" + request.trailers + "\r\n"
			status, got := answer(t, inFiber, sent)
			if _, want := answer(t, strings.TrimPrefix(inNetHTTP.URL, "http://"), sent); status != request.want || got != want {
				t.Errorf("%s: %q: got %d %s, in net/http %s", name, sent, status, got, want)
			}
		}
	}
}

// A header that the application has taken away is gone, however the body comes.
func TestHeadersTakenAway(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{Principal: userOf})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.Use("/*", func(c fiber.Ctx) error {
		c.Request().Header.Del("X-User")
		return c.Next()
	}, tenancyfiber.Middleware(gate))
	app.All("/*", func(c fiber.Ctx) error { return c.SendString(fmt.Sprint(middleware.PrincipalFromContext(c.Context()))) })
	address := strings.TrimPrefix(listen(t, app), "http://")
	for _, body := range []string{"Content-Length: 1\r\n\r\na", "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-User: jo\r\n\r\n"} {
		if status, got := answer(t, address, "POST / HTTP/1.1\r\nHost: a\r\nX-Tenant-ID: acme\r\nX-User: jo\r\n"+body); got != "<nil>" {
			t.Errorf("%q: got %d %s", body, status, got)
		}
	}
}

// userOf is a Principal as behind a gateway that says who has sent a request.
func userOf(r *http.Request) any {
	if user := r.Header.Get("X-User"); user != "" {
		return user
	}
	return nil
}

// answer sends a request as it is and returns what is answered.
func answer(t *testing.T, address, request string) (status int, body string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	response, err := http.ReadResponse(bufio.NewReader(conn), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	read, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, string(read)
}
