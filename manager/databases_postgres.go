package manager

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/schema"
)

// postgresDatabases reaches PostgreSQL by pgx.
type postgresDatabases struct {
	config Config
	tables schema.Metadata // of tenants in the home
}

func (p postgresDatabases) home(address tenancy.Secret, system bool) (pool, error) {
	pg, err := p.parse(address)
	if err != nil {
		return pool{}, err
	}
	config := p.connection()
	if !system {
		// A System scope has a role of its own. Behind row-level security it would see no rows without.
		config.RefuseSystem = !p.config.Database.SystemURL.IsZero() || p.config.Isolation.usesRLS()
		config.AllowSystem = newSystemView(p, address).allow
	}
	connector, err := postgres.NewConnector(pg, config)
	if err != nil {
		return pool{}, err
	}
	db := sql.OpenDB(connector)
	p.config.Database.limit(db)
	return onDriver(dialect.Postgres, db), nil
}

func (postgresDatabases) prepare() error { return nil }

func (p postgresDatabases) admin() (*sql.DB, error) { return p.plain(p.config.Database.AdminURL) }

func (p postgresDatabases) open(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
	opener := postgres.Databases{
		Config: p.connection(),
		Adjust: func(_ context.Context, _ tenancy.Tenant, config *pgx.ConnConfig) error {
			config.ConnectTimeout = p.config.Database.ConnectTimeout
			return nil
		},
	}
	return opener.Open(ctx, t)
}

// owned reaches a tenant's database as the role that makes databases on its
// server, which owns them; on any other server, as its placement says.
func (p postgresDatabases) owned(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
	pg, err := p.parse(t.Placement.DatabaseURL)
	if err != nil {
		return migrate.Database{}, err
	}
	owner, err := p.parse(p.serverURL())
	if err != nil {
		return migrate.Database{}, err
	}
	if pg.Host == owner.Host && pg.Port == owner.Port {
		pg.User, pg.Password = owner.User, owner.Password
	}
	p.lead(pg)
	return migrate.Database{DB: stdlib.OpenDB(*pg), Server: fmt.Sprintf("%s:%d", pg.Host, pg.Port)}, nil
}

// serverURL is where tenants' databases are made.
func (p postgresDatabases) serverURL() tenancy.Secret {
	if other := p.config.Isolation.ServerURL; !other.IsZero() {
		return other
	}
	return p.config.Database.AdminURL
}

func (p postgresDatabases) server() (*sql.DB, error) {
	if p.config.Isolation.ServerURL.IsZero() {
		return nil, nil //nolint:nilnil // documented: the home's
	}
	return p.plain(p.config.Isolation.ServerURL)
}

func (p postgresDatabases) keepers(home, server *sql.DB, roles func(tenancy.Secret) []string) (map[tenancy.Isolation]namespace.Keeper, error) {
	schemas, err := namespace.NewPostgresSchemas(home, namespace.PostgresSchemasConfig{
		Names: p.config.names(p.config.Database.GlobalSchema), Roles: roles(p.config.Database.AdminURL),
	})
	if err != nil {
		return nil, err
	}
	address, err := serverAs(p.serverURL(), p.config.Database.URL)
	if err != nil {
		return nil, err
	}
	databases, err := namespace.NewPostgresDatabases(server, tenancy.NewSecret(address.String()), namespace.PostgresDatabasesConfig{
		Names: p.config.names(), Roles: roles(p.serverURL()), Schema: p.config.Database.GlobalSchema,
	})
	return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases}, err
}

func (postgresDatabases) locker(home *sql.DB) namespace.Locker { return namespace.PostgresLocker(home) }

// plain opens a pool that acts for nobody in particular.
func (p postgresDatabases) plain(address tenancy.Secret) (*sql.DB, error) {
	pg, err := p.parse(address)
	if err != nil {
		return nil, err
	}
	db := stdlib.OpenDB(*pg)
	p.config.Database.keep(db)
	return db, nil
}

// serving opens a pool that acts for nobody in particular, as a role that serves: there may
// be a pooler before it, on whose connections statements with names outlive a process.
func (p postgresDatabases) serving(address tenancy.Secret) (*sql.DB, error) {
	pg, err := p.parse(address)
	if err != nil {
		return nil, err
	}
	if p.config.Database.Unnamed {
		pg.DefaultQueryExecMode = pgx.QueryExecModeExec
	}
	p.lead(pg)
	db := stdlib.OpenDB(*pg)
	p.config.Database.keep(db)
	return db, nil
}

// parse does not pass pgx' error on, which quotes the URL.
func (p postgresDatabases) parse(address tenancy.Secret) (*pgx.ConnConfig, error) {
	pg, err := pgx.ParseConfig(address.Reveal())
	if err != nil {
		return nil, fmt.Errorf("manager: %w: not a URL such as postgres://user:password@host:5432/database", tenancy.ErrInvalidPlacement)
	}
	pg.ConnectTimeout = p.config.Database.ConnectTimeout
	return pg, nil
}
