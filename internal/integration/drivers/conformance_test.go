package drivers_test

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	modernc "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/drivertest"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/schema"
)

// few is how many connections the homes of the suite may have.
const few = 4

func TestConformance(t *testing.T) {
	for _, c := range []struct {
		name string
		cell func(*testing.T) drivertest.Cell
	}{
		{"PostgreSQL/shared", func(t *testing.T) drivertest.Cell { return postgresCell(t, tenancy.IsolationShared) }},
		{"PostgreSQL/rls", func(t *testing.T) drivertest.Cell { return postgresCell(t, tenancy.IsolationRLS) }},
		{"PostgreSQL/schema", func(t *testing.T) drivertest.Cell { return postgresCell(t, tenancy.IsolationSchema) }},
		{"PostgreSQL/database", func(t *testing.T) drivertest.Cell { return postgresCell(t, tenancy.IsolationDatabase) }},
		{"PostgreSQL/hybrid", func(t *testing.T) drivertest.Cell {
			return postgresCell(t, tenancy.IsolationRLS, tenancy.IsolationSchema, tenancy.IsolationDatabase)
		}},
		{"PostgreSQL/rls and schema, by transactions", func(t *testing.T) drivertest.Cell {
			return postgresTxCell(t, tenancy.IsolationRLS, tenancy.IsolationSchema)
		}},
		{"MariaDB/shared", func(t *testing.T) drivertest.Cell { return mariaDBCell(t, tenancy.IsolationShared) }},
		{"MariaDB/schema", func(t *testing.T) drivertest.Cell { return mariaDBCell(t, tenancy.IsolationSchema) }},
		{"MariaDB/database", func(t *testing.T) drivertest.Cell { return mariaDBCell(t, tenancy.IsolationDatabase) }},
		{"MariaDB/hybrid", func(t *testing.T) drivertest.Cell {
			return mariaDBCell(t, tenancy.IsolationShared, tenancy.IsolationSchema, tenancy.IsolationDatabase)
		}},
		{"SQLite/shared", func(t *testing.T) drivertest.Cell { return sqliteCell(t, tenancy.IsolationShared) }},
		{"SQLite/schema", func(t *testing.T) drivertest.Cell { return sqliteCell(t, tenancy.IsolationSchema) }},
		{"SQLite/database", func(t *testing.T) drivertest.Cell { return sqliteCell(t, tenancy.IsolationDatabase) }},
		{"SQLite/hybrid", func(t *testing.T) drivertest.Cell {
			return sqliteCell(t, tenancy.IsolationShared, tenancy.IsolationSchema, tenancy.IsolationDatabase)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			drivertest.Run(t, c.cell(t))
		})
	}
}

// four returns four tenants that have the isolations in turn.
func four(t *testing.T, isolations []tenancy.Isolation, place func(*testing.T, *tenancy.Tenant)) (tenants []tenancy.Tenant) {
	t.Helper()
	for i := range 4 {
		tenant := tenancy.Tenant{
			ID: tenancy.ID(fmt.Sprintf("tenant-%d", i)), Identifier: fmt.Sprintf("tenant-%d", i), Isolation: isolations[i%len(isolations)],
		}
		place(t, &tenant)
		tenants = append(tenants, tenant)
	}
	return tenants
}

// absent returns a tenant for each isolation that has places, without one.
func absent(isolations []tenancy.Isolation, url string) (missing []tenancy.Tenant) {
	for _, isolation := range isolations {
		tenant := tenancy.Tenant{ID: "absent-" + tenancy.ID(isolation), Identifier: "absent", Isolation: isolation}
		switch isolation {
		case tenancy.IsolationSchema:
			tenant.Placement.Schema = "tenancy_test_absent_" + randomName()
		case tenancy.IsolationDatabase:
			tenant.Placement.DatabaseURL = tenancy.NewSecret(url)
		default:
			continue
		}
		missing = append(missing, tenant)
	}
	return missing
}

func limited(db *sql.DB) *sql.DB {
	db.SetMaxOpenConns(few)
	return db
}

func postgresCell(t *testing.T, isolations ...tenancy.Isolation) drivertest.Cell {
	c, _ := postgresCellOf(t, isolations)
	return c
}

// postgresCellOf returns a cell, and the address of its home.
func postgresCellOf(t *testing.T, isolations []tenancy.Isolation) (c drivertest.Cell, app string) {
	t.Helper()
	h := newPostgresHome(t)
	owner := open(t, "pgx", h.owner)
	exec(t.Context(), t, owner, drivertest.TenantTable(dialect.Postgres), drivertest.GlobalTable(dialect.Postgres))
	held := isolations[0] != tenancy.IsolationShared
	if isolations[0] == tenancy.IsolationRLS {
		exec(t.Context(), t, owner, postgres.Policies(schema.Metadata{Tables: []schema.Table{
			{Name: "drivertest_items", Entity: "Item", TenantColumn: "tenant_id", ColumnType: "string", PrimaryKey: []string{"id"}},
		}})...)
	}
	tenants := four(t, isolations, func(t *testing.T, tenant *tenancy.Tenant) {
		switch tenant.Isolation {
		case tenancy.IsolationSchema:
			tenant.Placement.Schema = "Tenant_" + randomName()
			quoted := pgx.Identifier{tenant.Placement.Schema}.Sanitize()
			exec(t.Context(), t, owner, "CREATE SCHEMA "+quoted)
			exec(t.Context(), t, open(t, "pgx", within(t, h.owner, "search_path", quoted)), drivertest.TenantTable(dialect.Postgres))
		case tenancy.IsolationDatabase:
			address := servers.Postgres(t)
			exec(t.Context(), t, open(t, "pgx", address), drivertest.TenantTable(dialect.Postgres))
			tenant.Placement.DatabaseURL = tenancy.NewSecret(address)
		default:
		}
	})
	return drivertest.Cell{
		Home: func(testing.TB) dialect.Driver { return limitedHome(switching(t, h.app)) },
		Config: func(testing.TB) driver.Config {
			return driver.Config{System: switching(t, h.system), Databases: driver.Databases{Open: postgres.Databases{}.Open, MaxConns: few}}
		},
		Tenants:  tenants,
		Held:     held,
		Missing:  absent(isolations, within(t, h.owner, "dbname", "tenancy_test_absent")),
		ReadOnly: true,
	}, h.app
}

func limitedHome(d *entsql.Driver) *entsql.Driver {
	limited(d.DB())
	return d
}

// postgresTxCell has a home that acts for tenants by transactions.
func postgresTxCell(t *testing.T, isolations ...tenancy.Isolation) drivertest.Cell {
	c, app := postgresCellOf(t, isolations)
	c.QueryInTx = true
	c.Home = func(testing.TB) dialect.Driver {
		db, err := sql.Open("pgx", app)
		if err != nil {
			t.Fatal(err)
		}
		return postgres.Transactions(limitedHome(entsql.OpenDB(dialect.Postgres, db)))
	}
	return c
}

func mariaDBCell(t *testing.T, isolations ...tenancy.Isolation) drivertest.Cell {
	dsn := servers.MariaDB(t)
	exec(t.Context(), t, open(t, "mysql", dsn), drivertest.TenantTable(dialect.MySQL), drivertest.GlobalTable(dialect.MySQL))
	tenants := four(t, isolations, func(t *testing.T, tenant *tenancy.Tenant) {
		if tenant.Isolation == tenancy.IsolationShared {
			return
		}
		own := servers.MariaDB(t)
		exec(t.Context(), t, open(t, "mysql", own), drivertest.TenantTable(dialect.MySQL))
		if tenant.Isolation == tenancy.IsolationDatabase {
			tenant.Placement.DatabaseURL = tenancy.NewSecret(own)
		} else {
			tenant.Placement.Schema = databaseOf(t, own)
		}
	})
	return drivertest.Cell{
		Home: func(testing.TB) dialect.Driver { return mysql.Schemas(limitedHome(mariaDBPool(t, dsn))) },
		Config: func(testing.TB) driver.Config {
			return driver.Config{Databases: driver.Databases{Open: mysql.Open(parseDSN), MaxConns: few}}
		},
		Tenants:  tenants,
		Held:     isolations[0] != tenancy.IsolationShared,
		Missing:  absent(isolations, withDatabase(t, dsn, "tenancy_test_absent")),
		ReadOnly: true,
	}
}

func sqliteCell(t *testing.T, isolations ...tenancy.Isolation) drivertest.Cell {
	dir := t.TempDir()
	home, global := filepath.Join(dir, "home.db"), filepath.Join(dir, "global.db")
	exec(t.Context(), t, open(t, "sqlite", sqliteFile(home)), drivertest.TenantTable(dialect.SQLite))
	exec(t.Context(), t, open(t, "sqlite", sqliteFile(global)), drivertest.GlobalTable(dialect.SQLite))
	files, err := sqlite.New(sqlite.Config{
		Driver: &modernc.Driver{}, Dir: dir, Home: home, Global: global,
		Metadata: schema.Metadata{Tables: []schema.Table{{Name: "drivertest_items", TenantColumn: "tenant_id"}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	tenants := four(t, isolations, func(t *testing.T, tenant *tenancy.Tenant) {
		name := "tenant_" + randomName()
		switch tenant.Isolation {
		case tenancy.IsolationSchema:
			tenant.Placement.Schema = name
		case tenancy.IsolationDatabase:
			tenant.Placement.DatabaseURL = tenancy.NewSecret("file:" + filepath.ToSlash(filepath.Join(dir, name+".db")))
		default:
			return
		}
		exec(t.Context(), t, open(t, "sqlite", sqliteFile(filepath.Join(dir, name+".db"))), drivertest.TenantTable(dialect.SQLite))
	})
	return drivertest.Cell{
		Home: func(testing.TB) dialect.Driver {
			return entsql.OpenDB(dialect.SQLite, limited(sql.OpenDB(files.Home())))
		},
		Config: func(testing.TB) driver.Config {
			return driver.Config{
				System:    entsql.OpenDB(dialect.SQLite, sql.OpenDB(files.System())),
				Databases: driver.Databases{Open: files.Open, MaxConns: few},
			}
		},
		Tenants: tenants,
		Held:    isolations[0] != tenancy.IsolationShared,
		Missing: absent(isolations, "file:"+filepath.ToSlash(filepath.Join(dir, "absent.db"))),
	}
}
