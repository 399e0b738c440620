package tenancyotel_test

import (
	"context"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyotel"
	"github.com/entenancy/tenancy/manager"
)

// A Manager wants its observer before it has metrics.
func ExampleObserver_Watch() {
	start := func(ctx context.Context, config manager.Config, app manager.App) (*manager.Manager, error) {
		observer, err := tenancyotel.New(tenancyotel.Config{System: "postgresql"})
		if err != nil {
			return nil, err
		}
		app.Observer = tenancy.Observers(app.Observer, observer)
		m, err := manager.New(ctx, config, app)
		if err != nil {
			return nil, err
		}
		if err := observer.Watch(m.Metrics()); err != nil {
			return nil, fmt.Errorf("watching: %w", err)
		}
		return m, nil
	}
	_ = start // and go on with m.Start
}
