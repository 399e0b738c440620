package metrics_test

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"reflect"
	"sync"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

func newCollector(tb testing.TB, config metrics.Config) *metrics.Collector {
	tb.Helper()
	c, err := metrics.NewCollector(config)
	if err != nil {
		tb.Fatal(err)
	}
	return c
}

func scopeOf(tb testing.TB, ctx context.Context) *tenancy.Scope { //nolint:revive // it is what is asked
	tb.Helper()
	s, err := tenancy.ScopeFromContext(ctx)
	if err != nil {
		tb.Fatal(err)
	}
	return s
}

func tenantOf(tb testing.TB, id tenancy.ID) *tenancy.Scope {
	tb.Helper()
	return scopeOf(tb, tenancy.NewContext(tb.Context(), tenancy.Tenant{ID: id}))
}

// statement tells of one.
func statement(tb testing.TB, o tenancy.Observer, scope *tenancy.Scope, operation tenancy.Operation, took time.Duration, err error) {
	tb.Helper()
	start := tenancy.StatementStart{Scope: scope, Operation: operation, Isolation: tenancy.IsolationRLS}
	if scope.System() {
		start.Isolation = ""
	}
	o.StatementEnd(o.StatementStart(tb.Context(), start), tenancy.StatementEnd{Start: start, Took: took, Err: err})
}

func TestCollectorCounts(t *testing.T) {
	t.Parallel()
	c := newCollector(t, metrics.Config{Tenants: 1})
	system := scopeOf(t, tenancy.System(t.Context(), "a test"))
	acme, other := tenantOf(t, "acme"), tenantOf(t, "globex")
	statement(t, c, acme, tenancy.OperationQuery, time.Millisecond, nil)
	statement(t, c, acme, tenancy.OperationQuery, time.Hour, errors.New("no"))
	statement(t, c, other, tenancy.OperationExec, 2*time.Second, fmt.Errorf("driver: %w", tenancy.ErrCrossTenant))
	statement(t, c, system, tenancy.OperationBegin, 0, nil)
	c.SystemScope(t.Context(), system)
	ctx := c.RequestStart(t.Context())
	c.RequestEnd(ctx, tenancy.RequestEnd{Tenant: tenancy.Tenant{ID: "acme"}, Outcome: tenancy.OutcomeServed, Took: time.Second})
	c.RequestEnd(ctx, tenancy.RequestEnd{Tenant: tenancy.Tenant{ID: "globex"}, Outcome: tenancy.OutcomeLimited})
	c.RequestEnd(ctx, tenancy.RequestEnd{Outcome: tenancy.OutcomeRefused, Err: tenancy.ErrNotFound})
	c.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "provision"})
	c.Lifecycle(ctx, tenancy.LifecycleEvent{Action: "provision", Err: tenancy.ErrExists})

	m := c.Metrics()
	got, err := json.Marshal(struct {
		R, S, T, O, L any
		E, D          map[string]uint64
		N             uint64
	}{m.Requests, m.Statements, m.Tenants, m.Others, m.Lifecycle, m.Errors, m.Refusals, m.SystemScopes})
	if err != nil {
		t.Fatal(err)
	}
	want := `{"R":[{"outcome":"limited","count":1,"seconds":0},{"outcome":"refused","count":1,"seconds":0},{"outcome":"served","count":1,"seconds":1}],` +
		`"S":[{"operation":"exec","isolation":"rls","errors":1,"count":1,"seconds":2,"buckets":[0,0,0,0,0,0,0,0,0,0,1,1,1]},` +
		`{"operation":"query","isolation":"rls","errors":1,"count":2,"seconds":3600.001,"buckets":[1,1,1,1,1,1,1,1,1,1,1,1,1]},` +
		`{"operation":"begin","isolation":"system","errors":0,"count":1,"seconds":0,"buckets":[1,1,1,1,1,1,1,1,1,1,1,1,1]}],` +
		`"T":[{"id":"acme","statements":2,"errors":1,"seconds":3600.001,"requests":1,"not_served":0}],` +
		`"O":{"statements":1,"errors":1,"seconds":2,"requests":1,"not_served":1},` +
		`"L":[{"action":"provision","count":2,"failed":1}],` +
		`"E":{"cross_tenant":1,"other":1},"D":{"not_found":1},"N":1}`
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCollectorAsksItsSources(t *testing.T) {
	t.Parallel()
	c := newCollector(t, metrics.Config{
		Cache: func() registry.CacheStats { return registry.CacheStats{Hits: 3, Misses: 1} },
		Driver: func() driver.Stats {
			return driver.Stats{Pools: 2, Servers: []driver.ServerStats{{Server: "db:5432", Open: 5}}}
		},
		Pools:      map[string]func() sql.DBStats{"home": func() sql.DBStats { return sql.DBStats{OpenConnections: 4, InUse: 1, WaitDuration: time.Second} }},
		RedisCache: func() registry.RedisCacheStats { return registry.RedisCacheStats{Outages: 2} },
		Audit:      func() audit.Stats { return audit.Stats{Failed: 1} },
		Limiter:    func() ratelimit.FallbackStats { return ratelimit.FallbackStats{Away: true, Local: 9} },
		Migrations: func() metrics.Migrations { return metrics.Migrations{Behind: 7} },
	})
	m := c.Metrics()
	if m.Cache.Hits != 3 || m.Databases.Servers[0].Open != 5 || !m.Limiter.Away || m.Migrations.Behind != 7 || m.RedisCache.Outages != 2 || m.Audit.Failed != 1 ||
		m.Pools["home"] != (metrics.Pool{Open: 4, InUse: 1, WaitSeconds: 1}) {
		t.Errorf("got %+v", m)
	}
	if none := newCollector(t, metrics.Config{}).Metrics(); none.Cache != nil || none.Pools != nil {
		t.Errorf("without sources: %+v", none)
	}
	if _, err := metrics.NewCollector(metrics.Config{Pools: map[string]func() sql.DBStats{"home": nil}}); err == nil {
		t.Error("a source that is nil is taken")
	}
}

// Whoever is given the collector of a Manager without one finds nothing counted.
func TestNilCollector(t *testing.T) {
	t.Parallel()
	var c *metrics.Collector
	var o tenancy.Observer = c
	statement(t, o, tenantOf(t, "acme"), tenancy.OperationQuery, 0, errors.New("down"))
	o.RequestEnd(o.RequestStart(t.Context()), tenancy.RequestEnd{Outcome: tenancy.OutcomeServed})
	o.SystemScope(t.Context(), scopeOf(t, tenancy.System(t.Context(), "test")))
	o.Lifecycle(t.Context(), tenancy.LifecycleEvent{Action: "provision"})
	empty := newCollector(t, metrics.Config{}).Metrics()
	got := c.Metrics()
	empty.Since, empty.At, got.At = time.Time{}, time.Time{}, time.Time{}
	if !reflect.DeepEqual(got, empty) {
		t.Errorf("got %+v, want %+v", got, empty)
	}
	w := httptest.NewRecorder()
	c.Handler().ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	if w.Code != http.StatusOK {
		t.Errorf("got %d", w.Code)
	}
}

func TestHandler(t *testing.T) {
	t.Parallel()
	c := newCollector(t, metrics.Config{Limiter: func() ratelimit.FallbackStats { return ratelimit.FallbackStats{Outages: 2} }})
	statement(t, c, tenantOf(t, `a"<b>`), tenancy.OperationQuery, 0, nil)
	answer := httptest.NewRecorder()
	c.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", http.NoBody))
	var m metrics.Metrics
	if err := json.Unmarshal(answer.Body.Bytes(), &m); err != nil {
		t.Fatal(err)
	}
	if len(m.Tenants) != 1 || m.Tenants[0].ID != `a"<b>` || m.Limiter.Outages != 2 || answer.Header().Get("Content-Type") != "application/json" {
		t.Errorf("got %s", answer.Body)
	}
	answer = httptest.NewRecorder()
	c.Handler().ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", http.NoBody))
	if answer.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST is answered with %d", answer.Code)
	}
}

// TestCollectorAtOnce has ten thousand tenants, many at once, and readers.
func TestCollectorAtOnce(t *testing.T) {
	t.Parallel()
	const goroutines, each, names = 8, 2500, 20
	c := newCollector(t, metrics.Config{Tenants: names})
	scopes := make([]*tenancy.Scope, 10_000)
	for i := range scopes {
		scopes[i] = tenantOf(t, tenancy.ID(fmt.Sprint(i)))
	}
	var all sync.WaitGroup
	for g := range goroutines {
		all.Go(func() {
			for i := range each {
				statement(t, c, scopes[(g*each+i)%len(scopes)], tenancy.OperationQuery, time.Microsecond, nil)
				if i%500 == 0 {
					_ = c.Metrics()
				}
			}
		})
	}
	all.Wait()
	m := c.Metrics()
	sum := m.Others.Statements
	for _, tenant := range m.Tenants {
		sum += tenant.Statements
	}
	if len(m.Tenants) != names || sum != goroutines*each || m.Statements[0].Count != goroutines*each {
		t.Errorf("%d tenants with %d statements of %d", len(m.Tenants), sum, m.Statements[0].Count)
	}
}

func TestCollectorAllocatesNothing(t *testing.T) {
	c := newCollector(t, metrics.Config{})
	end := tenancy.StatementEnd{Start: tenancy.StatementStart{Scope: tenantOf(t, "acme"), Operation: tenancy.OperationQuery}}
	c.StatementEnd(t.Context(), end)
	ctx := t.Context()
	if got := testing.AllocsPerRun(100, func() { c.StatementEnd(ctx, end) }); got != 0 {
		t.Errorf("a statement allocates %g times, want never", got)
	}
}
