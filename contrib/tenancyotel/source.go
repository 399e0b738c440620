package tenancyotel

import (
	"context"
	"errors"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/metric"
	semconv "go.opentelemetry.io/otel/semconv/v1.40.0"

	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/observe"
)

// instruments are what is made of a source.
type instruments struct {
	tenantStatements, tenantErrors, tenantRequests, tenantNotServed metric.Int64ObservableCounter
	tenantTime                                                      metric.Float64ObservableCounter
	requests, refusals, systems, lifecycle, lookups, audited        metric.Int64ObservableCounter
	connections, databaseConnections                                metric.Int64ObservableUpDownCounter
	waiting, pools, behind, failed, away, redisDown                 metric.Int64ObservableGauge
}

// watch makes the metrics of a source. They are read when they are collected.
func watch(meter metric.Meter, source Source) error {
	i := &instruments{}
	var errs error
	counter := func(name, unit, text string) metric.Int64ObservableCounter {
		made, err := meter.Int64ObservableCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = errors.Join(errs, err)
		return made
	}
	upDown := func(name, unit, text string) metric.Int64ObservableUpDownCounter {
		made, err := meter.Int64ObservableUpDownCounter(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = errors.Join(errs, err)
		return made
	}
	gauge := func(name, unit, text string) metric.Int64ObservableGauge {
		made, err := meter.Int64ObservableGauge(name, metric.WithUnit(unit), metric.WithDescription(text))
		errs = errors.Join(errs, err)
		return made
	}
	i.tenantStatements = counter("tenancy.tenant.statements", "{statement}", "Statements of the busiest tenants.")
	i.tenantErrors = counter("tenancy.tenant.statement.errors", "{statement}", "Failed statements of the busiest tenants.")
	i.tenantRequests = counter("tenancy.tenant.requests", "{request}", "Requests of the busiest tenants.")
	i.tenantNotServed = counter("tenancy.tenant.requests.not_served", "{request}", "Requests of the busiest tenants that were refused or over a limit.")
	i.requests = counter("tenancy.requests", "{request}", "Requests that a tenant was looked for, by outcome.")
	i.refusals = counter("tenancy.request.refusals", "{request}", "Requests that were not served, by kind of error.")
	i.systems = counter("tenancy.system_scopes", "{scope}", "System scopes that were used.")
	i.lifecycle = counter("tenancy.lifecycle.actions", "{action}", "Changes of tenants, tried or done.")
	i.lookups = counter("tenancy.cache.lookups", "{lookup}", "Lookups of tenants in the cache, by result.")
	i.audited = counter("tenancy.audit.entries", "{entry}", "Entries of the audit, by what became of them; failed ones are in the log only.")
	i.connections = upDown("db.client.connection.count", "{connection}", "Connections of a pool, by state.")
	i.databaseConnections = upDown("tenancy.database.connections", "{connection}", "Connections to a server of tenants' databases, by state.")
	i.waiting = gauge("tenancy.database.waiting", "{statement}", "Statements that wait for a connection to a server.")
	i.pools = gauge("tenancy.database.pools", "{pool}", "Open pools of tenants' own databases.")
	i.behind = gauge("tenancy.migrations.behind", "{place}", "Places that lack a migration, when last looked at.")
	i.failed = gauge("tenancy.migrations.failed", "{place}", "Places with a migration that failed, when last looked at.")
	i.away = gauge("tenancy.limiter.away", "1", "Whether limits cannot be counted where they should be.")
	i.redisDown = gauge("tenancy.cache.redis.down", "1", "Whether the registry's cache in Redis fails.")
	time, err := meter.Float64ObservableCounter("tenancy.tenant.statement.time", metric.WithUnit("s"),
		metric.WithDescription("Time that statements of the busiest tenants took."))
	i.tenantTime = time
	if err := errors.Join(errs, err); err != nil {
		return err
	}
	seen := &totals{}
	_, err = meter.RegisterCallback(func(_ context.Context, o metric.Observer) error {
		m := seen.read(source)
		i.observeTenants(o, m)
		i.observeCounts(o, m)
		i.observeSources(o, m)
		return nil
	}, i.tenantStatements, i.tenantErrors, i.tenantRequests, i.tenantNotServed, i.tenantTime, i.requests, i.refusals, i.systems,
		i.lifecycle, i.lookups, i.connections, i.databaseConnections, i.waiting, i.pools, i.behind, i.failed, i.away,
		i.audited, i.redisDown)
	return err
}

func (i *instruments) observeTenants(o metric.Observer, m metrics.Metrics) {
	for _, of := range append(m.Tenants, m.Others) {
		id := string(of.ID)
		if id == "" {
			id = observe.Other
		}
		with := metric.WithAttributes(tenantKey.String(id))
		o.ObserveInt64(i.tenantStatements, number(of.Statements), with)
		o.ObserveInt64(i.tenantErrors, number(of.Errors), with)
		o.ObserveInt64(i.tenantRequests, number(of.Requests), with)
		o.ObserveInt64(i.tenantNotServed, number(of.NotServed), with)
		o.ObserveFloat64(i.tenantTime, of.Seconds, with)
	}
}

func (i *instruments) observeCounts(o metric.Observer, m metrics.Metrics) {
	for _, of := range m.Requests {
		o.ObserveInt64(i.requests, number(of.Count), metric.WithAttributes(outcomeKey.String(string(of.Outcome))))
	}
	for kind, n := range m.Refusals {
		o.ObserveInt64(i.refusals, number(n), metric.WithAttributes(semconv.ErrorTypeKey.String(kind)))
	}
	for _, of := range m.Lifecycle {
		o.ObserveInt64(i.lifecycle, number(of.Count), metric.WithAttributes(attribute.String("tenancy.action", of.Action)))
	}
	o.ObserveInt64(i.systems, number(m.SystemScopes))
}

func (i *instruments) observeSources(o metric.Observer, m metrics.Metrics) {
	for name, pool := range m.Pools {
		in := semconv.DBClientConnectionPoolName(name)
		o.ObserveInt64(i.connections, int64(pool.InUse), metric.WithAttributes(in, semconv.DBClientConnectionStateUsed))
		o.ObserveInt64(i.connections, int64(pool.Idle), metric.WithAttributes(in, semconv.DBClientConnectionStateIdle))
	}
	if c := m.Cache; c != nil {
		for result, n := range map[string]uint64{"hit": c.Hits, "negative_hit": c.NegativeHits, "miss": c.Misses} {
			o.ObserveInt64(i.lookups, number(n), metric.WithAttributes(attribute.String("tenancy.cache.result", result)))
		}
	}
	if d := m.Databases; d != nil {
		o.ObserveInt64(i.pools, int64(d.Pools))
		for _, of := range d.Servers {
			at := semconv.ServerAddress(of.Server)
			o.ObserveInt64(i.waiting, int64(of.Waiting), metric.WithAttributes(at))
			o.ObserveInt64(i.databaseConnections, int64(of.Open-of.Idle), metric.WithAttributes(at, semconv.DBClientConnectionStateUsed))
			o.ObserveInt64(i.databaseConnections, int64(of.Idle), metric.WithAttributes(at, semconv.DBClientConnectionStateIdle))
		}
	}
	if g := m.Migrations; g != nil {
		o.ObserveInt64(i.behind, int64(g.Behind))
		o.ObserveInt64(i.failed, int64(g.Failed))
	}
	if l := m.Limiter; l != nil {
		o.ObserveInt64(i.away, oneIf(l.Away))
	}
	if c := m.RedisCache; c != nil {
		o.ObserveInt64(i.redisDown, oneIf(c.Down))
	}
	if a := m.Audit; a != nil {
		for outcome, n := range map[string]uint64{"recorded": a.Recorded, "failed": a.Failed} {
			o.ObserveInt64(i.audited, number(n), metric.WithAttributes(attribute.String("tenancy.audit.outcome", outcome)))
		}
	}
}

func oneIf(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

func number(n uint64) int64 { return int64(n) } //nolint:gosec // a count of what has happened
