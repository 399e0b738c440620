package middleware_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// tenants is a Lookup in memory that remembers what it was asked.
type tenants struct {
	byIdentifier map[string]tenancy.Tenant
	fails        map[string]error
	always       error // fails all
	lookups      atomic.Int64
	last         atomic.Value // of string
}

func (l *tenants) ByIdentifier(_ context.Context, identifier string) (tenancy.Tenant, error) {
	l.lookups.Add(1)
	l.last.Store(identifier)
	if l.always != nil {
		return tenancy.Tenant{}, l.always
	}
	if err := l.fails[identifier]; err != nil {
		return tenancy.Tenant{}, err
	}
	t, ok := l.byIdentifier[identifier]
	if !ok {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return t, nil
}

func (l *tenants) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	for identifier, t := range l.byIdentifier {
		if t.ID == id {
			return l.ByIdentifier(ctx, identifier)
		}
	}
	return l.ByIdentifier(ctx, "")
}

// newTenants returns a lookup with a tenant in every state. The active ones are acme and globex.
func newTenants() *tenants {
	l := &tenants{
		byIdentifier: map[string]tenancy.Tenant{},
		fails:        map[string]error{"broken": tenancy.ErrInvalidTenant, "frozen": tenancy.ErrInactive},
	}
	for identifier, status := range map[string]tenancy.Status{
		"acme": tenancy.StatusActive, "globex": tenancy.StatusActive, "provisioning": tenancy.StatusProvisioning,
		"suspended": tenancy.StatusSuspended, "deleted": tenancy.StatusDeleted, "no-status": "", "odd-status": "unheard-of",
	} {
		l.byIdentifier[identifier] = tenancy.Tenant{ID: tenancy.ID("id of " + identifier), Identifier: identifier, Name: identifier, Status: status}
	}
	return l
}

// byHeader is the resolver that most tests use.
func byHeader(tb testing.TB) middleware.Resolver {
	tb.Helper()
	return middleware.Header(middleware.HeaderName)
}

// wrap returns next behind a tenant handler.
func wrap(tb testing.TB, lookup tenancy.Lookup, resolver middleware.Resolver, cfg middleware.Config, next http.HandlerFunc) http.Handler {
	tb.Helper()
	wrapper, err := middleware.New(lookup, resolver, cfg)
	if err != nil {
		tb.Fatal(err)
	}
	return wrapper(next)
}

// request returns one whose tenant header says what is sent, if anything is.
func request(tb testing.TB, path string, sent ...string) *http.Request {
	tb.Helper()
	r := httptest.NewRequestWithContext(tb.Context(), http.MethodGet, path, nil)
	if sent != nil {
		r.Header["X-Tenant-Id"] = sent
	}
	return r
}

// whoAmI answers with the tenant it runs for.
func whoAmI(w http.ResponseWriter, r *http.Request) {
	t, err := tenancy.FromContext(r.Context())
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	_, _ = w.Write([]byte(t.ID))
}
