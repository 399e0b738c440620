// Package observe has what is told of statements, requests, System scopes and
// the lifecycle of tenants, and needs nothing but a logger for it.
//
//	log, err := observe.NewLog(slog.Default(), observe.LogConfig{SlowStatement: 100 * time.Millisecond})
//	drv, err := driver.New(home, driver.Config{Observer: log})
//
// A [Log] writes slow statements with the id of their tenant, what was refused
// between tenants, requests, System scopes and what was done to tenants. It
// never writes an argument of a statement, nor the text of a database's error,
// which may quote a row: [ErrorType] says of which kind it was.
//
// A [Top] gives the tenants that are busiest, and a rest: for metrics, where each
// tenant by itself would be too many. Package metrics counts with it;
// contrib/tenancyprom and contrib/tenancyotel tell Prometheus and OpenTelemetry.
//
// Several observers are one by tenancy.Observers.
package observe
