// Package tenancyotel tells OpenTelemetry what happens, as spans and metrics.
//
//	var drv *driver.Driver // made last, with the others as its Observer
//	counted, err := metrics.NewCollector(metrics.Config{Driver: func() driver.Stats { return drv.Stats() }})
//	observer, err := tenancyotel.New(tenancyotel.Config{System: "postgresql", Source: counted})
//	drv, err = driver.New(home, driver.Config{Observer: tenancy.Observers(observer, counted)})
//
// With a Manager, whose Metrics are there only after it was made:
//
//	observer, err := tenancyotel.New(tenancyotel.Config{System: "postgresql"})
//	m, err := manager.New(ctx, config, manager.App{Observer: observer})
//	err = observer.Watch(m.Metrics())
//
// # Spans
//
// Each statement is a client span, named by its first word, with
// db.operation.name and db.system.name of the semantic conventions. What the
// database client traces is below it. The decision about a request is a span
// "tenancy.resolve", and each change of a tenant one by the name of its action. A
// System scope is an event "tenancy.system" on the span that it begins in, with
// its reason.
//
// A failed statement has error.type, by observe.ErrorType. The error's text, which
// may quote a row, is never recorded, nor is an argument. The text of statements
// and the id of the tenant are options.
//
// # Metrics
//
// db.client.operation.duration has operation, isolation and error.type, and no
// tenant. With Config.Source all that package metrics counts is there as well:
// tenancy.tenant.* has the attribute tenancy.tenant.id, of the busiest tenants and
// "other" for the rest, as many as metrics.Config.Tenants says. Where the
// MeterProvider has one reader, these counters do not fall from one collection to the
// next. A tenant that was missing from one, because
// others were busier, begins at zero when it comes back, as after a restart.
package tenancyotel
