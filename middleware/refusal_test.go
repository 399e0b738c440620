package middleware_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// refusals are requests that are not for an active tenant, by their headers.
func refusals() map[string][]string {
	return map[string][]string{
		"nothing":        nil,
		"unknown":        {"unknown"},
		"provisioning":   {"provisioning"},
		"suspended":      {"suspended"},
		"deleted":        {"deleted"},
		"no status":      {"no-status"},
		"odd status":     {"odd-status"},
		"broken row":     {"broken"},
		"lookup refuses": {"frozen"},
		"empty":          {""},
		"blank":          {" \t"},
		"space":          {" acme"},
		"short":          {"ac"},
		"long":           {strings.Repeat("a", 64)},
		"a megabyte":     {strings.Repeat("a", 1<<20)},
		"upper case":     {"ACME"},
		"newline":        {"acme\n"},
		"NUL":            {"acme\x00"},
		"not UTF-8":      {"acme\xff"},
		"look-alike":     {"аcme"},
		"list":           {"acme, acme"},
		"markup":         {"<script>alert(1)</script>"},
		"injection":      {"acme' OR '1'='1"},
		"path":           {"../acme"},
		"encoded":        {"%61cme"},
		"two tenants":    {"acme", "globex"},
		"two cases":      {"acme", "Acme"},
		"first empty":    {"", "acme"},
		"last empty":     {"acme", ""},
	}
}

// Nobody can tell from the answer why a request was refused, nor by what was
// looked up: all are answered alike, byte for byte.
func TestRefusalsAreAlike(t *testing.T) {
	t.Parallel()
	for _, method := range []string{http.MethodGet, http.MethodPost, http.MethodHead, http.MethodOptions} {
		var want string
		for name, sent := range refusals() {
			lookup := newTenants()
			h := wrap(t, lookup, byHeader(t), middleware.Config{}, func(http.ResponseWriter, *http.Request) {
				t.Errorf("%s: the handler ran", name)
			})
			r := httptest.NewRequestWithContext(t.Context(), method, "/orders?q=1", strings.NewReader("body"))
			if sent != nil {
				r.Header["X-Tenant-Id"] = sent
			}
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)

			got := dump(t, w.Result())
			if want == "" {
				want = got
			}
			if got != want {
				t.Errorf("%s %s: answered\n%s\nand others\n%s", method, name, got, want)
			}
			if n := lookup.lookups.Load(); n != 1 {
				t.Errorf("%s %s: %d lookups, want 1", method, name, n)
			}
		}
	}
}

func dump(t *testing.T, response *http.Response) string {
	t.Helper()
	var b bytes.Buffer
	if err := response.Write(&b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

func TestRefusalIsAProblemDocument(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	wrap(t, newTenants(), byHeader(t), middleware.Config{}, whoAmI).ServeHTTP(w, request(t, "/"))

	const want = `{"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}`
	if w.Code != http.StatusNotFound || w.Body.String() != want {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	for name, want := range map[string]string{
		"Content-Type": "application/problem+json", "Content-Length": fmt.Sprint(len(want)), "Cache-Control": "no-store",
		"X-Content-Type-Options": "nosniff", "Vary": "X-Tenant-Id, X-Tenancy-Uid",
	} {
		if got := w.Header().Values(name); len(got) != 1 || got[0] != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// What is no identifier never gets near the lookup.
func TestLookupIsAskedForIdentifiersOnly(t *testing.T) {
	t.Parallel()
	for name, sent := range refusals() {
		lookup := newTenants()
		r := request(t, "/", sent...)
		wrap(t, lookup, byHeader(t), middleware.Config{}, whoAmI).ServeHTTP(httptest.NewRecorder(), r)
		if asked := lookup.last.Load().(string); asked != "" && tenancy.ValidateIdentifier(asked) != nil {
			t.Errorf("%s: the lookup was asked for %.20q", name, asked)
		}
	}
}

// A lookup that has a tenant for those that name none does not get it served.
func TestNoTenantByDefault(t *testing.T) {
	t.Parallel()
	lookup := newTenants()
	lookup.byIdentifier[""] = lookup.byIdentifier["acme"]
	refused := errors.New("refused")
	for name, resolver := range map[string]middleware.Resolver{
		"nothing": byHeader(t),
		"an identifier and an error": middleware.ResolverFunc(func(*http.Request) (middleware.Resolution, error) {
			return middleware.Resolution{Identifier: "acme"}, refused
		}),
	} {
		w := httptest.NewRecorder()
		wrap(t, lookup, resolver, middleware.Config{}, whoAmI).ServeHTTP(w, request(t, "/"))
		if w.Code != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", name, w.Code, w.Body)
		}
	}
}

// The same over a connection, where net/http has its own say about requests.
func TestRefusalsAreAlikeOnTheWire(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(wrap(t, newTenants(), byHeader(t), middleware.Config{}, whoAmI))
	t.Cleanup(server.Close)
	var want string
	for name, header := range map[string]string{
		"nothing":     "",
		"unknown":     "X-Tenant-ID: unknown\r\n",
		"deleted":     "X-Tenant-ID: deleted\r\n",
		"suspended":   "x-tenant-id:suspended\r\n",
		"upper case":  "X-TENANT-ID: ACME\r\n",
		"empty":       "X-Tenant-ID:\r\n",
		"two tenants": "X-Tenant-ID: acme\r\nX-Tenant-ID: globex\r\n",
		"other name":  "X-Tenant: acme\r\nX_Tenant_ID: acme\r\n",
		"markup":      "X-Tenant-ID: <b>acme</b>\r\n",
	} {
		got := exchange(t, server.Listener.Addr().String(), "GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"+header+"\r\n")
		if want == "" {
			want = got
		}
		if got != want || !strings.Contains(got, "404 Not Found") {
			t.Errorf("%s: answered\n%s\nand others\n%s", name, got, want)
		}
	}
}

// notFound is the body of all refusals.
const notFound = `{"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}`

// exchange sends a request as it is and returns the response as it comes, but for its date.
func exchange(t *testing.T, address, request string) string {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	var lines []string
	for scan := bufio.NewScanner(conn); scan.Scan(); {
		if !strings.HasPrefix(scan.Text(), "Date: ") {
			lines = append(lines, scan.Text())
		}
	}
	return strings.Join(lines, "\n")
}

// When nobody knows about tenants, all requests are told so: also those that
// would have been refused anyway, and also for the first time.
func TestLookupThatFails(t *testing.T) {
	t.Parallel()
	failures := map[string]error{
		"down": errors.New("dial tcp 10.0.0.1: hidden"), "cancelled": context.Canceled, "late": context.DeadlineExceeded,
		"empty": tenancy.ErrNoTenant,
	}
	for name, failure := range failures {
		for sender, sent := range refusals() {
			lookup := &tenants{always: failure}
			r := request(t, "/", sent...)
			w := httptest.NewRecorder()
			wrap(t, lookup, byHeader(t), middleware.Config{}, whoAmI).ServeHTTP(w, r)

			const want = `{"type":"about:blank","title":"Service Unavailable","status":503,"detail":"the tenant cannot be looked up at the moment"}`
			if w.Code != http.StatusServiceUnavailable || w.Body.String() != want || w.Header().Get("Content-Type") != "application/problem+json" {
				t.Errorf("%s, %s: got %d %s", name, sender, w.Code, w.Body)
			}
			if n := lookup.lookups.Load(); n != 1 {
				t.Errorf("%s, %s: %d lookups, want 1", name, sender, n)
			}
		}
	}
}

// A lookup that returns nonsense is one that fails, not one that serves.
func TestLookupThatReturnsNoTenant(t *testing.T) {
	t.Parallel()
	for _, id := range []tenancy.ID{"", "a\x00", " "} {
		lookup := newTenants()
		lookup.byIdentifier["acme"] = tenancy.Tenant{ID: id, Identifier: "acme", Status: tenancy.StatusActive}
		w := httptest.NewRecorder()
		r := request(t, "/", "acme")
		wrap(t, lookup, byHeader(t), middleware.Config{}, func(http.ResponseWriter, *http.Request) {
			t.Errorf("id %q: the handler ran", id)
		}).ServeHTTP(w, r)
		if w.Code != http.StatusServiceUnavailable {
			t.Errorf("id %q: got %d %s", id, w.Code, w.Body)
		}
	}
}

func TestLog(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	late, done := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer done()
	for name, test := range map[string]struct {
		sent string
		ctx  context.Context
		fail error
		want []string
	}{
		"nothing":         {"", t.Context(), nil, []string{"DEBUG", "invalid tenant identifier"}},
		"unknown":         {"unknown", t.Context(), nil, []string{"DEBUG", "not found"}},
		"suspended":       {"suspended", t.Context(), nil, []string{"DEBUG", "not active", "id of suspended"}},
		"broken":          {"broken", t.Context(), nil, []string{"ERROR", "invalid tenant"}},
		"down":            {"acme", t.Context(), errors.New("no route to host"), []string{"ERROR", "lookup failed", "no route to host"}},
		"late":            {"acme", t.Context(), context.DeadlineExceeded, []string{"ERROR", "lookup failed", "deadline"}},
		"client's late":   {"acme", late, context.DeadlineExceeded, []string{"DEBUG", "lookup failed", "deadline"}},
		"client gone":     {"acme", gone, context.Canceled, []string{"DEBUG", "lookup failed"}},
		"hostile request": {"<b>hidden</b>\n", t.Context(), nil, []string{"DEBUG", "invalid tenant identifier"}},
		"active":          {"acme", t.Context(), nil, nil},
	} {
		var log bytes.Buffer
		logger := slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
		lookup := newTenants()
		lookup.always = test.fail
		r := request(t, "/?hidden").WithContext(test.ctx)
		r.Header.Set(middleware.HeaderName, test.sent)
		r.Header.Set("Authorization", "Bearer hidden")
		wrap(t, lookup, byHeader(t), middleware.Config{Logger: logger}, whoAmI).ServeHTTP(httptest.NewRecorder(), r)

		if lines := strings.Count(log.String(), "\n"); lines != min(1, len(test.want)) {
			t.Errorf("%s: %d lines in the log: %s", name, lines, &log)
		}
		for _, want := range test.want {
			if !strings.Contains(log.String(), want) {
				t.Errorf("%s: no %q in the log: %s", name, want, &log)
			}
		}
		if strings.Contains(log.String(), "hidden") {
			t.Errorf("%s: the log repeats the request: %s", name, &log)
		}
	}
}

func TestOtherAnswers(t *testing.T) {
	t.Parallel()
	cfg := middleware.Config{
		NotFound:    middleware.Problem{Status: http.StatusBadRequest, Type: "https://example.com/no-tenant"},
		Unavailable: middleware.Problem{Status: http.StatusBadGateway, Title: "Later", Detail: `"soon"`},
	}
	down := newTenants()
	down.always = errors.New("down")
	for want, lookup := range map[string]*tenants{
		`{"type":"https://example.com/no-tenant","title":"Bad Request","status":400,"detail":"tenant not found"}`: newTenants(),
		`{"type":"about:blank","title":"Later","status":502,"detail":"\"soon\""}`:                                 down,
	} {
		w := httptest.NewRecorder()
		wrap(t, lookup, byHeader(t), cfg, whoAmI).ServeHTTP(w, request(t, "/"))
		var p middleware.Problem
		if err := json.Unmarshal(w.Body.Bytes(), &p); err != nil || w.Code != p.Status || w.Body.String() != want {
			t.Errorf("got %d %s (%v), want %s", w.Code, w.Body, err, want)
		}
	}
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	t.Parallel()
	lookup, resolver := newTenants(), byHeader(t)
	for want, build := range map[string]func() (func(http.Handler) http.Handler, error){
		"lookup": func() (func(http.Handler) http.Handler, error) {
			return middleware.New(nil, resolver, middleware.Config{})
		},
		"resolver": func() (func(http.Handler) http.Handler, error) {
			return middleware.New(lookup, nil, middleware.Config{})
		},
		"ResolverFunc": func() (func(http.Handler) http.Handler, error) {
			return middleware.New(lookup, middleware.ResolverFunc(nil), middleware.Config{})
		},
		"Config.NotFound.Status": func() (func(http.Handler) http.Handler, error) {
			return middleware.New(lookup, resolver, middleware.Config{NotFound: middleware.Problem{Status: http.StatusOK}})
		},
		"Config.Unavailable.Status": func() (func(http.Handler) http.Handler, error) {
			return middleware.New(lookup, resolver, middleware.Config{Unavailable: middleware.Problem{Status: http.StatusNotFound}})
		},
	} {
		wrapper, err := build()
		if wrapper != nil || err == nil || !strings.HasPrefix(err.Error(), "middleware: ") || !strings.Contains(err.Error(), want) {
			t.Errorf("got %v, want an error that names %s", err, want)
		}
	}
}

// A client that gives up while its tenant is looked up takes the lookup with it.
func TestLookupGetsTheContextOfTheRequest(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
	defer cancel()
	r := request(t, "/").WithContext(ctx)
	w := httptest.NewRecorder()
	wrap(t, waits{}, byHeader(t), middleware.Config{}, whoAmI).ServeHTTP(w, r)
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d", w.Code)
	}
}

// waits is a Lookup that takes until its context is over.
type waits struct{ *tenants }

func (waits) ByIdentifier(ctx context.Context, _ string) (tenancy.Tenant, error) {
	<-ctx.Done()
	return tenancy.Tenant{}, ctx.Err()
}
