package noninterference_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"fmt"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/noninterference"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

func mariaDBCells() []noninterference.Cell {
	return []noninterference.Cell{
		{Name: "MariaDB shared", NoRawSQL: true, OneWriter: true, Open: mariaDBShared},
		{Name: "MariaDB shared and schema", NoRawSQL: true, OneWriter: true, Open: inMariaDB(tenancy.IsolationShared, tenancy.IsolationSchema)},
		{Name: "MariaDB schema", Open: inMariaDB(tenancy.IsolationSchema)},
		{Name: "MariaDB database", NoGlobals: true, Open: inMariaDB(tenancy.IsolationDatabase)},
		{Name: "MariaDB hybrid", NoGlobals: true, Open: inMariaDB(tenancy.IsolationSchema, tenancy.IsolationDatabase)},
	}
}

// mariaDBShared has its client's driver for database/sql under ent, and
// nothing of this module.
func mariaDBShared(tb testing.TB) *noninterference.Place {
	tb.Helper()
	dsn := servers.MariaDB(tb)
	makeTables(tb, dialect.MySQL, "mysql", dsn, migrate.Tables, plain)
	admin := administrator(tb, dsn)
	makeGlobals(tb, admin)
	return &noninterference.Place{
		Driver: mariaDBPool(tb, dsn), Tenants: tenants(tenancy.IsolationShared), Connections: connections,
		Reset: resets(tables{admin, databaseOf(tb, dsn) + ".`%s`"}), Kill: killMariaDB(tb, admin, dsn),
	}
}

// inMariaDB returns a place with a database for each tenant that does not share the
// home's tables, reached from the home's pool or from one of its own.
func inMariaDB(isolations ...tenancy.Isolation) func(testing.TB) *noninterference.Place {
	return func(tb testing.TB) *noninterference.Place {
		tb.Helper()
		home := servers.MariaDB(tb)
		own, _ := halves(tb)
		makeTables(tb, dialect.MySQL, "mysql", home, migrate.Tables, plain)
		admin := administrator(tb, home)
		makeGlobals(tb, admin)

		all := tenants(isolations...)
		emptied, used := []tables{{admin, databaseOf(tb, home) + ".`%s`"}}, []string{home}
		for i := range all {
			if all[i].Isolation == tenancy.IsolationShared {
				continue
			}
			dsn := servers.MariaDB(tb)
			makeTables(tb, dialect.MySQL, "mysql", dsn, own, plain)
			if all[i].Isolation == tenancy.IsolationSchema {
				all[i].Placement.Schema = databaseOf(tb, dsn)
			} else {
				all[i].Placement.DatabaseURL = tenancy.NewSecret(dsn)
			}
			emptied, used = append(emptied, tables{admin, databaseOf(tb, dsn) + ".`%s`"}), append(used, dsn)
		}
		place := driven(tb, mysql.Schemas(mariaDBPool(tb, home)), driver.Config{Databases: driver.Databases{Open: mysql.Open(parseDSN)}}, all)
		place.Reset, place.Kill = resets(emptied...), killMariaDB(tb, admin, used...)
		place.Table = func(name string) string { return "`" + schema.TenantTables + "`.`" + name + "`" }
		return place
	}
}

// parseDSN has killed connections reported once, as errors and not in the log
// too, and rows counted that an update finds as they are to be, as elsewhere.
func parseDSN(dsn string) (sqldriver.Connector, string, error) {
	config, err := gomysql.ParseDSN(dsn)
	if err != nil {
		return nil, "", err
	}
	config.Logger, config.ClientFoundRows = &gomysql.NopLogger{}, true
	connector, err := gomysql.NewConnector(config)
	return connector, config.Addr, err
}

func mariaDBPool(tb testing.TB, dsn string) *entsql.Driver {
	tb.Helper()
	connector, _, err := parseDSN(dsn)
	must(tb, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	tb.Cleanup(func() { _ = db.Close() })
	return entsql.OpenDB(dialect.MySQL, db)
}

func databaseOf(tb testing.TB, dsn string) string {
	tb.Helper()
	config, err := gomysql.ParseDSN(dsn)
	must(tb, err)
	return config.DBName
}

// administrator is one connection that takes several statements at once.
func administrator(tb testing.TB, dsn string) *sql.DB {
	tb.Helper()
	config, err := gomysql.ParseDSN(dsn)
	must(tb, err)
	config.MultiStatements = true
	db := open(tb, "mysql", config.FormatDSN())
	db.SetMaxOpenConns(1)
	return db
}

// killMariaDB returns a function that ends the sessions in the databases of
// DSNs but the administrator's, and waits until they have ended.
func killMariaDB(tb testing.TB, admin *sql.DB, dsns ...string) func(context.Context) error {
	tb.Helper()
	var databases []string
	for _, dsn := range dsns {
		databases = append(databases, "'"+databaseOf(tb, dsn)+"'")
	}
	list := "SELECT id FROM information_schema.processlist WHERE id <> CONNECTION_ID() AND db IN (" + strings.Join(databases, ", ") + ")"
	return func(ctx context.Context) error {
		for {
			ids, err := integers(ctx, admin, list)
			if err != nil || len(ids) == 0 {
				return err
			}
			for _, id := range ids {
				_, _ = admin.ExecContext(ctx, fmt.Sprint("KILL CONNECTION ", id)) // it may be gone by now
			}
			select {
			case <-ctx.Done():
				return ctx.Err()
			case <-time.After(time.Millisecond):
			}
		}
	}
}

func integers(ctx context.Context, db *sql.DB, query string) (all []int64, err error) {
	rows, err := db.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	for rows.Next() {
		var n int64
		if err := rows.Scan(&n); err != nil {
			return nil, err
		}
		all = append(all, n)
	}
	return all, rows.Err()
}
