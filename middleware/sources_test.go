package middleware_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

func TestCookie(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"":                                             "",
		"Cookie: tenant=acme":                          "acme",
		"cookie: a=b; tenant=acme; c=d":                "acme",
		`Cookie: tenant="acme"`:                        "acme",
		"Cookie: tenant=acme; tenant=acme":             "acme",
		"Cookie: Tenant=acme":                          "",
		"Cookie: xtenant=acme; tenantx=acme":           "",
		"Cookie: tenant":                               refused,
		"Cookie: tenant=":                              refused,
		"Cookie: tenant=acme; tenant=globex":           refused,
		"Cookie: tenant=acme\r\nCookie: tenant=globex": refused,
		"Cookie: tenant=; tenant=acme":                 refused,
		"Cookie: tenant=acme, tenant=globex":           "acme, tenant=globex", // no identifier
		"Set-Cookie: tenant=acme":                      "",
	} {
		checkResolver(t, middleware.Cookie("tenant"), raw(t, "GET / HTTP/1.1\r\nHost: a\r\n"+sent+"\r\n\r\n"), want)
	}
	checkRefusedByNew(t, "middleware: Cookie: name", middleware.Cookie(""), middleware.Cookie("a=b"), middleware.Cookie("a b"), middleware.Cookie("ä;"))
	if got := middleware.Cookie("tenant").Vary(); !slices.Equal(got, []string{"Cookie"}) {
		t.Errorf("it varies by %q", got)
	}
}

func TestQuery(t *testing.T) {
	t.Parallel()
	for sent, want := range map[string]string{
		"/":                            "",
		"/?":                           "",
		"/?tenant=acme":                "acme",
		"/?a=b&tenant=acme&c":          "acme",
		"/?tenant=acme&tenant=acme":    "acme",
		"/?%74enant=%61cme":            "acme", // there is one way to read a parameter
		"/?Tenant=acme":                "",
		"/?tenant[]=acme":              "",
		"/tenant=acme":                 "",
		"/?tenant":                     refused,
		"/?tenant=":                    refused,
		"/?tenant=acme&tenant=globex":  refused,
		"/?tenant=acme&%74enant=other": refused,
		"/?tenant=acme;tenant=globex":  refused,
		"/?tenant=acme&a=%":            refused,
		"/?tenant=acme&a=%zz":          refused,
		"/?tenant=acme%00":             "acme\x00", // no identifier
		"/?" + strings.Repeat("tenant=acme&", 10_000) + "tenant=globex": refused,
	} {
		checkResolver(t, middleware.Query("tenant"), raw(t, forTarget(sent)), want)
	}
	form := "POST / HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 11\r\n\r\ntenant=acme"
	checkResolver(t, middleware.Query("tenant"), raw(t, form), "")
	checkRefusedByNew(t, "middleware: Query: name", middleware.Query(""))
}

// All that names the parameter names the same tenant, whoever reads the query.
func FuzzQuery(f *testing.F) {
	for _, sent := range []string{"tenant=acme", "tenant=acme&tenant=globex", "tenant=acme;tenant=b", "a=%&tenant=acme", "%74enant=acme"} {
		f.Add(sent)
	}
	resolver := middleware.Query("tenant")
	f.Fuzz(func(t *testing.T, sent string) {
		got, err := resolver.Resolve(&http.Request{URL: &url.URL{RawQuery: sent}})
		if err != nil || tenancy.ValidateIdentifier(got.Identifier) != nil {
			return
		}
		for pair := range strings.FieldsFuncSeq(sent, func(c rune) bool { return c == '&' || c == ';' }) {
			name, value, _ := strings.Cut(pair, "=")
			name, errName := url.QueryUnescape(name)
			value, errValue := url.QueryUnescape(value)
			if errName != nil || errValue != nil || name == "tenant" && value != got.Identifier {
				t.Errorf("%q is said to be for %q", sent, got.Identifier)
			}
		}
	})
}

func FuzzCookie(f *testing.F) {
	for _, sent := range []string{"tenant=acme", "tenant=acme; tenant=globex", `tenant="acme"`, "tenant=acme,tenant=b", "tenant"} {
		f.Add(sent)
	}
	resolver := middleware.Cookie("tenant")
	f.Fuzz(func(t *testing.T, sent string) {
		got, err := resolver.Resolve(&http.Request{Header: http.Header{"Cookie": {sent}}})
		if err != nil || tenancy.ValidateIdentifier(got.Identifier) != nil {
			return
		}
		for pair := range strings.SplitSeq(sent, ";") {
			name, value, _ := strings.Cut(strings.Trim(pair, " \t\r\n"), "=")
			other := strings.Trim(strings.TrimSpace(value), `"`)
			if name == "tenant" && tenancy.ValidateIdentifier(other) == nil && other != got.Identifier {
				t.Errorf("%q is said to be for %q", sent, got.Identifier)
			}
		}
	})
}
