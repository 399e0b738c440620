package tenancyprom

import "github.com/entenancy/tenancy/metrics"

// sources shows what the sources of a metrics.Config are at.
func (s scrape) sources(m metrics.Metrics) {
	for name, pool := range m.Pools {
		s.gauge("pool_connections_max", float64(pool.MaxOpen), name)
		s.gauge("pool_connections", float64(pool.InUse), name, "in_use")
		s.gauge("pool_connections", float64(pool.Idle), name, "idle")
		s.count("pool_waits_total", float64(pool.Waits), name)
		s.count("pool_wait_seconds_total", pool.WaitSeconds, name)
	}
	if c := m.Cache; c != nil {
		s.count("cache_lookups_total", float64(c.Hits), "hit")
		s.count("cache_lookups_total", float64(c.NegativeHits), "negative_hit")
		s.count("cache_lookups_total", float64(c.Misses), "miss")
		s.count("cache_reads_total", float64(c.Reads))
		s.count("cache_evictions_total", float64(c.Evictions))
		s.count("cache_flushes_total", float64(c.Flushes))
		s.gauge("cache_tenants", float64(c.Tenants))
	}
	if c := m.RedisCache; c != nil {
		s.count("redis_cache_lookups_total", float64(c.Hits), "hit")
		s.count("redis_cache_lookups_total", float64(c.Misses), "miss")
		s.count("redis_cache_corrupt_total", float64(c.Corrupt))
		s.count("redis_cache_outages_total", float64(c.Outages))
		s.gauge("redis_cache_down", oneIf(c.Down))
	}
	if a := m.Audit; a != nil {
		s.count("audit_entries_total", float64(a.Recorded), "recorded")
		s.count("audit_entries_total", float64(a.Failed), "failed")
		s.count("audit_retries_total", float64(a.Retries))
		s.gauge("audit_queued", float64(a.Queued))
	}
	if l := m.Limiter; l != nil {
		s.gauge("limiter_away", oneIf(l.Away))
		s.count("limiter_outages_total", float64(l.Outages))
		s.count("limiter_fallback_decisions_total", float64(l.Local), "local")
		s.count("limiter_fallback_decisions_total", float64(l.Open), "open")
		s.count("limiter_fallback_decisions_total", float64(l.Closed), "closed")
	}
	if g := m.Migrations; g != nil {
		s.gauge("migrations_places_behind", float64(g.Behind))
		s.gauge("migrations_places_failed", float64(g.Failed))
	}
	s.databases(m)
}

// databases shows the pools of tenants' own databases.
func (s scrape) databases(m metrics.Metrics) {
	if m.Databases == nil {
		return
	}
	s.gauge("database_pools", float64(m.Databases.Pools))
	s.count("database_pools_opened_total", float64(m.Databases.Opened))
	s.count("database_pools_closed_total", float64(m.Databases.Expired), "expired")
	s.count("database_pools_closed_total", float64(m.Databases.Evicted), "evicted")
	s.count("database_pools_closed_total", float64(m.Databases.Replaced), "replaced")
	for _, of := range m.Databases.Servers {
		s.gauge("database_connections_max", float64(of.MaxConns), of.Server)
		s.gauge("database_connections", float64(of.Open-of.Idle), of.Server, "in_use")
		s.gauge("database_connections", float64(of.Idle), of.Server, "idle")
		s.gauge("database_waiting", float64(of.Waiting), of.Server)
		s.count("database_connections_opened_total", float64(of.Opened), of.Server)
		s.count("database_waits_total", float64(of.Waits), of.Server)
		s.count("database_connections_taken_total", float64(of.Reclaimed+of.Yielded), of.Server)
	}
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

type description struct {
	name, help string
	labels     []string
}

// described are all metrics, without the prefix of their names.
func described() []description {
	operation, outcome, kind := []string{"operation", "isolation"}, []string{"outcome"}, []string{"error_type"}
	action, tenant, pool, server := []string{"action"}, []string{"tenant"}, []string{"pool"}, []string{"server"}
	return []description{
		{"statement_duration_seconds", "Time until the database has answered a statement, with the wait for a connection.", operation},
		{"statement_errors_total", "Statements that failed, by kind of error.", kind},
		{"system_scopes_total", "System scopes that were used.", nil},
		{"requests_total", "Requests that a tenant was looked for, by outcome.", outcome},
		{"request_decision_seconds_total", "Time that it took to decide about requests.", outcome},
		{"request_refusals_total", "Requests that were not served, by kind of error.", kind},
		{"lifecycle_actions_total", "Changes of tenants, tried or done.", action},
		{"lifecycle_failures_total", "Changes of tenants that failed.", action},
		{"tenant_statements_total", "Statements of the busiest tenants.", tenant},
		{"tenant_statement_errors_total", "Failed statements of the busiest tenants.", tenant},
		{"tenant_statement_seconds_total", "Time that statements of the busiest tenants took.", tenant},
		{"tenant_requests_total", "Requests of the busiest tenants.", tenant},
		{"tenant_requests_not_served_total", "Requests of the busiest tenants that were refused or over a limit.", tenant},
		{"pool_connections_max", "Connections that a pool may have, 0 for no limit.", pool},
		{"pool_connections", "Connections of a pool.", []string{"pool", "state"}},
		{"pool_waits_total", "Connections of a pool that were waited for.", pool},
		{"pool_wait_seconds_total", "Time spent waiting for connections of a pool.", pool},
		{"cache_lookups_total", "Lookups of tenants in the cache.", []string{"result"}},
		{"cache_reads_total", "Reads of the store below the cache.", nil},
		{"cache_evictions_total", "Tenants that left the cache for others.", nil},
		{"cache_flushes_total", "Times that all of the cache was dropped.", nil},
		{"cache_tenants", "Tenants in the cache.", nil},
		{"redis_cache_lookups_total", "Lookups of tenants in Redis.", []string{"result"}},
		{"redis_cache_corrupt_total", "Entries in Redis that could not be read.", nil},
		{"redis_cache_outages_total", "Times that Redis began to fail.", nil},
		{"redis_cache_down", "Whether Redis fails.", nil},
		{"audit_entries_total", "Entries of the audit, by what became of them; failed ones are in the log only.", []string{"outcome"}},
		{"audit_retries_total", "Times that an audit's sink was tried again.", nil},
		{"audit_queued", "Entries of the audit that wait to be recorded.", nil},
		{"limiter_away", "Whether limits cannot be counted where they should be.", nil},
		{"limiter_outages_total", "Times that the limiter went away.", nil},
		{"limiter_fallback_decisions_total", "Requests decided about while the limiter was away.", []string{"decision"}},
		{"migrations_places_behind", "Places that lack a migration, when last looked at.", nil},
		{"migrations_places_failed", "Places with a migration that failed, when last looked at.", nil},
		{"database_pools", "Open pools of tenants' own databases.", nil},
		{"database_pools_opened_total", "Pools that were opened.", nil},
		{"database_pools_closed_total", "Pools that were closed, by reason.", []string{"reason"}},
		{"database_connections_max", "Connections to a server that tenants' databases may have.", server},
		{"database_connections", "Connections to a server of tenants' databases.", []string{"server", "state"}},
		{"database_waiting", "Statements that wait for a connection to a server.", server},
		{"database_connections_opened_total", "Connections to a server that were opened.", server},
		{"database_waits_total", "Connections to a server that were waited for.", server},
		{"database_connections_taken_total", "Idle connections that were closed for another tenant's.", server},
	}
}
