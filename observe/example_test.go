package observe_test

import (
	"fmt"
	"log/slog"
	"os"
	"sync/atomic"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/observe"
)

// Statements that take longer than a tenth of a second are logged with their tenant.
func ExampleNewLog() {
	log, err := observe.NewLog(slog.New(slog.NewJSONHandler(os.Stderr, nil)), observe.LogConfig{SlowStatement: 100 * time.Millisecond})
	if err != nil {
		fmt.Println(err)
		return
	}
	var observer tenancy.Observer = log // for driver.Config, middleware.Config and manager.LifecycleConfig
	_ = observer
}

// Two tenants get an account of their own, all others share one.
func ExampleNewTop() {
	top, err := observe.NewTop[atomic.Int64](2)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, id := range []tenancy.ID{"acme", "globex", "acme", "initech", "umbrella"} {
		top.Of(id).Add(1)
	}
	sum := 0
	for range top.Named() {
		sum++
	}
	fmt.Println(sum, "tenants by name, others:", top.Other().Load())
	// Output: 2 tenants by name, others: 2
}
