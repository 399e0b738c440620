package manager_test

import (
	"context"
	"fmt"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// Everything that is wrong is said at once, and none of it in its own words.
func ExampleNew() {
	_, err := manager.New(context.Background(), manager.Config{
		Database:   manager.DatabaseConfig{URL: tenancy.NewSecret("oracle://shop:hunter2@db/shop")},
		Resolution: manager.ResolutionConfig{Strategies: []manager.Strategy{manager.StrategySubdomain}},
	}, manager.App{})
	fmt.Println(err)
	// Output:
	// manager: invalid configuration:
	//   TENANCY_DATABASE_URL (Config.Database.URL) is not a URL of postgres, mysql or sqlite, such as postgres://user:password@host:5432/database
	//   TENANCY_RESOLUTION_DOMAIN_SUFFIX (Config.Resolution.DomainSuffix) is missing: strategy subdomain needs it
}
