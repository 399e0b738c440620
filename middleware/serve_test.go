package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

func TestActiveTenantIsServed(t *testing.T) {
	t.Parallel()
	for name, sent := range map[string][]string{"once": {"acme"}, "twice the same": {"acme", "acme"}} {
		lookup := newTenants()
		r := request(t, "/", sent...)
		w := httptest.NewRecorder()
		wrap(t, lookup, byHeader(t), middleware.Config{}, whoAmI).ServeHTTP(w, r)
		if w.Code != http.StatusOK || w.Body.String() != "id of acme" || lookup.lookups.Load() != 1 {
			t.Errorf("%s: got %d %s after %d lookups", name, w.Code, w.Body, lookup.lookups.Load())
		}
		if _, err := tenancy.FromContext(r.Context()); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Errorf("%s: the request has a tenant outside of the tenant handler: %v", name, err)
		}
	}
}

// What was in the context is there, but for another tenant or a System scope.
func TestContextIsKept(t *testing.T) {
	t.Parallel()
	type key struct{}
	for name, outer := range map[string]context.Context{
		"no tenant": t.Context(),
		"tenant":    tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "outer"}),
		"system":    tenancy.System(t.Context(), "test"),
	} {
		r := request(t, "/").WithContext(context.WithValue(outer, key{}, "kept"))
		r.Header.Set(middleware.HeaderName, "acme")
		wrap(t, newTenants(), byHeader(t), middleware.Config{}, func(_ http.ResponseWriter, inner *http.Request) {
			if got, err := tenancy.FromContext(inner.Context()); err != nil || got.ID != "id of acme" {
				t.Errorf("%s: got %v and %v", name, got, err)
			}
			if inner.Context().Value(key{}) != "kept" {
				t.Errorf("%s: a value of the context is lost", name)
			}
		}).ServeHTTP(httptest.NewRecorder(), r)
	}
}

func TestResponseWriterAndPanicPassThrough(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	r := request(t, "/", "acme")
	h := wrap(t, newTenants(), byHeader(t), middleware.Config{}, func(inner http.ResponseWriter, _ *http.Request) {
		if inner != http.ResponseWriter(w) {
			t.Errorf("the handler got a %T", inner)
		}
		inner.WriteHeader(http.StatusTeapot)
		panic(http.ErrAbortHandler)
	})
	defer func() {
		if got := recover(); got != http.ErrAbortHandler { //nolint:errorlint // the very value that was thrown
			t.Errorf("the panic came out as %v", got)
		}
		if w.Code != http.StatusTeapot || w.Body.Len() > 0 {
			t.Errorf("the response came out as %d %s", w.Code, w.Body)
		}
	}()
	h.ServeHTTP(w, r)
}

// Streaming, deadlines and taking the connection over need the server's own ResponseWriter.
func TestConnectionFeaturesPassThrough(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	mux := http.NewServeMux()
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		controller := http.NewResponseController(w)
		if err := controller.SetWriteDeadline(time.Now().Add(time.Minute)); err != nil {
			t.Error(err)
		}
		whoAmI(w, r)
		if err := controller.Flush(); err != nil {
			t.Error(err)
		}
		<-release // until the client has read the first half
		whoAmI(w, r)
	})
	mux.HandleFunc("/upgrade", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		defer func() { _ = conn.Close() }()
		tenant, err := tenancy.FromContext(r.Context())
		_, _ = fmt.Fprintf(conn, "HTTP/1.1 101 Switching Protocols\r\n\r\n%s %v", tenant.ID, err)
	})
	server := httptest.NewServer(wrap(t, newTenants(), byHeader(t), middleware.Config{}, mux.ServeHTTP))
	t.Cleanup(server.Close)

	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+"/stream", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set(middleware.HeaderName, "acme")
	response, err := server.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body := bufio.NewReader(response.Body)
	half := make([]byte, len("id of acme"))
	if _, err := io.ReadFull(body, half); err != nil || string(half) != "id of acme" {
		t.Errorf("the first half is %q (%v)", half, err)
	}
	close(release)
	if rest, err := io.ReadAll(body); err != nil || string(rest) != "id of acme" {
		t.Errorf("the second half is %q (%v)", rest, err)
	}

	got := exchange(t, server.Listener.Addr().String(), "GET /upgrade HTTP/1.1\r\nHost: a\r\nX-Tenant-ID: acme\r\n\r\n")
	if want := "HTTP/1.1 101 Switching Protocols\n\nid of acme <nil>"; got != want {
		t.Errorf("the connection said %q, want %q", got, want)
	}
}

// 100 tenants at once, none of which may see another.
func TestManyTenantsAtOnce(t *testing.T) {
	t.Parallel()
	lookup := newTenants()
	for i := range 100 {
		identifier := fmt.Sprintf("tenant-%d", i)
		lookup.byIdentifier[identifier] = tenancy.Tenant{ID: tenancy.ID("id of " + identifier), Identifier: identifier, Status: tenancy.StatusActive}
	}
	h := wrap(t, lookup, byHeader(t), middleware.Config{}, whoAmI)
	var wg sync.WaitGroup
	for i := range 100 {
		wg.Go(func() {
			identifier := fmt.Sprintf("tenant-%d", i)
			for range 100 {
				w := httptest.NewRecorder()
				r := request(t, "/", identifier)
				h.ServeHTTP(w, r)
				if got := w.Body.String(); got != "id of "+identifier {
					t.Errorf("%s was answered %q", identifier, got)
				}
			}
		})
	}
	wg.Wait()
}

// One tenant handler may be wrapped around several handlers.
func TestWrapperIsReusable(t *testing.T) {
	t.Parallel()
	wrapper, err := middleware.New(newTenants(), byHeader(t), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var served strings.Builder
	say := func(s string) http.Handler {
		return wrapper(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { served.WriteString(s) }))
	}
	a, b := say("a"), say("b")
	r := request(t, "/", "acme")
	for _, h := range []http.Handler{a, b, a} {
		h.ServeHTTP(httptest.NewRecorder(), r)
	}
	if served.String() != "aba" {
		t.Errorf("served %q", served.String())
	}
}
