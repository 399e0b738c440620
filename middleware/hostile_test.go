package middleware_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy/middleware"
)

// hostile are requests as they go over the wire, of which no resolver may make
// acme's. A "%s" stands for what makes a good one, so that a resolver that
// refuses all is noticed.
func hostile(t *testing.T) map[string]struct {
	resolver middleware.Resolver
	good     string
	bad      []string
} {
	t.Helper()
	const get, host = "GET / HTTP/1.1\r\n", "Host: a\r\n"
	megabyte := strings.Repeat("a", 1<<20-100) // net/http reads 1 MiB and a bit
	long := strings.Repeat("a", 100<<10)
	good := "Authorization: Bearer " + token(t, jwt.SigningMethodHS256, []byte(secret), good()) + "\r\n"
	return map[string]struct {
		resolver middleware.Resolver
		good     string
		bad      []string
	}{
		"header": {middleware.Header("X-Tenant-ID"), get + host + "X-Tenant-ID: acme\r\n", []string{
			get + host + "X-Tenant-ID: acme\r\nX-Tenant-ID: globex\r\n",
			get + host + "X-Tenant-ID: acme\r\nx-tenant-id: unknown\r\n",
			get + host + "X-Tenant-ID: acme, acme\r\n",
			get + host + "X-Tenant-ID: " + megabyte + "\r\n",
			get + host + "X-Tenant-ID: acme%00\r\n",
			get + host + "X-Tenant-ID: \xe2\x80\xaeacme\r\n",
			get + host + "X_Tenant_ID: acme\r\n",
			get + host + "X-Tenant-ID: =?utf-8?q?acme?=\r\n",
			"GET /?X-Tenant-ID=acme HTTP/1.1\r\n" + host,
			"POST / HTTP/1.1\r\n" + host + "Connection: close\r\nTransfer-Encoding: chunked\r\nTrailer: X-Tenant-ID\r\n\r\n0\r\nX-Tenant-ID: acme\r\n",
		}},
		"subdomain": {middleware.Subdomain("example.com"), get + "Host: ACME.example.com.:80\r\n", []string{
			get + "Host: acme.evil.example.com\r\n",
			get + "Host: acme.example.com.evil.org\r\n",
			get + "Host: acme.example.com:80:80\r\n",
			get + "Host: acme.example.com@evil.org\r\n",
			get + "Host: evil.org\r\nX-Forwarded-Host: acme.example.com\r\nForwarded: host=acme.example.com\r\n",
			get + "Host: [::1]\r\nX-Host: acme.example.com\r\n",
			get + "Host: xn--acme-.example.com\r\n",
			get + "Host: " + megabyte + ".example.com\r\n",
			"GET http://evil.org/ HTTP/1.1\r\nHost: acme.example.com\r\n",
			"GET http://acme.example.com@evil.org/ HTTP/1.1\r\nHost: acme.example.com\r\n",
			"GET //acme.example.com/ HTTP/1.1\r\nHost: evil.org\r\n",
			"GET http:acme.example.com HTTP/1.1\r\nHost: evil.org\r\n",
		}},
		"path": {middleware.Path("/t"), "GET /t/acme/a%2Fb HTTP/1.1\r\n" + host, []string{
			"GET //t/acme HTTP/1.1\r\n" + host,
			"GET /t//acme HTTP/1.1\r\n" + host,
			"GET /t/acme//evil.org HTTP/1.1\r\n" + host,
			"GET /t/%61cme HTTP/1.1\r\n" + host,
			"GET /t%2facme HTTP/1.1\r\n" + host,
			"GET /t/acme%2f..%2fglobex HTTP/1.1\r\n" + host,
			"GET /t/acme/../globex HTTP/1.1\r\n" + host,
			"GET /t/acme/%2e%2e/globex HTTP/1.1\r\n" + host,
			"GET /x/../t/acme HTTP/1.1\r\n" + host,
			"GET /t/acme%00 HTTP/1.1\r\n" + host,
			"GET /t/acme%0d%0aX-Injected:1 HTTP/1.1\r\n" + host,
			"GET /t/acme;globex/ HTTP/1.1\r\n" + host,
			"GET /t/ACME HTTP/1.1\r\n" + host,
			"GET /t/" + long + " HTTP/1.1\r\n" + host,
			"GET /?/t/acme HTTP/1.1\r\n" + host,
		}},
		"cookie": {middleware.Cookie("tenant"), get + host + "Cookie: tenant=acme\r\n", []string{
			get + host + "Cookie: tenant=acme; tenant=globex\r\n",
			get + host + "Cookie: tenant=acme\r\nCookie: tenant=globex\r\n",
			get + host + "Cookie: tenant=%61cme\r\n",
			get + host + "Cookie: Tenant=acme\r\n",
			get + host + "Cookie: tenant=" + long + "\r\n",
		}},
		"query": {middleware.Query("tenant"), "GET /?tenant=acme HTTP/1.1\r\n" + host, []string{
			"GET /?tenant=acme&tenant=globex HTTP/1.1\r\n" + host,
			"GET /?tenant=acme;tenant=globex HTTP/1.1\r\n" + host,
			"GET /?tenant=acme&a=% HTTP/1.1\r\n" + host,
			"GET /?tenant=acme%00 HTTP/1.1\r\n" + host,
			"GET /?tenant=" + long + " HTTP/1.1\r\n" + host,
			"GET /%3ftenant=acme HTTP/1.1\r\n" + host,
		}},
		"token": {middleware.JWT(hmacConfig()), get + host + good, []string{
			get + host + good + good,
			get + host + strings.ReplaceAll(good, ".", ".."),
			get + host + "Authorization: Bearer " + long + "\r\n",
			get + host + "Authorization: Bearer " + strings.Repeat(".", 100<<10) + "\r\n",
			get + host + "Authorization: Basic YWNtZQ==\r\n",
			get + host + "Proxy-" + good,
			get + host + "Cookie: " + good,
		}},
	}
}

// All of it is answered alike, after one lookup, by a real server.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	for name, test := range hostile(t) {
		lookup := newTenants()
		server := httptest.NewServer(wrap(t, lookup, test.resolver, middleware.Config{}, whoAmI))
		t.Cleanup(server.Close)
		send := func(request string) string {
			return exchange(t, server.Listener.Addr().String(), request+"Connection: close\r\n\r\n")
		}
		if got := send(test.good); !strings.HasSuffix(got, "id of acme") {
			t.Errorf("%s: acme is answered\n%s", name, got)
		}
		nothing := send("GET /nothing HTTP/1.1\r\nHost: nothing\r\n")
		if !strings.HasSuffix(nothing, notFound) {
			t.Errorf("%s: nothing is answered\n%s", name, nothing)
		}
		for _, request := range test.bad {
			before := lookup.lookups.Load()
			got := send(request)
			if strings.HasPrefix(got, "HTTP/1.1 400 Bad Request") && lookup.lookups.Load() == before {
				continue // net/http itself does not have it
			}
			if got != nothing || lookup.lookups.Load() != before+1 {
				t.Errorf("%s: %.100q after %d lookups is answered\n%s\nand others\n%s", name, request, lookup.lookups.Load()-before, got, nothing)
			}
		}
	}
}

// Two Host headers are one too many for net/http already.
func TestTwoHosts(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(wrap(t, newTenants(), middleware.Subdomain("example.com"), middleware.Config{}, whoAmI))
	t.Cleanup(server.Close)
	got := exchange(t, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost: globex.example.com\r\n\r\n")
	if !strings.HasPrefix(got, "HTTP/1.1 400 Bad Request") {
		t.Errorf("answered\n%s", got)
	}
}
