package noninterference_test

import (
	"context"
	"database/sql"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"github.com/jackc/pgx/v5"
	_ "github.com/jackc/pgx/v5/stdlib" // registers pgx

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/noninterference"
	"github.com/entenancy/tenancy/internal/integration/servers"
)

func postgresCells() []noninterference.Cell {
	return []noninterference.Cell{
		{Name: "PostgreSQL shared", NoRawSQL: true, Open: postgresShared},
		{Name: "PostgreSQL shared and schema", NoRawSQL: true, Open: inPostgres(tenancy.IsolationShared, tenancy.IsolationSchema)},
		{Name: "PostgreSQL rls", Open: inPostgres(tenancy.IsolationRLS)},
		{Name: "PostgreSQL schema", Open: inPostgres(tenancy.IsolationSchema)},
		{Name: "PostgreSQL database", NoGlobals: true, Open: inPostgres(tenancy.IsolationDatabase)},
		{Name: "PostgreSQL hybrid", NoGlobals: true, Open: inPostgres(tenancy.IsolationRLS, tenancy.IsolationSchema, tenancy.IsolationDatabase)},
	}
}

// postgresShared has pgx's own driver for database/sql under the client, and
// nothing of this module.
func postgresShared(tb testing.TB) *noninterference.Place {
	tb.Helper()
	address := servers.Postgres(tb)
	makeTables(tb, dialect.Postgres, "pgx", address, migrate.Tables, plain)
	admin := superuser(tb, address)
	makeGlobals(tb, admin)
	return &noninterference.Place{
		Driver: entsql.OpenDB(dialect.Postgres, open(tb, "pgx", address)), Tenants: tenants(tenancy.IsolationShared), Connections: connections,
		Reset: resets(tables{admin, `"%s"`}), Kill: killPostgres(tb, admin, address),
	}
}

// inPostgres returns a place whose home is behind row-level security, unless
// tenants are in tables that they share without, and others elsewhere.
func inPostgres(isolations ...tenancy.Isolation) func(testing.TB) *noninterference.Place {
	return func(tb testing.TB) *noninterference.Place {
		tb.Helper()
		place, _ := postgresPlace(tb, isolations...)
		return place
	}
}

// postgresPlace returns the place and its home's administrator.
func postgresPlace(tb testing.TB, isolations ...tenancy.Isolation) (*noninterference.Place, *sql.DB) {
	tb.Helper()
	owner, app, system := servers.PostgresRoles(tb)
	options := withRLS
	if slices.Contains(isolations, tenancy.IsolationShared) {
		options = plain
	}
	makeTables(tb, dialect.Postgres, "pgx", owner, migrate.Tables, options)
	admin := superuser(tb, owner)
	makeGlobals(tb, admin)

	all := tenants(isolations...)
	emptied, used := []tables{{admin, `public."%s"`}}, []string{app}
	for i := range all {
		switch all[i].Isolation {
		case tenancy.IsolationSchema:
			name := fmt.Sprintf("Tenant-%d", i)
			all[i].Placement.Schema = name
			makeSchema(tb, owner, name)
			emptied = append(emptied, tables{admin, pgx.Identifier{name}.Sanitize() + `."%s"`})
		case tenancy.IsolationDatabase:
			address := servers.Postgres(tb)
			all[i].Placement.DatabaseURL = tenancy.NewSecret(address)
			own, _ := halves(tb)
			makeTables(tb, dialect.Postgres, "pgx", address, own, plain)
			emptied, used = append(emptied, tables{superuser(tb, address), `"%s"`}), append(used, address)
		default: // in the home
		}
	}
	place := driven(tb, switching(tb, app), driver.Config{
		System: switching(tb, system), Databases: driver.Databases{Open: postgres.Databases{}.Open},
	}, all)
	place.Reset, place.Kill = resets(emptied...), killPostgres(tb, admin, used...)
	return place, admin
}

func withRLS(drv *entsql.Driver) []entschema.MigrateOption {
	return postgres.MigrateOptions(drv, migrate.Tenancy)
}

// makeSchema makes a schema with the tables of a tenant.
func makeSchema(tb testing.TB, owner, name string) {
	tb.Helper()
	quoted := pgx.Identifier{name}.Sanitize()
	_, err := open(tb, "pgx", owner).ExecContext(tb.Context(), "CREATE SCHEMA "+quoted)
	must(tb, err)
	own, _ := halves(tb)
	makeTables(tb, dialect.Postgres, "pgx", with(tb, owner, "search_path", quoted), own, plain)
}

// switching is a home that switches, for the role of the address.
func switching(tb testing.TB, address string) *entsql.Driver {
	tb.Helper()
	config, err := pgx.ParseConfig(address)
	must(tb, err)
	connector, err := postgres.NewConnector(config, postgres.Config{})
	must(tb, err)
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(connections)
	db.SetMaxIdleConns(connections)
	return entsql.OpenDB(dialect.Postgres, db)
}

// superuser is the server's administrator in the database of the address.
func superuser(tb testing.TB, address string) *sql.DB {
	tb.Helper()
	database, err := url.Parse(address)
	must(tb, err)
	admin, err := url.Parse(servers.PostgresAdmin(tb))
	must(tb, err)
	admin.Path = database.Path
	return open(tb, "pgx", with(tb, admin.String(), "default_query_exec_mode", "simple_protocol"))
}

// with adds a parameter to an address.
func with(tb testing.TB, address, name, value string) string {
	tb.Helper()
	u, err := url.Parse(address)
	must(tb, err)
	q := u.Query()
	q.Set(name, value)
	u.RawQuery = q.Encode()
	return u.String()
}

// killPostgres returns a function that ends the sessions of the addresses'
// roles in their databases.
func killPostgres(tb testing.TB, admin *sql.DB, addresses ...string) func(context.Context) error {
	tb.Helper()
	var sessions []string
	for _, address := range addresses {
		u, err := url.Parse(address)
		must(tb, err)
		sessions = append(sessions, fmt.Sprintf("('%s', '%s')", u.User.Username(), strings.TrimPrefix(u.Path, "/")))
	}
	kill := "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity WHERE (usename, datname) IN (" + strings.Join(sessions, ", ") + ")"
	return func(ctx context.Context) error {
		_, err := admin.ExecContext(ctx, kill)
		return err
	}
}
