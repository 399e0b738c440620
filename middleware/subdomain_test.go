package middleware_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// hosts are what a client can send as its host, and whom they are for below example.com.
func hosts() map[string]string {
	long := strings.Repeat("a", 63)
	return map[string]string{
		"acme.example.com":                        "acme",
		"acme.example.com:8080":                   "acme",
		"acme.example.com:":                       "acme",
		"acme.example.com.":                       "acme",
		"acme.example.com.:8080":                  "acme",
		"ACME.Example.COM":                        "acme",
		long + ".example.com":                     long,
		"example.com":                             "",
		"EXAMPLE.COM.:443":                        "",
		"www.example.com":                         "",
		"WWW.example.com":                         "",
		"api.example.com:80":                      "",
		"status.example.com":                      "",
		"":                                        "",
		"localhost":                               "",
		"localhost:8080":                          "",
		"my_service:8080":                         "",
		"127.0.0.1":                               "",
		"127.0.0.1:8080":                          "",
		"[::1]":                                   "",
		"[::1]:8080":                              "",
		"[fe80::1%25eth0]:8080":                   "",
		"acme.example.org":                        "",
		"acme.example.com.evil.org":               "",
		"acmeexample.com":                         "",
		"acme-example.com":                        "",
		"evil.acme.example.com":                   refused,
		"acme.evil.example.com":                   refused,
		"www.acme.example.com":                    refused,
		"xn--acme-abc.example.com":                refused,
		"XN--80AK6AA92E.example.com":              refused,
		".example.com":                            refused,
		"acme..example.com":                       refused,
		"acme.example.com..":                      refused,
		"-acme.example.com":                       refused,
		"acme-.example.com":                       refused,
		"a" + long + ".example.com":               refused,
		"acme.example.com:80:80":                  refused,
		"acme.example.com:evil":                   refused,
		"evil.org:80@acme.example.co":             refused,
		"user@acme.example.com":                   refused,
		"acme%2eexample.com":                      refused,
		"acme.example.com%00":                     refused,
		"acme!.example.com":                       refused,
		strings.Repeat("a.", 200) + "example.com": refused,
	}
}

func TestSubdomain(t *testing.T) {
	t.Parallel()
	for _, suffix := range []string{"example.com", ".example.com", "Example.COM"} {
		resolver := middleware.Subdomain(suffix, "status")
		for host, want := range hosts() {
			checkResolver(t, resolver, raw(t, forHost(host)), want)
		}
	}
}

// What net/http's parser lets nobody send, other code can put into a request.
func TestSubdomainOfOddHosts(t *testing.T) {
	t.Parallel()
	for _, host := range []string{
		"аcme.example.com", "acme\u212a.example.com", "acme。example.com", "acme.example.com\n", "acme\x00.example.com", "a cme.example.com",
		"acme.example.com:８０", "acme/.example.com", `acme\.example.com`, "acme.example.com\xff",
	} {
		checkResolver(t, middleware.Subdomain("example.com"), &http.Request{Host: host, URL: &url.URL{}}, refused)
	}
}

// The host that counts is that of the target, if the target has one (RFC 9112 §3.2.2).
func TestSubdomainOfAbsoluteTarget(t *testing.T) {
	t.Parallel()
	r := raw(t, "GET http://acme.example.com/orders HTTP/1.1\r\nHost: globex.example.com\r\n\r\n")
	checkResolver(t, middleware.Subdomain("example.com"), r, "acme")
}

func TestSubdomainThatCannotBe(t *testing.T) {
	t.Parallel()
	checkRefusedByNew(t, "middleware: Subdomain: suffix", middleware.Subdomain(""), middleware.Subdomain("."), middleware.Subdomain("*.example.com"),
		middleware.Subdomain("exämple.com"), middleware.Subdomain("example.com."), middleware.Subdomain("example.com:80"),
		middleware.Subdomain("..example.com"), middleware.Subdomain("[::1]"))
	checkRefusedByNew(t, "middleware: Subdomain: reserved", middleware.Subdomain("example.com", "Admin"), middleware.Subdomain("example.com", "a.b"),
		middleware.Subdomain("example.com", ""), middleware.Subdomain("example.com", "ä"))
}

// A host is for a tenant if it is that of the tenant's URL, and for no other.
func FuzzSubdomain(f *testing.F) {
	for host := range hosts() {
		f.Add(host)
	}
	resolver := middleware.Subdomain("example.com")
	f.Fuzz(func(t *testing.T, host string) {
		got, err := resolver.Resolve(&http.Request{Host: host, URL: &url.URL{}})
		if err != nil || tenancy.ValidateIdentifier(got.Identifier) != nil {
			return
		}
		rest, ok := strings.CutPrefix(strings.ToLower(host), got.Identifier+".example.com")
		rest = strings.Trim(strings.TrimPrefix(strings.TrimPrefix(rest, "."), ":"), "0123456789")
		if !ok || rest != "" || got.Identifier == "www" || got.Identifier == "api" {
			t.Errorf("%q is said to be for %q", host, got.Identifier)
		}
	})
}
