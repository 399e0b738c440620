// Package metrics counts what happens, and says what pools, caches, limiters and
// migrations are at: as a plain struct, and over HTTP as JSON.
//
//	collector, err := metrics.NewCollector(metrics.Config{
//		Cache:  cache.Stats,
//		Driver: func() driver.Stats { return drv.Stats() }, // drv is made later, with the collector as its Observer
//		Pools:  map[string]func() sql.DBStats{"home": home.Stats, "system": system.Stats},
//	})
//	drv, err = driver.New(pool, driver.Config{Observer: collector})
//	mux.Handle("GET /metrics.json", collector.Handler()) // for operators only: it names tenants
//
// The [Collector] is a tenancy.Observer, for the driver, the middleware and the
// manager alike; beside others by tenancy.Observers. It needs neither Prometheus
// nor OpenTelemetry: contrib/tenancyprom and contrib/tenancyotel hand what it
// counts to those.
//
// All is counted without tenants, and the busiest tenants by name: as many as
// Config.Tenants says, and one sum of the others. See observe.Top.
package metrics
