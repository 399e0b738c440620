package tenancyprom_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/contrib/tenancyprom"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

func registered(t *testing.T, config metrics.Config) (*metrics.Collector, *prometheus.Registry) {
	t.Helper()
	counted, err := metrics.NewCollector(config)
	if err != nil {
		t.Fatal(err)
	}
	collector, err := tenancyprom.New(counted)
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	return counted, registry
}

// statement tells of one that took a second.
func statement(t *testing.T, o tenancy.Observer, id tenancy.ID, err error) {
	t.Helper()
	scope, scopeErr := tenancy.ScopeFromContext(tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id}))
	if scopeErr != nil {
		t.Error(scopeErr)
		return
	}
	start := tenancy.StatementStart{Scope: scope, Operation: tenancy.OperationQuery, Isolation: tenancy.IsolationRLS}
	o.StatementEnd(o.StatementStart(t.Context(), start), tenancy.StatementEnd{Start: start, Took: time.Second, Err: err})
}

// A Manager that keeps no counts has a nil collector, and is scraped like any other.
func TestNilSource(t *testing.T) {
	t.Parallel()
	collector, err := tenancyprom.New((*metrics.Collector)(nil))
	if err != nil {
		t.Fatal(err)
	}
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(collector)
	if problems, err := testutil.GatherAndLint(registry); err != nil || len(problems) > 0 {
		t.Errorf("got %v, %v", problems, err)
	}
	if _, err := tenancyprom.New(nil); err == nil {
		t.Error("no source is taken for one")
	}
}

func TestCollectorShowsWhatIsCounted(t *testing.T) {
	t.Parallel()
	counted, registry := registered(t, metrics.Config{Tenants: 1})
	statement(t, counted, "acme", nil)
	statement(t, counted, "globex", tenancy.ErrCrossTenant)
	counted.RequestEnd(t.Context(), tenancy.RequestEnd{Outcome: tenancy.OutcomeServed, Tenant: tenancy.Tenant{ID: "acme"}})
	want := `
# HELP tenancy_requests_total Requests that a tenant was looked for, by outcome.
# TYPE tenancy_requests_total counter
tenancy_requests_total{outcome="served"} 1
# HELP tenancy_statement_errors_total Statements that failed, by kind of error.
# TYPE tenancy_statement_errors_total counter
tenancy_statement_errors_total{error_type="cross_tenant"} 1
# HELP tenancy_tenant_statements_total Statements of the busiest tenants.
# TYPE tenancy_tenant_statements_total counter
tenancy_tenant_statements_total{tenant="acme"} 1
tenancy_tenant_statements_total{tenant="other"} 1
# HELP tenancy_tenant_requests_total Requests of the busiest tenants.
# TYPE tenancy_tenant_requests_total counter
tenancy_tenant_requests_total{tenant="acme"} 1
tenancy_tenant_requests_total{tenant="other"} 0
# HELP tenancy_statement_duration_seconds Time until the database has answered a statement, with the wait for a connection.
# TYPE tenancy_statement_duration_seconds histogram
`
	for _, bound := range metrics.Bounds() {
		n := 0
		if bound >= 1 {
			n = 2
		}
		want += fmt.Sprintf("tenancy_statement_duration_seconds_bucket{isolation=\"rls\",operation=\"query\",le=\"%g\"} %d\n", bound, n)
	}
	want += `tenancy_statement_duration_seconds_bucket{isolation="rls",operation="query",le="+Inf"} 2
tenancy_statement_duration_seconds_sum{isolation="rls",operation="query"} 2
tenancy_statement_duration_seconds_count{isolation="rls",operation="query"} 2
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want), "tenancy_requests_total", "tenancy_statement_errors_total",
		"tenancy_tenant_statements_total", "tenancy_tenant_requests_total", "tenancy_statement_duration_seconds"); err != nil {
		t.Error(err)
	}
}

// TestEveryMetricIsShown has every source, and looks for every metric that is
// described, with a linter that knows Prometheus' names.
func TestEveryMetricIsShown(t *testing.T) {
	t.Parallel()
	counted, gatherer := registered(t, metrics.Config{
		Cache: func() registry.CacheStats { return registry.CacheStats{Hits: 3} },
		Driver: func() driver.Stats {
			return driver.Stats{Servers: []driver.ServerStats{{Server: "db:5432", Open: 5, Idle: 2}}}
		},
		Pools:      map[string]func() sql.DBStats{"home": func() sql.DBStats { return sql.DBStats{} }},
		RedisCache: func() registry.RedisCacheStats { return registry.RedisCacheStats{Down: true} },
		Audit:      func() audit.Stats { return audit.Stats{Failed: 2} },
		Limiter:    func() ratelimit.FallbackStats { return ratelimit.FallbackStats{Away: true} },
		Migrations: func() metrics.Migrations { return metrics.Migrations{Behind: 7} },
	})
	statement(t, counted, "acme", tenancy.ErrCrossTenant)
	counted.RequestEnd(t.Context(), tenancy.RequestEnd{Outcome: tenancy.OutcomeRefused, Err: tenancy.ErrNotFound})
	counted.Lifecycle(t.Context(), tenancy.LifecycleEvent{Action: "suspend"})
	collector, err := tenancyprom.New(counted)
	if err != nil {
		t.Fatal(err)
	}
	descs := make(chan *prometheus.Desc, 100)
	collector.Describe(descs)
	families, err := gatherer.Gather()
	if err != nil {
		t.Fatal(err)
	}
	if len(families) != len(descs) {
		t.Errorf("%d metrics are described, and %d shown", len(descs), len(families))
	}
	problems, err := testutil.GatherAndLint(gatherer)
	if err != nil || len(problems) > 0 {
		t.Errorf("%v, %v", problems, err)
	}
	answer := httptest.NewRecorder()
	promhttp.HandlerFor(gatherer, promhttp.HandlerOpts{}).ServeHTTP(answer, httptest.NewRequestWithContext(t.Context(), "GET", "/", nil))
	for _, line := range []string{`tenancy_database_connections{server="db:5432",state="in_use"} 3`, "tenancy_limiter_away 1", "tenancy_redis_cache_down 1", `tenancy_audit_entries_total{outcome="failed"} 2`, "tenancy_migrations_places_behind 7"} {
		if !strings.Contains(answer.Body.String(), line+"\n") {
			t.Errorf("%q is missing", line)
		}
	}
}

// TestTenantsAreCapped has ten thousand tenants, many at once, one of which is
// named as the others are, and scrapes meanwhile.
func TestTenantsAreCapped(t *testing.T) {
	t.Parallel()
	const limit = 25
	counted, registry := registered(t, metrics.Config{Tenants: limit})
	statement(t, counted, "other", nil)
	var all sync.WaitGroup
	for g := range 4 {
		all.Go(func() {
			for i := range 2500 {
				statement(t, counted, tenancy.ID(fmt.Sprint(g*2500+i)), nil)
				if i%1000 == 0 {
					if _, err := registry.Gather(); err != nil {
						t.Error(err)
					}
				}
			}
		})
	}
	all.Wait()
	n, err := testutil.GatherAndCount(registry, "tenancy_tenant_statements_total")
	if err != nil || n != limit+1 {
		t.Errorf("there are %d series of tenants, %v; want %d", n, err, limit+1)
	}
}

func TestNewNeedsASource(t *testing.T) {
	t.Parallel()
	if _, err := tenancyprom.New(nil); err == nil {
		t.Error("no source is taken")
	}
}

func ExampleNew() {
	counted, err := metrics.NewCollector(metrics.Config{Tenants: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	collector, err := tenancyprom.New(counted)
	if err != nil {
		fmt.Println(err)
		return
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collector)
	counted.RequestEnd(context.Background(), tenancy.RequestEnd{Outcome: tenancy.OutcomeServed})
	n, err := testutil.GatherAndCount(registry, "tenancy_requests_total")
	fmt.Println(n, err)
	// Output: 1 <nil>
}
