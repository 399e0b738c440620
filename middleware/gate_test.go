package middleware_test

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

func newGate(tb testing.TB, lookup tenancy.Lookup, cfg middleware.Config) *middleware.Gate {
	tb.Helper()
	gate, err := middleware.NewGate(lookup, byHeader(tb), cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return gate
}

// What a middleware of another framework is told.
func TestAdmission(t *testing.T) {
	t.Parallel()
	down := &tenants{always: tenancy.ErrUnavailable}
	members := middleware.Config{
		Principal: func(*http.Request) any { return "jo" },
		Authorize: func(context.Context, any, tenancy.Tenant) error { return nil },
		Excluded:  []string{"/health"},
	}
	for name, test := range map[string]struct {
		lookup  tenancy.Lookup
		cfg     middleware.Config
		request *http.Request
		outcome tenancy.Outcome
		reason  middleware.Reason
		err     error
	}{
		"served":      {newTenants(), members, request(t, "/", "acme"), tenancy.OutcomeServed, 0, nil},
		"excluded":    {newTenants(), members, request(t, "/health"), tenancy.OutcomeServed, 0, nil},
		"unknown":     {newTenants(), members, request(t, "/", "unknown"), tenancy.OutcomeRefused, middleware.ReasonNotFound, tenancy.ErrNotFound},
		"malformed":   {newTenants(), members, request(t, "/", "ACME"), tenancy.OutcomeRefused, middleware.ReasonNotFound, tenancy.ErrInvalidIdentifier},
		"suspended":   {newTenants(), members, request(t, "/", "suspended"), tenancy.OutcomeRefused, middleware.ReasonSuspended, tenancy.ErrInactive},
		"unavailable": {down, members, request(t, "/", "acme"), tenancy.OutcomeUnavailable, middleware.ReasonUnavailable, tenancy.ErrUnavailable},
	} {
		a := newGate(t, test.lookup, test.cfg).Admit(test.request)
		if a.Outcome() != test.outcome || (a.Refusal == nil) != (a.Request != nil) {
			t.Errorf("%s: got %+v", name, a)
		}
		header := a.Header()
		if a.Refusal == nil {
			if (a.Tenant.ID == "") != (name == "excluded") || len(header) > 1 {
				t.Errorf("%s: the tenant is %v, and the headers %v", name, a.Tenant, header)
			}
			continue
		}
		if a.Refusal.Reason != test.reason || !errors.Is(a.Refusal.Err, test.err) || a.Tenant.ID != "" {
			t.Errorf("%s: got %+v", name, a.Refusal)
		}
		if a.Refusal.Problem().Status == 0 || header.Get("Content-Type") != "application/problem+json" ||
			header.Get("Vary") != "X-Tenant-Id, X-Tenancy-Uid, Cookie, Authorization" {
			t.Errorf("%s: got %+v with %v", name, a.Refusal.Problem(), header)
		}
	}
}

// What a caller does to an Admission's headers and body is not seen by the next.
func TestAdmissionIsTheCallers(t *testing.T) {
	t.Parallel()
	gate := newGate(t, newTenants(), middleware.Config{})
	for range 2 {
		a := gate.Admit(request(t, "/", "unknown"))
		body, header := a.Refusal.Body(), a.Header()
		if string(body) != notFound || header.Get("Vary") != "X-Tenant-Id, X-Tenancy-Uid" {
			t.Errorf("got %s with %v", body, header)
		}
		body[0], header["Vary"][0] = 'x', "x"
	}
}

// A resolver that cannot say is no refusal, and is not mistaken for one.
func TestResolverThatFails(t *testing.T) {
	t.Parallel()
	for _, failure := range []error{tenancy.ErrUnavailable, context.Canceled, context.DeadlineExceeded} {
		gate, err := middleware.NewGate(newTenants(), says{err: failure}, middleware.Config{})
		if err != nil {
			t.Fatal(err)
		}
		if a := gate.Admit(request(t, "/")); a.Outcome() != tenancy.OutcomeUnavailable || !errors.Is(a.Refusal.Err, failure) {
			t.Errorf("%v: got %+v", failure, a.Refusal)
		}
	}
}

// watcher remembers what it was told.
type watcher struct {
	tenancy.NopObserver
	ended []tenancy.RequestEnd
	in    []tenancy.ID // the tenant in the context at the end
}

type watchedKey struct{}

func (w *watcher) RequestStart(ctx context.Context) context.Context {
	return context.WithValue(ctx, watchedKey{}, true)
}

func (w *watcher) RequestEnd(ctx context.Context, e tenancy.RequestEnd) {
	tenant, _ := tenancy.FromContext(ctx)
	if ctx.Value(watchedKey{}) == true {
		w.ended, w.in = append(w.ended, e), append(w.in, tenant.ID)
	}
}

func TestObserver(t *testing.T) {
	t.Parallel()
	w := &watcher{}
	cfg := middleware.Config{Observer: w, Excluded: []string{"/health"}, Principal: byUserHeader, Authorize: members}
	gate := newGate(t, newTenants(), cfg)
	for _, sent := range []string{"acme", "globex", "unknown", "suspended"} {
		r := request(t, "/", sent)
		r.Header.Set("X-User", "jo")
		if a := gate.Admit(r); a.Request != nil && a.Request.Context().Value(watchedKey{}) == nil {
			t.Errorf("%s: the handler's context is not the observer's", sent)
		}
	}
	gate.Admit(request(t, "/health"))
	var got []string
	for i, end := range w.ended {
		got = append(got, string(end.Outcome)+" "+string(end.Tenant.ID)+" "+string(w.in[i]))
		if (end.Err == nil) != (end.Outcome == tenancy.OutcomeServed) || end.Took < 0 {
			t.Errorf("told of %+v", end)
		}
	}
	want := []string{"served id of acme id of acme", "refused id of globex ", "refused  ", "refused id of suspended "}
	if !slices.Equal(got, want) {
		t.Errorf("told of %q, want %q", got, want)
	}
}
