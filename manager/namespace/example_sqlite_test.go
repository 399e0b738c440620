package namespace_test

import (
	sqldriver "database/sql/driver"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/manager/namespace"
)

// Every tenant has a file, in the directory where the application's driver looks
// for it.
func ExampleNewSQLite() {
	keepers := func(lite sqldriver.Driver) (map[tenancy.Isolation]namespace.Keeper, error) {
		files, err := sqlite.New(sqlite.Config{Driver: lite, Dir: "tenants"})
		if err != nil {
			return nil, err
		}
		keeper, err := namespace.NewSQLite(files, lite, namespace.SQLiteConfig{})
		return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: keeper}, err
	}
	_ = keepers // with &modernc.Driver{}, for LifecycleConfig.Namespaces
}
