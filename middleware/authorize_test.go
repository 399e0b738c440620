package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

var errStranger = errors.New("no member")

// members says who may act for which tenants: jo for acme and those that are
// not active, down for nobody knows.
func members(ctx context.Context, principal any, tenant tenancy.Tenant) error {
	switch {
	case principal == "down":
		return tenancy.ErrUnavailable
	case principal == "late":
		return context.DeadlineExceeded
	case principal == "jo" && tenant.Identifier != "globex":
		return ctx.Err()
	default:
		return errStranger
	}
}

// byUserHeader stands for an application's authentication.
func byUserHeader(r *http.Request) any {
	if user := r.Header.Get("X-User"); user != "" {
		return user
	}
	return nil
}

func TestAuthorize(t *testing.T) {
	t.Parallel()
	const forbidden = `{"type":"about:blank","title":"Forbidden","status":403,"detail":"the tenant is suspended"}`
	const unavailable = `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the tenant cannot be looked up at the moment"}`
	for _, test := range []struct {
		user, tenant string
		status       int
		body         string
	}{
		{"jo", "acme", http.StatusOK, "id of acme"},
		{"jo", "globex", http.StatusNotFound, notFound},
		{"jo", "unknown", http.StatusNotFound, notFound},
		{"jo", "ACME", http.StatusNotFound, notFound},
		{"jo", "suspended", http.StatusForbidden, forbidden},
		{"jo", "deleted", http.StatusNotFound, notFound},
		{"jo", "provisioning", http.StatusNotFound, notFound},
		{"jo", "odd-status", http.StatusNotFound, notFound},
		{"flo", "acme", http.StatusNotFound, notFound},
		{"flo", "suspended", http.StatusNotFound, notFound},
		{"flo", "unknown", http.StatusNotFound, notFound},
		{"", "acme", http.StatusNotFound, notFound},
		{"", "suspended", http.StatusNotFound, notFound},
		{"down", "acme", http.StatusServiceUnavailable, unavailable},
		{"down", "unknown", http.StatusServiceUnavailable, unavailable},
		{"down", "ACME", http.StatusServiceUnavailable, unavailable},
		{"late", "suspended", http.StatusServiceUnavailable, unavailable},
	} {
		lookup := newTenants()
		w := httptest.NewRecorder()
		r := request(t, "/", test.tenant)
		r.Header.Set("X-User", test.user)
		wrap(t, lookup, byHeader(t), middleware.Config{Principal: byUserHeader, Authorize: members}, func(w http.ResponseWriter, r *http.Request) {
			if got := middleware.PrincipalFromContext(r.Context()); got != "jo" {
				t.Errorf("the handler's principal is %v", got)
			}
			whoAmI(w, r)
		}).ServeHTTP(w, r)
		if w.Code != test.status || w.Body.String() != test.body || lookup.lookups.Load() != 1 {
			t.Errorf("%q as %q: got %d %s after %d lookups", test.user, test.tenant, w.Code, w.Body, lookup.lookups.Load())
		}
	}
}

// Authorize is asked alike whether there is such a tenant or not, so that its
// time tells nothing.
func TestAuthorizeIsAskedForEveryRequest(t *testing.T) {
	t.Parallel()
	for name, sent := range refusals() {
		var asked []tenancy.Tenant
		cfg := middleware.Config{Principal: byUserHeader, Authorize: func(_ context.Context, _ any, tenant tenancy.Tenant) error {
			asked = append(asked, tenant)
			return nil
		}}
		r := request(t, "/", sent...)
		r.Header.Set("X-User", "jo")
		w := httptest.NewRecorder()
		wrap(t, newTenants(), byHeader(t), cfg, whoAmI).ServeHTTP(w, r)
		if want := map[bool]int{true: http.StatusForbidden, false: http.StatusNotFound}[name == "suspended"]; len(asked) != 1 || w.Code != want {
			t.Errorf("%s: asked for %v, answered %d", name, asked, w.Code)
		}
	}
}

// A tenant that the lookup has for those that name none is nobody's.
func TestAuthorizeIsNotAskedForTheDefault(t *testing.T) {
	t.Parallel()
	lookup := newTenants()
	lookup.byIdentifier[""] = lookup.byIdentifier["suspended"]
	cfg := middleware.Config{Principal: byUserHeader, Authorize: func(_ context.Context, _ any, tenant tenancy.Tenant) error {
		if tenant.ID != "" {
			t.Errorf("asked for %v", tenant)
		}
		return nil
	}}
	r := request(t, "/")
	r.Header.Set("X-User", "jo")
	w := httptest.NewRecorder()
	wrap(t, lookup, byHeader(t), cfg, whoAmI).ServeHTTP(w, r)
	if w.Code != http.StatusNotFound {
		t.Errorf("got %d", w.Code)
	}
}

// The resolver's proof counts where the configuration names no other.
func TestPrincipalOfTheResolver(t *testing.T) {
	t.Parallel()
	byToken := says{middleware.Resolution{Identifier: "acme", Principal: "jo"}, nil}
	for user, cfg := range map[any]middleware.Config{
		"jo":  {},
		"flo": {Principal: func(*http.Request) any { return "flo" }},
		nil:   {Principal: func(*http.Request) any { return nil }},
	} {
		var asked any
		cfg.Authorize = func(_ context.Context, principal any, _ tenancy.Tenant) error {
			asked = principal
			return nil
		}
		w := httptest.NewRecorder()
		wrap(t, newTenants(), byToken, cfg, whoAmI).ServeHTTP(w, request(t, "/"))
		if asked != user || (w.Code == http.StatusOK) != (user != nil) {
			t.Errorf("%v: asked for %v, answered %d", user, asked, w.Code)
		}
	}
}

// user is what an application's session knows.
type user struct{ name string }

// String would panic for nobody, as many methods do.
func (u *user) String() string { return u.name }

// A nil of a type of the application's is nobody, like nil itself: it comes from
// functions that return a pointer.
func TestTypedNilIsNobody(t *testing.T) {
	t.Parallel()
	for name, nobody := range map[string]any{
		"nil": nil, "pointer": (*user)(nil), "claims": jwt.MapClaims(nil), "function": (func())(nil), "slice": []string(nil), "channel": (chan int)(nil),
	} {
		asked := 0
		authorize := func(context.Context, any, tenancy.Tenant) error {
			asked++
			return nil
		}
		byFunction := middleware.Config{Principal: func(*http.Request) any { return nobody }, Authorize: authorize}
		byResolver := middleware.ResolverFunc(func(*http.Request) (middleware.Resolution, error) {
			return middleware.Resolution{Identifier: "acme", Principal: nobody}, nil
		})
		for _, handler := range []http.Handler{
			wrap(t, newTenants(), byHeader(t), byFunction, whoAmI),
			wrap(t, newTenants(), byResolver, middleware.Config{Authorize: authorize}, whoAmI),
		} {
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, request(t, "/", "acme"))
			if w.Code != http.StatusNotFound || w.Body.String() != notFound || asked != 0 {
				t.Errorf("%s: answered %d, Authorize was asked %d times", name, w.Code, asked)
			}
		}
		byFunction.Authorize, byFunction.Actor = nil, middleware.PrincipalName
		wrap(t, newTenants(), byHeader(t), byFunction, func(_ http.ResponseWriter, r *http.Request) {
			if got := middleware.PrincipalFromContext(r.Context()); got != nil {
				t.Errorf("%s: the handler's principal is %v", name, got)
			}
		}).ServeHTTP(httptest.NewRecorder(), request(t, "/", "acme"))
	}
}

// A resolver that knows nobody leaves it to the next one, also by a typed nil.
func TestTypedNilOfOneResolver(t *testing.T) {
	t.Parallel()
	first := says{middleware.Resolution{Identifier: "acme", Principal: (*user)(nil)}, nil}
	second := says{middleware.Resolution{Identifier: "acme", Principal: "jo"}, nil}
	cfg := middleware.Config{Authorize: members}
	w := httptest.NewRecorder()
	wrap(t, newTenants(), middleware.Agree(first, second), cfg, whoAmI).ServeHTTP(w, request(t, "/"))
	if w.Code != http.StatusOK {
		t.Errorf("got %d", w.Code)
	}
}

// A principal that is empty, and not nil, is somebody.
func TestEmptyIsSomebody(t *testing.T) {
	t.Parallel()
	for _, somebody := range []any{"", 0, false, user{}, &user{}, jwt.MapClaims{}} {
		cfg := middleware.Config{
			Principal: func(*http.Request) any { return somebody },
			Authorize: func(context.Context, any, tenancy.Tenant) error { return nil },
		}
		w := httptest.NewRecorder()
		wrap(t, newTenants(), byHeader(t), cfg, whoAmI).ServeHTTP(w, request(t, "/", "acme"))
		if w.Code != http.StatusOK {
			t.Errorf("%#v: got %d", somebody, w.Code)
		}
	}
}

// The log says what the client is not told.
func TestAuthorizeInTheLog(t *testing.T) {
	t.Parallel()
	for user, want := range map[string]string{"flo": "no member", "": "not authenticated", "down": "not available"} {
		var log bytes.Buffer
		cfg := middleware.Config{
			Principal: byUserHeader, Authorize: members, Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		}
		r := request(t, "/", "acme")
		r.Header.Set("X-User", user)
		wrap(t, newTenants(), byHeader(t), cfg, whoAmI).ServeHTTP(httptest.NewRecorder(), r)
		if !strings.Contains(log.String(), want) {
			t.Errorf("%q: the log says %s", user, &log)
		}
	}
}
