package drivers_test

import (
	"database/sql"
	"net/url"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

func postgresCells() []cell {
	return []cell{
		{name: "PostgreSQL/shared", open: postgresShared, leaks: all},
		{name: "PostgreSQL/rls", open: postgresRLS},
		{name: "PostgreSQL/schema", open: postgresSchema},
		{name: "PostgreSQL/database", open: postgresDatabase},
		{name: "PostgreSQL/hybrid, schema beside shared", open: postgresSchemaBesideShared},
		{name: "PostgreSQL/hybrid, schema beside rls", open: postgresSchemaBesideRLS},
		{name: "PostgreSQL/hybrid, rls beside database", open: postgresRLSBesideDatabase},
	}
}

// postgresHome is a PostgreSQL database with the roles of a deployment.
type postgresHome struct {
	owner, app, system string
}

func newPostgresHome(t *testing.T) postgresHome {
	t.Helper()
	owner, app, system := servers.PostgresRoles(t)
	return postgresHome{owner, app, system}
}

// driver is a home that switches, for the role of the address.
func switching(t *testing.T, address string) *entsql.Driver {
	t.Helper()
	config, err := pgx.ParseConfig(address)
	if err != nil {
		t.Fatal("the address does not parse")
	}
	config.RuntimeParams["synchronous_commit"] = "off" // the worlds are many
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		t.Fatal(err)
	}
	return entsql.OpenDB(dialect.Postgres, sql.OpenDB(connector))
}

// postgresAdmin is a superuser's pool in the database of the address, in which
// foreign keys are not enforced.
func postgresAdmin(t *testing.T, address, schema string) *sql.DB {
	t.Helper()
	database, err := url.Parse(address)
	if err != nil {
		t.Fatal("the address does not parse")
	}
	admin, err := url.Parse(servers.PostgresAdmin(t))
	if err != nil {
		t.Fatal("the administrator's address does not parse")
	}
	admin.Path = database.Path
	admin.RawQuery = database.RawQuery
	return open(t, "pgx", within(t, admin.String(), "session_replication_role", "replica", "search_path", schema, "synchronous_commit", "off"))
}

// within adds parameters to an address.
func within(t *testing.T, address string, parameters ...string) string {
	t.Helper()
	u, err := url.Parse(address)
	if err != nil {
		t.Fatal("the address does not parse")
	}
	q := u.Query()
	for i := 0; i < len(parameters); i += 2 {
		q.Set(parameters[i], parameters[i+1])
	}
	u.RawQuery = q.Encode()
	return u.String()
}

func postgresShared(t *testing.T) *isolation.Database {
	h := newPostgresHome(t)
	tables(t, dialect.Postgres, "pgx", h.owner, migrate.Tables, plain)
	db := attacked(t, switching(t, h.app), driver.Config{})
	db.Admin = postgresAdmin(t, h.owner, "public")
	db.Excuses = 20
	return db
}

func postgresRLS(t *testing.T) *isolation.Database {
	h := newPostgresHome(t)
	tables(t, dialect.Postgres, "pgx", h.owner, migrate.Tables, withRLS)
	db := attacked(t, switching(t, h.app), driver.Config{System: switching(t, h.system)})
	db.Admin, db.Hides = postgresAdmin(t, h.owner, "public"), true
	db.A.Isolation, db.B.Isolation = tenancy.IsolationRLS, tenancy.IsolationRLS
	db.Excuses = 20
	return db
}

func withRLS(drv *entsql.Driver) []schema.MigrateOption {
	return postgres.MigrateOptions(drv, migrate.Tenancy)
}

func postgresSchema(t *testing.T) *isolation.Database {
	h := newPostgresHome(t)
	tables(t, dialect.Postgres, "pgx", h.owner, ofHome(t), plain)
	db := attacked(t, switching(t, h.app), driver.Config{})
	db.Admin = postgresAdmin(t, h.owner, "public")
	a, b := ids()
	db.A, db.B = h.inSchema(t, a), h.inSchema(t, b)
	db.Excuses = 20
	return db
}

// inSchema makes a schema for a tenant.
func (h postgresHome) inSchema(t *testing.T, id tenancy.ID) isolation.Tenant {
	t.Helper()
	name := "tenant_" + randomName()
	quoted := pgx.Identifier{name}.Sanitize()
	exec(t.Context(), t, open(t, "pgx", h.owner), "CREATE SCHEMA "+quoted)
	tables(t, dialect.Postgres, "pgx", within(t, h.owner, "search_path", quoted), ofTenants(t), plain)
	return isolation.Tenant{
		Tenant: tenancy.Tenant{ID: id, Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: name}},
		Admin:  postgresAdmin(t, h.owner, quoted),
	}
}

func postgresDatabase(t *testing.T) *isolation.Database {
	h := newPostgresHome(t)
	tables(t, dialect.Postgres, "pgx", h.owner, ofHome(t), plain)
	db := attacked(t, switching(t, h.app), driver.Config{Databases: driver.Databases{Open: postgres.Databases{}.Open}})
	db.Admin, db.Refuses = postgresAdmin(t, h.owner, "public"), spans
	a, b := ids()
	db.A, db.B = inPostgresDatabase(t, a), inPostgresDatabase(t, b)
	db.Excuses = 80
	return db
}

// inPostgresDatabase makes a database for a tenant, with a role of its own.
func inPostgresDatabase(t *testing.T, id tenancy.ID) isolation.Tenant {
	t.Helper()
	address := servers.Postgres(t)
	tables(t, dialect.Postgres, "pgx", address, ofTenants(t), plain)
	return isolation.Tenant{
		Tenant: tenancy.Tenant{ID: id, Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(address)}},
		Admin:  postgresAdmin(t, address, "public"),
	}
}

// postgresHybrid has a home, behind row-level security or not, and tenants elsewhere.
func postgresHybrid(t *testing.T, options func(*entsql.Driver) []schema.MigrateOption) (postgresHome, *isolation.Database) {
	t.Helper()
	h := newPostgresHome(t)
	tables(t, dialect.Postgres, "pgx", h.owner, ofHome(t), options)
	db := attacked(t, switching(t, h.app), driver.Config{
		System: switching(t, h.system), Databases: driver.Databases{Open: postgres.Databases{}.Open},
	})
	db.Admin, db.Refuses = postgresAdmin(t, h.owner, "public"), spans
	return h, db
}

func postgresSchemaBesideShared(t *testing.T) *isolation.Database {
	h, db := postgresHybrid(t, plain)
	a, b := ids()
	db.A, db.B.Tenant = h.inSchema(t, a), tenancy.Tenant{ID: b, Isolation: tenancy.IsolationShared}
	db.Excuses = 20
	return db
}

func postgresSchemaBesideRLS(t *testing.T) *isolation.Database {
	h, db := postgresHybrid(t, withRLS)
	a, b := ids()
	db.A, db.B.Tenant = h.inSchema(t, a), tenancy.Tenant{ID: b, Isolation: tenancy.IsolationRLS}
	db.Excuses = 20
	return db
}

func postgresRLSBesideDatabase(t *testing.T) *isolation.Database {
	_, db := postgresHybrid(t, withRLS)
	a, b := ids()
	db.A.Tenant, db.B = tenancy.Tenant{ID: a, Isolation: tenancy.IsolationRLS}, inPostgresDatabase(t, b)
	db.Excuses = 20
	return db
}
