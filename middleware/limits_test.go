package middleware_test

import (
	"bytes"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/observe"
	"github.com/entenancy/tenancy/ratelimit"
)

// tenantLimit allows n requests of each tenant in an hour.
func tenantLimit(t *testing.T, n int) *ratelimit.Tenants {
	t.Helper()
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := ratelimit.NewTenants(local, ratelimit.PerHour(n), ratelimit.TenantsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

// clientLimit allows n probes of each client in an hour.
func clientLimit(t *testing.T, n int) *ratelimit.Clients {
	t.Helper()
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	limiter, err := ratelimit.NewClients(local, ratelimit.PerHour(n))
	if err != nil {
		t.Fatal(err)
	}
	return limiter
}

const limited = `{"type":"about:blank","title":"Too Many Requests","status":429,"detail":"too many requests"}`

// limiterSays is a limiter that always says the same.
type limiterSays struct {
	ratelimit.Result
	err error
}

func (l limiterSays) Allow(context.Context, tenancy.Tenant) (ratelimit.Result, error) {
	return l.Result, l.err
}

func TestLimitOfATenant(t *testing.T) {
	t.Parallel()
	h := wrap(t, newTenants(), byHeader(t), middleware.Config{Limiter: tenantLimit(t, 3)}, whoAmI)
	serve := func(sent string) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, request(t, "/", sent))
		return w
	}
	for i, remaining := range []string{"2", "1", "0"} {
		w := serve("acme")
		header := w.Header()
		if w.Code != http.StatusOK || header.Get("Ratelimit-Limit") != "3" || header.Get("Ratelimit-Remaining") != remaining ||
			header.Get("Ratelimit-Policy") != `"tenant";q=3` || header.Get("Retry-After") != "" {
			t.Errorf("request %d: got %d with %v", i+1, w.Code, header)
		}
	}
	over := serve("acme")
	if over.Code != http.StatusTooManyRequests || over.Body.String() != limited || over.Header().Get("Retry-After") == "" {
		t.Errorf("one too many: got %d %s with %v", over.Code, over.Body, over.Header())
	}
	if w := serve("globex"); w.Code != http.StatusOK {
		t.Errorf("another tenant: got %d", w.Code)
	}
	for _, sent := range []string{"unknown", "suspended"} {
		if w := serve(sent); w.Code != http.StatusNotFound || w.Header().Get("Ratelimit-Limit") != "" {
			t.Errorf("%s: got %d with %v", sent, w.Code, w.Header())
		}
	}
}

// Seconds are rounded up, and what is not allowed now is not allowed in no time.
func TestLimitHeaders(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		result                        ratelimit.Result
		status                        int
		field, reset, remaining, wait string
	}{
		{ratelimit.Result{Allowed: true}, http.StatusOK, "", "", "", ""},
		{ratelimit.Result{Allowed: true, Limit: 9, Remaining: 8, ResetAfter: 1}, http.StatusOK, `"tenant";r=8;t=1`, "1", "8", ""},
		{ratelimit.Result{Allowed: true, Limit: 9, Remaining: 9}, http.StatusOK, `"tenant";r=9;t=0`, "0", "9", ""},
		{ratelimit.Result{Limit: 9, ResetAfter: 90 * time.Second, RetryAfter: 1500 * time.Millisecond}, 429, `"tenant";r=0;t=90`, "90", "0", "2"},
		{ratelimit.Result{Limit: 9, RetryAfter: 2 * time.Second}, 429, `"tenant";r=0;t=0`, "0", "0", "2"},
		{ratelimit.Result{Limit: 9}, 429, `"tenant";r=0;t=0`, "0", "0", "1"},
	} {
		w := httptest.NewRecorder()
		wrap(t, newTenants(), byHeader(t), middleware.Config{Limiter: limiterSays{Result: test.result}}, whoAmI).ServeHTTP(w, request(t, "/", "acme"))
		h := w.Header()
		if w.Code != test.status || h.Get("Ratelimit") != test.field || h.Get("Ratelimit-Reset") != test.reset ||
			h.Get("Ratelimit-Remaining") != test.remaining || h.Get("Retry-After") != test.wait {
			t.Errorf("%+v: got %d with %v", test.result, w.Code, h)
		}
	}
}

// A limiter that fails is no reason to tell a client that it sends too much.
func TestLimiterThatFails(t *testing.T) {
	t.Parallel()
	w := httptest.NewRecorder()
	cfg := middleware.Config{Limiter: limiterSays{err: tenancy.ErrLimiterUnavailable, Result: ratelimit.Result{Allowed: true}}}
	wrap(t, newTenants(), byHeader(t), cfg, whoAmI).ServeHTTP(w, request(t, "/", "acme"))
	if w.Code != http.StatusServiceUnavailable {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
}

// Every kind of refusal is a probe, and they all end at the same number.
func TestProbes(t *testing.T) {
	t.Parallel()
	for name, sent := range refusals() {
		lookup := newTenants()
		h := wrap(t, lookup, byHeader(t), middleware.Config{Probes: clientLimit(t, 3)}, whoAmI)
		serve := func(peer string, sent ...string) *httptest.ResponseRecorder {
			r := request(t, "/", sent...)
			r.RemoteAddr = peer
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			return w
		}
		for i, want := range []int{http.StatusNotFound, http.StatusNotFound, http.StatusNotFound, http.StatusTooManyRequests} {
			serve("192.0.2.7:1", "acme") // costs nothing
			if w := serve("192.0.2.7:2", sent...); w.Code != want || w.Header().Get("Ratelimit-Limit") != "" || (w.Header().Get("Retry-After") != "") != (i == 3) {
				t.Errorf("%s, probe %d: got %d with %v, want %d", name, i+1, w.Code, w.Header(), want)
			}
		}
		before := lookup.lookups.Load()
		for _, sent := range [][]string{sent, {"acme"}, {"unknown"}} {
			if w := serve("192.0.2.7:3", sent...); w.Code != http.StatusTooManyRequests || w.Body.String() != limited {
				t.Errorf("%s, held off: got %d %s", name, w.Code, w.Body)
			}
		}
		if n := lookup.lookups.Load() - before; n != 0 {
			t.Errorf("%s: %d lookups for a client that is held off", name, n)
		}
		if w := serve("192.0.2.8:1", "acme"); w.Code != http.StatusOK {
			t.Errorf("%s: another client got %d", name, w.Code)
		}
	}
}

// A client is one however many addresses of its network it uses, and whatever it
// says in headers.
func TestProbesOfOneClient(t *testing.T) {
	t.Parallel()
	for name, peers := range map[string][]string{
		"IPv6": {"[2001:db8::1]:1", "[2001:db8::2]:1", "[2001:db8::ffff]:1"},
		"IPv4": {"192.0.2.7:1", "[::ffff:192.0.2.7]:1", "192.0.2.7:9"},
	} {
		gate := newGate(t, newTenants(), middleware.Config{Probes: clientLimit(t, 1)})
		for i, peer := range peers {
			r := request(t, "/", "unknown")
			r.RemoteAddr = peer
			r.Header.Set("X-Forwarded-For", "198.51.100."+string(rune('1'+i)))
			if a := gate.Admit(r); (a.Outcome() == tenancy.OutcomeLimited) != (i > 0) {
				t.Errorf("%s, %s: got %s", name, peer, a.Outcome())
			}
		}
	}
	gate := newGate(t, newTenants(), middleware.Config{Probes: clientLimit(t, 1)})
	for range 3 {
		r := request(t, "/", "unknown")
		r.RemoteAddr = "@" // a Unix socket: nobody in particular
		if a := gate.Admit(r); a.Outcome() != tenancy.OutcomeRefused {
			t.Errorf("no address: got %s", a.Outcome())
		}
	}
}

// probesSay is a limiter of clients that always says the same.
type probesSay struct {
	ratelimit.Result
	err error
}

func (p probesSay) Allow(context.Context, netip.Addr) (ratelimit.Result, error) {
	return p.Result, p.err
}

// Who was held off is not any more when the time is over, and nobody is if the
// limiter fails.
func TestProbesEnd(t *testing.T) {
	t.Parallel()
	gate := newGate(t, newTenants(), middleware.Config{Probes: probesSay{Result: ratelimit.Result{RetryAfter: time.Nanosecond}}})
	for range 2 {
		if a := gate.Admit(request(t, "/", "unknown")); a.Outcome() != tenancy.OutcomeLimited || a.Refusal.RetryAfter != time.Nanosecond {
			t.Errorf("got %s, %+v", a.Outcome(), a.Refusal)
		}
		if a := gate.Admit(request(t, "/", "acme")); a.Outcome() != tenancy.OutcomeServed {
			t.Errorf("got %s after the time was over", a.Outcome())
		}
	}
	gate = newGate(t, newTenants(), middleware.Config{Probes: probesSay{err: errors.New("down"), Result: ratelimit.Result{RetryAfter: time.Hour}}})
	for range 2 {
		if a := gate.Admit(request(t, "/", "unknown")); a.Outcome() != tenancy.OutcomeRefused {
			t.Errorf("got %s from a limiter that fails", a.Outcome())
		}
	}
}

// Requests over a limit are told apart from others in metrics and traces.
func TestLimitedByName(t *testing.T) {
	t.Parallel()
	never := probesSay{Result: ratelimit.Result{RetryAfter: time.Hour}}
	w := &watcher{}
	gate := newGate(t, newTenants(), middleware.Config{Probes: never, Observer: w})
	for range 2 { // the probe, and one that is held off
		gate.Admit(request(t, "/", "unknown"))
	}
	tenants := newGate(t, newTenants(), middleware.Config{Limiter: tenantLimit(t, 1), Observer: w})
	for range 2 {
		tenants.Admit(request(t, "/", "acme"))
	}
	var got []string
	for _, end := range w.ended {
		got = append(got, observe.ErrorType(end.Err))
	}
	if want := []string{"rate_limited", "rate_limited", "", "rate_limited"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// A limiter that fails is an error, and none where the client's context is over.
func TestProbesThatFailInTheLog(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for want, ctx := range map[string]context.Context{"level=ERROR": t.Context(), "level=DEBUG": gone} {
		var log bytes.Buffer
		gate := newGate(t, newTenants(), middleware.Config{
			Probes: probesSay{err: errors.New("down")},
			Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug})),
		})
		gate.Admit(request(t, "/", "unknown").WithContext(ctx))
		if !strings.Contains(log.String(), want+` msg="tenancy: limiter of probes failed"`) {
			t.Errorf("want %s in the log: %s", want, &log)
		}
	}
}

type named struct{}

func (named) String() string { return "flo" }

func TestActor(t *testing.T) {
	t.Parallel()
	for want, principal := range map[string]any{"jo": jwt.MapClaims{"sub": "jo"}, "lo": "lo", "flo": named{}, "": 42} {
		cfg := behindProxies(middleware.XForwarded)
		cfg.Principal, cfg.Actor = func(*http.Request) any { return principal }, middleware.PrincipalName
		r := forwarded(t, "10.0.0.1:1", "X-Tenant-ID: acme", "User-Agent: curl", "X-Forwarded-For: 192.0.2.7")
		wrap(t, newTenants(), byHeader(t), cfg, func(_ http.ResponseWriter, r *http.Request) {
			if got := audit.ActorFromContext(r.Context()); got != (audit.Actor{Principal: want, ClientAddr: "192.0.2.7", UserAgent: "curl"}) {
				t.Errorf("the actor is %+v, want %q", got, want)
			}
		}).ServeHTTP(httptest.NewRecorder(), r)
	}
	for _, principal := range []any{nil, jwt.MapClaims{"sub": 42}} {
		if got := middleware.PrincipalName(principal); got != "" {
			t.Errorf("%v has the name %q", principal, got)
		}
	}
}
