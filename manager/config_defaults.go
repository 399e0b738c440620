package manager

import (
	"cmp"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/ratelimit"
)

// withDefaults returns the configuration with the defaults that are this
// package's own. The others are those of the parts that it makes.
func (c Config) withDefaults() Config {
	d := &c.Database
	if d.AdminURL.IsZero() {
		d.AdminURL = d.URL
	}
	d.PoolSize = cmp.Or(d.PoolSize, 20)
	d.MaxOverflow = cmp.Or(d.MaxOverflow, 40)
	d.ConnectTimeout = cmp.Or(d.ConnectTimeout, 30*time.Second)
	d.PoolRecycle = cmp.Or(d.PoolRecycle, time.Hour)

	i := &c.Isolation
	usual := tenancy.IsolationShared
	if dialectOf(d.URL) == dialect.Postgres {
		usual = tenancy.IsolationRLS
	}
	i.Default = cmp.Or(i.Default, usual)
	i.Premium = cmp.Or(i.Premium, i.Default)
	i.Prefix = cmp.Or(i.Prefix, "tenant_")

	c.Tenants.DefaultStatus = cmp.Or(c.Tenants.DefaultStatus, tenancy.StatusActive)
	c.Redis.Prefix = cmp.Or(c.Redis.Prefix, "tenancy")
	c.setRequestDefaults()
	return c
}

func (c *Config) setRequestDefaults() {
	r := &c.Resolution
	if len(r.Strategies) == 0 {
		r.Strategies = []Strategy{StrategyHeader}
	}
	r.Header = cmp.Or(r.Header, middleware.HeaderName)
	r.PathPrefix = cmp.Or(r.PathPrefix, "/tenants")
	r.Cookie = cmp.Or(r.Cookie, "tenant")
	r.QueryParameter = cmp.Or(r.QueryParameter, "tenant")
	c.RateLimit.Window = cmp.Or(c.RateLimit.Window, time.Minute)
	c.RateLimit.Burst = cmp.Or(c.RateLimit.Burst, c.RateLimit.Requests)
	c.RateLimit.WhenRedisIsAway = cmp.Or(c.RateLimit.WhenRedisIsAway, ratelimit.AwayLocal)
	if len(c.Audit.Sinks) == 0 {
		c.Audit.Sinks = []AuditSink{AuditSinkLog}
	}
}
