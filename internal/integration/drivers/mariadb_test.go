package drivers_test

import (
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	gomysql "github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

func mariaDBCells() []cell {
	return []cell{
		{name: "MariaDB/shared", open: mariaDBShared, leaks: all},
		{name: "MariaDB/schema", open: mariaDBSchema},
		{name: "MariaDB/database", open: mariaDBDatabase},
		{name: "MariaDB/hybrid, schema beside shared", open: mariaDBHybrid, leaks: besideQualified},
	}
}

// besideQualified are the leaks of a text that has a table without a schema
// beside one with: it is the home's, which the tenants without a schema share.
func besideQualified(name string) bool {
	return slices.Contains([]string{
		"raw sub-select in a predicate", "raw sub-select in a selection", "raw sub-select in an aggregation", "raw sub-select in an order",
		"raw sub-select in an update", "Modify with UNION ALL", "Modify with JOIN", "Modify with a second FROM",
		"built sub-select in a predicate", "sqlgraph.HasNeighborsWith by hand",
	}, name)
}

// unqualified reports what the home does not send.
func unqualified(err error) bool { return errors.Is(err, mysql.ErrUnqualified) }

func mariaDBPool(t *testing.T, dsn string) *entsql.Driver {
	t.Helper()
	db, err := sql.Open("mysql", dsn)
	if err != nil {
		t.Fatal(err)
	}
	return entsql.OpenDB(dialect.MySQL, db)
}

// mariaDBAdmin is a pool in which foreign keys are not enforced.
func mariaDBAdmin(t *testing.T, dsn string) *sql.DB {
	t.Helper()
	return open(t, "mysql", dsn+"&foreign_key_checks=0")
}

func mariaDBShared(t *testing.T) *isolation.Database {
	dsn := servers.MariaDB(t)
	tables(t, dialect.MySQL, "mysql", dsn, migrate.Tables, plain)
	db := attacked(t, mariaDBPool(t, dsn), driver.Config{})
	db.Admin, db.Excuses = mariaDBAdmin(t, dsn), 20
	return db
}

// mariaDBBeside is a home of tenants elsewhere, with tables of tenants of its
// own or without.
func mariaDBBeside(t *testing.T, shared bool) *isolation.Database {
	t.Helper()
	dsn := servers.MariaDB(t)
	_, home := halves(t)
	if shared {
		home = ofHome(t)
	}
	tables(t, dialect.MySQL, "mysql", dsn, home, plain)
	db := attacked(t, mysql.Schemas(mariaDBPool(t, dsn)), driver.Config{Databases: driver.Databases{Open: mysql.Open(parseDSN)}})
	db.Globals = mariaDBAdmin(t, dsn)
	if shared {
		db.Admin = db.Globals
	}
	return db
}

func parseDSN(dsn string) (sqldriver.Connector, string, error) {
	config, err := gomysql.ParseDSN(dsn)
	if err != nil {
		return nil, "", err
	}
	connector, err := gomysql.NewConnector(config)
	return connector, config.Addr, err
}

func mariaDBSchema(t *testing.T) *isolation.Database {
	db := mariaDBBeside(t, false)
	a, b := ids()
	db.A, db.B = inMariaDB(t, a, tenancy.IsolationSchema), inMariaDB(t, b, tenancy.IsolationSchema)
	db.Refuses, db.Excuses = unqualified, 20
	return db
}

func mariaDBDatabase(t *testing.T) *isolation.Database {
	db := mariaDBBeside(t, true)
	a, b := ids()
	db.A, db.B = inMariaDB(t, a, tenancy.IsolationDatabase), inMariaDB(t, b, tenancy.IsolationDatabase)
	db.Refuses, db.Excuses = spans, 80
	return db
}

func mariaDBHybrid(t *testing.T) *isolation.Database {
	db := mariaDBBeside(t, true)
	a, b := ids()
	db.A, db.B.Tenant = inMariaDB(t, a, tenancy.IsolationSchema), tenancy.Tenant{ID: b, Isolation: tenancy.IsolationShared}
	db.Refuses, db.Excuses = unqualified, 20
	return db
}

// inMariaDB makes a database for a tenant.
func inMariaDB(t *testing.T, id tenancy.ID, how tenancy.Isolation) isolation.Tenant {
	t.Helper()
	dsn := servers.MariaDB(t)
	tables(t, dialect.MySQL, "mysql", dsn, ofTenants(t), plain)
	tenant := tenancy.Tenant{ID: id, Isolation: how}
	if how == tenancy.IsolationSchema {
		tenant.Placement.Schema = databaseOf(t, dsn)
	} else {
		tenant.Placement.DatabaseURL = tenancy.NewSecret(dsn)
	}
	return isolation.Tenant{Tenant: tenant, Admin: mariaDBAdmin(t, dsn)}
}

func databaseOf(t *testing.T, dsn string) string {
	t.Helper()
	config, err := gomysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("the DSN does not parse")
	}
	return config.DBName
}

func withDatabase(t *testing.T, dsn, name string) string {
	t.Helper()
	config, err := gomysql.ParseDSN(dsn)
	if err != nil {
		t.Fatal("the DSN does not parse")
	}
	config.DBName = name
	return config.FormatDSN()
}
