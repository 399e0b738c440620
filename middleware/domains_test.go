package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// domains is a DomainLookup in memory that remembers how often it was asked.
type domains struct {
	of    map[string]string
	fails error
	asked []string
}

func (d *domains) IdentifierByDomain(_ context.Context, domain string) (string, error) {
	d.asked = append(d.asked, domain)
	if d.fails != nil {
		return "", d.fails
	}
	if identifier, ok := d.of[domain]; ok {
		return identifier, nil
	}
	return "", tenancy.ErrNotFound
}

func TestHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"shop.acme.test": "acme", "SHOP.Acme.Test.:443": "acme", "xn--bcher-kva.test": "globex",
		"acme.test": "", "www.shop.acme.test": "", "shop.acme.test.evil.org": "", "": "", "[::1]:80": "", "127.0.0.1": "",
		"shop.acme.test:evil": refused, "shop..acme.test": refused, "shop.acme.test%00": refused, strings.Repeat("a", 1<<20): refused,
	} {
		lookup := &domains{of: map[string]string{"shop.acme.test": "acme", "xn--bcher-kva.test": "globex", "": "acme"}}
		checkResolver(t, middleware.Host(lookup), &http.Request{Host: host, URL: &url.URL{}}, want)
		if len(lookup.asked) != 1 {
			t.Errorf("%.50q: %d lookups of domains, want 1", host, len(lookup.asked))
		}
	}
	checkRefusedByNew(t, "middleware: Host: domains", middleware.Host(nil))
}

// A lookup of domains that fails is answered as one of tenants that does.
func TestHostThatFails(t *testing.T) {
	t.Parallel()
	down := errors.New("no route to host")
	gate, err := middleware.NewGate(newTenants(), middleware.Host(&domains{fails: down}), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"shop.acme.test", "", "a..b"} {
		r := request(t, "/")
		r.Host = host
		if a := gate.Admit(r); a.Outcome() != tenancy.OutcomeUnavailable || !errors.Is(a.Refusal.Err, down) {
			t.Errorf("%q: got %s", host, a.Outcome())
		}
	}
}

func TestHostThroughAProxy(t *testing.T) {
	t.Parallel()
	lookup := &domains{of: map[string]string{"shop.acme.test": "acme"}}
	w := httptest.NewRecorder()
	wrap(t, newTenants(), middleware.Host(lookup), behindProxies(middleware.XForwarded), whoAmI).
		ServeHTTP(w, forwarded(t, "10.0.0.1:1", "X-Forwarded-Host: shop.acme.test"))
	if w.Body.String() != "id of acme" {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// What a lookup of domains is asked for is a domain, or nothing.
func FuzzHost(f *testing.F) {
	for host := range hosts() {
		f.Add(host)
	}
	f.Fuzz(func(t *testing.T, host string) {
		lookup := &domains{}
		_, _ = middleware.Host(lookup).Resolve(&http.Request{Host: host, URL: &url.URL{}})
		if len(lookup.asked) != 1 || len(lookup.asked[0]) > 253 || strings.Trim(lookup.asked[0], "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
			t.Errorf("%q: asked for %q", host, lookup.asked)
		}
	})
}
