package databases_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

// openMariaDB is a Databases.Open for DSNs of go-sql-driver.
func openMariaDB(_ context.Context, t tenancy.Tenant) (driver.Database, error) {
	config, err := mysql.ParseDSN(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return driver.Database{}, errors.New("its DSN does not parse")
	}
	connector, err := mysql.NewConnector(config)
	return driver.Database{Connector: connector, Server: config.Addr}, err
}

// TestMariaDB has the same pools on another database: its connections have
// other optional methods than those of PostgreSQL.
func TestMariaDB(t *testing.T) {
	t.Parallel()
	const budget = 3
	config, err := mysql.ParseDSN(servers.MariaDB(t))
	must(t, err)
	connector, err := mysql.NewConnector(config)
	must(t, err)
	home := entsql.OpenDB(dialect.MySQL, sql.OpenDB(connector))
	drv, err := driver.New(home, driver.Config{Databases: driver.Databases{Open: openMariaDB, MaxConns: budget}})
	must(t, err)
	t.Cleanup(func() { must(t, drv.Close()) })

	tenants := make([]tenancy.Tenant, 5)
	for i := range tenants {
		dsn := servers.MariaDB(t)
		tenants[i] = tenantAt(dsn)
		_, err := drv.ExecContext(as(t, tenants[i]), "CREATE TABLE items (name varchar(64))")
		must(t, err)
		var result sql.Result
		must(t, drv.Exec(as(t, tenants[i]), "INSERT INTO items VALUES (?)", []any{string(tenants[i].ID)}, &result))
	}
	var all sync.WaitGroup
	for worker := range 10 {
		all.Go(func() {
			for i := range 20 {
				if err := whoseOnMariaDB(t.Context(), drv, tenants[(worker+i)%len(tenants)]); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	if s := drv.Stats(); len(s.Servers) != 1 || s.Servers[0].Open > budget || s.Pools != len(tenants) {
		t.Errorf("the statistics are %+v", s)
	}

	tx, err := drv.Tx(as(t, tenants[0]))
	must(t, err)
	must(t, tx.Exec(as(t, tenants[0]), "INSERT INTO items VALUES (?)", []any{"more"}, nil))
	if err := tx.Exec(as(t, tenants[1]), "INSERT INTO items VALUES (?)", []any{"more"}, nil); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Errorf("another tenant's statement in the transaction got %v", err)
	}
	must(t, tx.Rollback())
	must(t, whoseOnMariaDB(t.Context(), drv, tenants[0]))

	config.DBName = "tenancy_test_nowhere"
	nowhere := tenantAt(config.FormatDSN())
	if err := whoseOnMariaDB(t.Context(), drv, nowhere); !errors.Is(err, tenancy.ErrNotProvisioned) || !strings.Contains(err.Error(), nowhere.String()) {
		t.Errorf("a database that is not there got %v", err)
	}
}

func whoseOnMariaDB(ctx context.Context, drv *driver.Driver, t tenancy.Tenant) error {
	var rows entsql.Rows
	if err := drv.Query(tenancy.NewContext(ctx, t), "SELECT name FROM items WHERE 1 = ?", []any{1}, &rows); err != nil {
		return err
	}
	defer rows.Close()
	var found []string
	if err := entsql.ScanSlice(&rows, &found); err != nil {
		return err
	}
	if len(found) != 1 || found[0] != string(t.ID) {
		return fmt.Errorf("%s reads %v", t, found)
	}
	return nil
}
