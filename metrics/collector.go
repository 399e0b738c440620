package metrics

import (
	"context"
	"database/sql"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/observe"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

// DefaultTenants is how many tenants are counted by name.
const DefaultTenants = 100

// Config says what a [Collector] counts by name, and where it finds what it does
// not count itself. The zero Config counts what it is told, and has no sources.
//
// The sources are called for each Metrics, from several goroutines, and must be
// quick.
type Config struct {
	// Tenants is how many are counted by name, the busiest.
	// Defaults to DefaultTenants; below zero, none is.
	Tenants int

	// Cache is the Stats method of a registry.Cache.
	Cache func() registry.CacheStats
	// RedisCache is the Stats method of a registry.RedisCache.
	RedisCache func() registry.RedisCacheStats
	// Audit is the Stats method of an audit.Log.
	Audit func() audit.Stats
	// Driver is the Stats method of a driver.Driver.
	Driver func() driver.Stats
	// Pools are the Stats methods of the *sql.DB of the home, of System scopes and
	// of replicas, by the name that they are to have.
	Pools map[string]func() sql.DBStats
	// Limiter is the Stats method of a ratelimit.Fallback.
	Limiter func() ratelimit.FallbackStats
	// Migrations returns what was last found of the migrations' status. It must
	// not look for it: that asks each place.
	Migrations func() Migrations
}

// Collector is a tenancy.Observer that counts. It is made by [NewCollector], and
// safe for concurrent use. A statement that it is told of takes no allocation, but
// for its error, or a tenant that is new to it. A nil Collector counts nothing and
// has no sources: it is what a Manager has that is to keep no counts.
type Collector struct {
	config Config
	began  time.Time
	bounds []float64

	statements [len(isolations{})]statements
	errors     named[atomic.Uint64]
	requests   named[requests] // by outcome
	refusals   named[atomic.Uint64]
	lifecycle  named[lifecycle] // by action
	systems    atomic.Uint64
	tenants    *observe.Top[tenant]
}

type statements struct{ query, exec, begin, commit, rollback, other operation }

// isolations are what statements are counted by.
type isolations [5]string

func names() isolations {
	return isolations{
		string(tenancy.IsolationShared), string(tenancy.IsolationRLS), string(tenancy.IsolationSchema), string(tenancy.IsolationDatabase), "system",
	}
}

// indexOf returns where in isolations a statement is counted.
func indexOf(s tenancy.StatementStart) int {
	switch s.Isolation {
	case tenancy.IsolationRLS:
		return 1
	case tenancy.IsolationSchema:
		return 2
	case tenancy.IsolationDatabase:
		return 3
	case tenancy.IsolationShared:
		return 0
	}
	if s.Scope.System() {
		return 4
	}
	return 0
}

type operation struct {
	duration histogram
	errors   atomic.Uint64
}

func (s *statements) of(o tenancy.Operation) *operation {
	switch o {
	case tenancy.OperationQuery:
		return &s.query
	case tenancy.OperationExec:
		return &s.exec
	case tenancy.OperationBegin:
		return &s.begin
	case tenancy.OperationCommit:
		return &s.commit
	case tenancy.OperationRollback:
		return &s.rollback
	default:
		return &s.other
	}
}

type requests struct {
	count atomic.Uint64
	took  atomic.Int64 // nanoseconds
}

type lifecycle struct{ count, failed atomic.Uint64 }

type tenant struct {
	statements, errors, requests, notServed atomic.Uint64
	took                                    atomic.Int64 // nanoseconds
}

var _ tenancy.Observer = (*Collector)(nil)

// NewCollector returns a collector that has counted nothing. It fails for a
// source of Config.Pools that is nil, and names it.
func NewCollector(config Config) (*Collector, error) {
	for name, source := range config.Pools {
		if source == nil {
			return nil, fmt.Errorf("metrics: Config.Pools[%q] must not be nil", name)
		}
	}
	switch {
	case config.Tenants == 0:
		config.Tenants = DefaultTenants
	case config.Tenants < 0:
		config.Tenants = 0
	}
	top, err := observe.NewTop[tenant](config.Tenants)
	if err != nil {
		return nil, fmt.Errorf("metrics: Config.Tenants: %w", err)
	}
	return &Collector{config: config, began: time.Now(), bounds: Bounds(), tenants: top}, nil
}

// StatementStart implements [tenancy.StatementObserver].
func (c *Collector) StatementStart(ctx context.Context, _ tenancy.StatementStart) context.Context {
	return ctx
}

// StatementEnd implements [tenancy.StatementObserver].
func (c *Collector) StatementEnd(_ context.Context, e tenancy.StatementEnd) {
	if c == nil {
		return
	}
	o := c.statements[indexOf(e.Start)].of(e.Start.Operation)
	o.duration.add(c.bounds, e.Took)
	if e.Err != nil {
		o.errors.Add(1)
		c.errors.of(observe.ErrorType(e.Err)).Add(1)
	}
	if e.Start.Scope.System() {
		return
	}
	t := c.tenants.Of(e.Start.Scope.TenantID())
	t.statements.Add(1)
	t.took.Add(int64(e.Took))
	if e.Err != nil {
		t.errors.Add(1)
	}
}

// RequestStart implements [tenancy.RequestObserver].
func (c *Collector) RequestStart(ctx context.Context) context.Context { return ctx }

// RequestEnd implements [tenancy.RequestObserver].
func (c *Collector) RequestEnd(_ context.Context, e tenancy.RequestEnd) {
	if c == nil {
		return
	}
	r := c.requests.of(string(e.Outcome))
	r.count.Add(1)
	r.took.Add(int64(e.Took))
	if e.Err != nil {
		c.refusals.of(observe.ErrorType(e.Err)).Add(1)
	}
	if e.Tenant.ID == "" {
		return
	}
	t := c.tenants.Of(e.Tenant.ID)
	t.requests.Add(1)
	if e.Outcome != tenancy.OutcomeServed {
		t.notServed.Add(1)
	}
}

// SystemScope implements [tenancy.SystemObserver].
func (c *Collector) SystemScope(context.Context, *tenancy.Scope) {
	if c != nil {
		c.systems.Add(1)
	}
}

// Lifecycle implements [tenancy.LifecycleObserver].
func (c *Collector) Lifecycle(_ context.Context, e tenancy.LifecycleEvent) {
	if c == nil {
		return
	}
	l := c.lifecycle.of(e.Action)
	l.count.Add(1)
	if e.Err != nil {
		l.failed.Add(1)
	}
}
