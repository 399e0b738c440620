package metrics

import (
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/audit"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

// Metrics is what was counted since the collector was made, and what its sources
// are at. Counts only grow, but for those of Tenants. They are read one after the
// other, while others count, so that sums may differ by what happened meanwhile.
type Metrics struct {
	// Since is when counting began, and At when this was read.
	Since time.Time `json:"since"`
	At    time.Time `json:"at"`
	// Requests are by outcome.
	Requests []Requests `json:"requests"`
	// Refusals are the errors of requests, by observe.ErrorType.
	Refusals map[string]uint64 `json:"refusals"`
	// Statements are by operation and isolation. What never occurred is left out.
	Statements []Statements `json:"statements"`
	// Errors are those of statements, by observe.ErrorType. "cross_tenant" counts
	// those that the driver or row-level security has refused; what generated code
	// refuses before there is a statement is not in it.
	Errors map[string]uint64 `json:"errors"`
	// SystemScopes is how many System scopes were used.
	SystemScopes uint64 `json:"system_scopes"`
	// Lifecycle is what was done to tenants, by action.
	Lifecycle []Lifecycle `json:"lifecycle"`
	// Tenants are the busiest, by id, and Others the sum of all other tenants,
	// and of what those did before they were among the busiest. A tenant that was
	// among them before, and comes back, begins at zero again.
	Tenants []Tenant `json:"tenants"`
	Others  Tenant   `json:"others"`

	// Cache is what the registry's cache has done. This and the following are
	// from Config, and nil where that has no source.
	Cache *registry.CacheStats `json:"cache,omitempty"`
	// RedisCache is the same of the cache in Redis.
	RedisCache *registry.RedisCacheStats `json:"redis_cache,omitempty"`
	// Audit is what became of the audit's entries. One that Failed is an incident.
	Audit *audit.Stats `json:"audit,omitempty"`
	// Databases is what the pools of tenants' own databases are at.
	Databases *driver.Stats `json:"databases,omitempty"`
	// Pools is what the other pools are at, by name.
	Pools map[string]Pool `json:"pools,omitempty"`
	// Limiter is how often limits could not be counted where they should be.
	Limiter *ratelimit.FallbackStats `json:"limiter,omitempty"`
	// Migrations is how far tenants are behind.
	Migrations *Migrations `json:"migrations,omitempty"`
}

// Requests are those with one outcome.
type Requests struct {
	Outcome tenancy.Outcome `json:"outcome"`
	Count   uint64          `json:"count"`
	// Seconds is how long it took to decide about them, in all.
	Seconds float64 `json:"seconds"`
}

// Statements are those of one operation on places of one isolation.
type Statements struct {
	Operation tenancy.Operation `json:"operation"`
	// Isolation is "system" for System scopes.
	Isolation string `json:"isolation"`
	Errors    uint64 `json:"errors"`
	Duration
}

// Duration is a histogram of durations.
type Duration struct {
	Count   uint64  `json:"count"`
	Seconds float64 `json:"seconds"` // the sum
	// Buckets counts, for each of Bounds in seconds, what took at most as long.
	Buckets []uint64 `json:"buckets"`
}

// Lifecycle is one action on tenants.
type Lifecycle struct {
	Action string `json:"action"`
	Count  uint64 `json:"count"`
	Failed uint64 `json:"failed"`
}

// Tenant is what one tenant has done.
type Tenant struct {
	// ID is the tenant's, empty for the others.
	ID         tenancy.ID `json:"id,omitempty"`
	Statements uint64     `json:"statements"`
	Errors     uint64     `json:"errors"`
	// Seconds is how long the statements took, in all.
	Seconds float64 `json:"seconds"`
	// Requests are those that were decided for the tenant, and NotServed those of
	// them that were refused or over a limit.
	Requests  uint64 `json:"requests"`
	NotServed uint64 `json:"not_served"`
}

// Pool is what one pool of connections is at: of sql.DBStats what is asked for.
type Pool struct {
	// MaxOpen is 0 where there is no limit.
	MaxOpen int `json:"max_open"`
	Open    int `json:"open"`
	InUse   int `json:"in_use"`
	Idle    int `json:"idle"`
	// Waits counts the connections that were waited for, and WaitSeconds how long.
	Waits       int64   `json:"waits"`
	WaitSeconds float64 `json:"wait_seconds"`
}

// Migrations is what was found when the migrations' status was last read to its end.
type Migrations struct {
	// Behind is how many places lack a migration, and Failed how many cannot go on, or
	// could not be asked.
	Behind int `json:"behind"`
	Failed int `json:"failed"`
	// At is when that was read, zero if it never was.
	At time.Time `json:"at,omitzero"`
}
