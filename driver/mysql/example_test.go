package mysql_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"log"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/schema"
)

func ExampleSchemas() {
	open := func(db *sql.DB) (*driver.Driver, error) {
		home := mysql.Schemas(entsql.OpenDB(dialect.MySQL, db))
		return driver.New(home, driver.Config{})
	}
	count := func(drv *driver.Driver) (*sql.Rows, error) {
		ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{
			ID: "acme", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "tenant_acme"},
		})
		// A client made with ent.TenancyDriver names its tables so. This is sent as
		// SELECT COUNT(*) FROM `tenant_acme`.`orders`.
		return drv.QueryContext(ctx, "SELECT COUNT(*) FROM `tenancy_tenant`.`orders`")
	}
	_, _ = open, count
}

func ExampleOpen() {
	// With go-sql-driver: ParseDSN, NewConnector, and Config.Addr.
	parse := func(_ string) (connector sqldriver.Connector, server string, err error) {
		return nil, "", nil
	}
	home := mysql.Schemas(entsql.OpenDB(dialect.MySQL, &sql.DB{}))
	drv, err := driver.New(home, driver.Config{Databases: driver.Databases{Open: mysql.Open(parse)}})
	if err != nil {
		log.Print(err)
		return
	}
	_ = drv
}

func ExampleVerify() {
	tables := schema.Metadata{Tables: []schema.Table{{ // generated as migrate.Tenancy
		Name: "orders", Entity: "Order", TenantColumn: "tenant_id", ColumnType: schema.String, PrimaryKey: []string{"id"},
	}}}
	start := func(ctx context.Context, db *sql.DB) error {
		return mysql.Verify(ctx, db, tables) // do not serve if it fails
	}
	_ = start
}
