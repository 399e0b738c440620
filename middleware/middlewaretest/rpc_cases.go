package middlewaretest

import (
	"errors"
	"strings"
	"sync"
	"testing"
)

// rpcServed has the tenant in the procedure's context, and leaves its errors alone.
func rpcServed(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, nil)
	for _, identifier := range []string{"acme", "globex", "acme"} {
		if got := c.get(t, identifier); !got.is(idOf(identifier)) {
			t.Errorf("%s: got %+v", identifier, got)
		}
	}
	if n := c.lookups(); n != 3 {
		t.Errorf("%d lookups, want one for each call", n)
	}
	got := c.call(t.Context(), Procedure, TextError, header("acme"))
	if got.Code != CodeApp || got.Message != ErrApp.Error() {
		t.Errorf("an error of the application came out as %+v", got)
	}
	c.wantOutside(t, 4)
}

// rpcRefused answers all strangers alike.
func rpcRefused(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, nil)
	want := c.get(t)
	if want.Code != codeNotFound || want.Message != "tenant not found" {
		t.Fatalf("got %+v, want that it is not found", want)
	}
	for name, sent := range refusals() {
		before := c.lookups()
		for _, text := range []string{"", TextError} {
			if got := c.call(t.Context(), Procedure, text, header(sent...)); got != want {
				t.Errorf("%s: got %+v, want %+v", name, got, want)
			}
		}
		if n := c.lookups() - before; n != 2 {
			t.Errorf("%s: %d lookups for two calls", name, n)
		}
	}
}

// rpcUnavailable answers every call alike when nobody knows about tenants.
func rpcUnavailable(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, nil)
	c.fail(errors.New("dial tcp 10.0.0.1: hidden"))
	want := c.get(t, "acme")
	if want.Code != codeUnavailable || strings.Contains(want.Message, "hidden") {
		t.Fatalf("got %+v, want that it is unavailable and not why", want)
	}
	for name, sent := range refusals() {
		if got := c.get(t, sent...); got != want {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// rpcMembership serves members only, and tells only members that their tenant is suspended.
func rpcMembership(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, members)
	if got := c.as(t, "acme", "acme"); !got.is(idOf("acme")) {
		t.Errorf("a member got %+v", got)
	}
	if got := c.as(t, "suspended", "suspended"); got.Code != codePermissionDenied {
		t.Errorf("a member of a suspended tenant got %+v, want that it is denied", got)
	}
	want := c.get(t)
	for name, got := range map[string]Reply{
		"a stranger":                       c.as(t, "globex", "acme"),
		"nobody":                           c.get(t, "acme"),
		"a stranger to a suspended tenant": c.as(t, "acme", "suspended"),
		"a member of a deleted tenant":     c.as(t, "deleted", "deleted"),
	} {
		if got != want || got.Code != codeNotFound {
			t.Errorf("%s: got %+v, want %+v", name, got, want)
		}
	}
}

// rpcExcluded serves procedures of an excluded service without a tenant.
func rpcExcluded(t *testing.T, serve ServeRPC) {
	service, _, _ := strings.Cut(strings.TrimPrefix(OpenProcedure, "/"), "/")
	c := startRPC(t, serve, func(s *Setup) { s.Config.Excluded = []string{"/" + service + "/"} })
	for _, sent := range [][]string{nil, {"acme"}, {"unknown"}} {
		if got := c.call(t.Context(), OpenProcedure, "", header(sent...)); !got.is(noTenant) {
			t.Errorf("excluded, for %q: got %+v", sent, got)
		}
	}
	if got := c.get(t); got.Code != codeNotFound {
		t.Errorf("not excluded: got %+v", got)
	}
}

// rpcAtOnce has many tenants on one connection, none of which may see another.
func rpcAtOnce(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, nil)
	var wg sync.WaitGroup
	for i := range many {
		identifier := numbered(i)
		wg.Go(func() {
			for range 3 {
				if got := c.get(t, identifier); !got.is(idOf(identifier)) {
					t.Errorf("%s: got %+v", identifier, got)
				}
			}
		})
	}
	wg.Wait()
}
