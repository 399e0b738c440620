package middlewaretest

import (
	"net/http"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/entenancy/tenancy/ratelimit"
)

// quota is how many requests a tenant may send in these tests, in an hour.
const quota = 2

// limits holds tenants to the quota.
func limits(t *testing.T) func(*Setup) {
	t.Helper()
	local, err := ratelimit.NewLocal(ratelimit.LocalConfig{})
	if err != nil {
		t.Fatal(err)
	}
	tenants, err := ratelimit.NewTenants(local, ratelimit.Limit{Rate: quota, Period: time.Hour}, ratelimit.TenantsConfig{})
	if err != nil {
		t.Fatal(err)
	}
	return func(s *Setup) { s.Config.Limiter = tenants }
}

// limited refuses the request after the last one, and says when to come back.
func limited(t *testing.T, serve Serve) {
	f := start(t, serve, limits(t))
	for left := quota - 1; left >= 0; left-- {
		got := f.get(t, "/tenant", "acme")
		if !got.is(http.StatusOK, idOf("acme")) || got.header.Get("RateLimit-Remaining") != strconv.Itoa(left) {
			t.Errorf("got %d %q with %q requests left, want %d", got.status, got.body, got.header.Get("RateLimit-Remaining"), left)
		}
	}
	got := f.get(t, "/tenant", "acme")
	if got.status != http.StatusTooManyRequests || got.header.Get("RateLimit-Remaining") != "0" || got.body == idOf("acme") {
		t.Errorf("one too many: got %d %v %q", got.status, got.header, got.body)
	}
	if after, err := strconv.Atoi(got.header.Get("Retry-After")); err != nil || after < 1 || after > 3600/quota {
		t.Errorf("one too many: Retry-After is %q, want up to half an hour", got.header.Get("Retry-After"))
	}
	if got := f.get(t, "/tenant", "globex"); !got.is(http.StatusOK, idOf("globex")) {
		t.Errorf("another tenant: got %d %q", got.status, got.body)
	}
}

// rpcLimited is the same for procedures.
func rpcLimited(t *testing.T, serve ServeRPC) {
	c := startRPC(t, serve, limits(t))
	for range quota {
		got := c.get(t, "acme")
		if !got.is(idOf("acme")) || !strings.Contains(strings.ToLower(got.Rest), "ratelimit-remaining") {
			t.Errorf("got %+v, want an answer that says what is left", got)
		}
	}
	got := c.get(t, "acme")
	if got.Code != codeResourceExhausted || got.RetryAfter <= 0 || got.RetryAfter > time.Hour/quota {
		t.Errorf("one too many: got %+v, want that it may be tried again within half an hour", got)
	}
	if got := c.get(t, "globex"); !got.is(idOf("globex")) {
		t.Errorf("another tenant: got %+v", got)
	}
}
