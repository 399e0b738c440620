// Package tenancyprom shows Prometheus what package metrics counts.
//
//	counted, err := metrics.NewCollector(metrics.Config{…}) // the observer of driver, middleware and manager
//	collector, err := tenancyprom.New(counted)
//	registry.MustRegister(collector) // your registry
//	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
//
// Every metric begins with tenancy_. Only those with tenancy_tenant_ have a label
// tenant: the busiest tenants by id, as many as metrics.Config.Tenants says, and
// "other" for the sum of all others. When a tenant becomes one of the busiest, also
// for another time, its counts begin at zero: rate() is right, and the label's other
// values go away. All other metrics have labels of few values.
package tenancyprom
