package metrics_test

import (
	"context"
	"fmt"
	"net/http"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/metrics"
)

// A collector counts what it is told, and shows it as a struct and as JSON.
func ExampleNewCollector() {
	collector, err := metrics.NewCollector(metrics.Config{Tenants: 50})
	if err != nil {
		fmt.Println(err)
		return
	}
	var observer tenancy.Observer = collector // for driver.Config and middleware.Config
	observer.Lifecycle(context.Background(), tenancy.LifecycleEvent{Action: "suspend"})

	operators := http.NewServeMux()
	operators.Handle("GET /metrics.json", collector.Handler())
	fmt.Println(collector.Metrics().Lifecycle)
	// Output: [{suspend 1 0}]
}
