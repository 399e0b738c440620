package manager

import (
	"cmp"
	"context"
	"database/sql"
	"fmt"
	"net/http"
	"time"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/metrics"
	"github.com/entenancy/tenancy/ratelimit"
	"github.com/entenancy/tenancy/registry"
)

// Metrics is what was counted, and what pools, caches, limits and migrations
// are at. It is nil with Config.Observe.NoMetrics, which counts nothing. For Prometheus and
// OpenTelemetry see contrib/tenancyprom and contrib/tenancyotel.
func (m *Manager) Metrics() *metrics.Collector { return m.collector }

// MetricsHandler answers with the Metrics as JSON, and 404 with
// Config.Observe.NoMetrics. It names tenants: mount it for operators only.
func (m *Manager) MetricsHandler() http.Handler {
	if m.collector == nil {
		return http.NotFoundHandler()
	}
	return m.collector.Handler()
}

// openCollector makes the collector before the parts that it asks, because they
// tell it what they do.
func (m *Manager) openCollector() (err error) {
	config := metrics.Config{
		Tenants: m.config.Observe.MetricsTenants,
		Driver:  func() driver.Stats { return m.driver.Stats() },
		Pools: map[string]func() sql.DBStats{
			"registry": m.registry.Stats, "admin": m.admin.Stats,
			"home": func() sql.DBStats { return m.serving.Stats() },
		},
	}
	if !m.config.Database.SystemURL.IsZero() {
		config.Pools["system"] = func() sql.DBStats { return m.system.Stats() }
	}
	for i := range m.config.Database.ReplicaURLs {
		config.Pools[fmt.Sprintf("replica %d", i+1)] = func() sql.DBStats { return m.replicas[i].db.Stats() }
	}
	if !m.config.Cache.Disabled {
		config.Cache = func() registry.CacheStats { return m.layers.cache.Stats() }
	}
	if cache := m.layers.redis; cache != nil {
		config.RedisCache = cache.Stats
	}
	if m.audit != nil {
		config.Audit = m.audit.Stats
	}
	if m.redis != nil {
		config.Limiter = func() ratelimit.FallbackStats { return m.limits.stats() }
	}
	if m.config.Migrations.Dir != "" || m.app.Migrations != nil {
		config.Migrations = func() metrics.Migrations {
			if found := m.behind.Load(); found != nil {
				return *found
			}
			return metrics.Migrations{}
		}
	}
	m.collector, err = metrics.NewCollector(config)
	return err
}

// watchMigrations looks from time to time how many places lack a migration,
// which is too much to do each time that somebody asks for metrics. What was found
// before stays where that was not found out to its end: fewer would look like progress.
func (m *Manager) watchMigrations(ctx context.Context) {
	every := time.NewTicker(cmp.Or(m.config.Observe.MigrationsEvery, 5*time.Minute))
	defer every.Stop()
	for {
		found, err := m.lookAtMigrations(ctx)
		switch {
		case err == nil:
			m.behind.Store(&found)
		case ctx.Err() == nil:
			m.app.Logger.WarnContext(ctx, "tenancy: the state of migrations is not known", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-every.C:
		}
	}
}

// lookAtMigrations counts the places that lack a migration.
func (m *Manager) lookAtMigrations(ctx context.Context) (metrics.Migrations, error) {
	found := metrics.Migrations{At: time.Now()}
	for status, err := range m.migrator.Status(ctx) {
		switch {
		case err != nil:
			return found, err
		case status.Err != nil:
			found.Failed++
		case status.Pending > 0:
			found.Behind++
		}
	}
	return found, nil
}
