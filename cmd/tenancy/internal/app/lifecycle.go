package app

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"slices"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	moderncsqlite "modernc.org/sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/cmd/tenancy/internal/catalog"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/schema"
)

// Lifecycle returns what makes and erases tenants. The one that it is for says
// what has to be known: t has its isolation, and an id if it exists.
func (a *App) Lifecycle(ctx context.Context, t tenancy.Tenant) (*manager.Lifecycle, error) {
	config := manager.LifecycleConfig{Store: a.Tenants, DefaultIsolation: a.DefaultIsolation(), Lock: a.locker()}
	var err error
	if a.OwnPlace(t) {
		if config.Migrations, err = a.Runner(migrate.Config{}); err != nil {
			return nil, err
		}
		if config.Namespaces, err = a.keepers(); err != nil {
			return nil, err
		}
	} else if config.Shared, err = a.sharedTables(ctx); err != nil {
		return nil, err
	}
	if a.Dialect == dialect.Postgres && a.Config.DatabaseURL != a.Config.AdminURL {
		config.Verify = a.verify
	}
	return manager.NewLifecycle(config)
}

func (a *App) locker() namespace.Locker {
	switch a.Dialect {
	case dialect.Postgres:
		return namespace.PostgresLocker(a.Home)
	case dialect.MySQL:
		return namespace.MySQLLocker(a.Home)
	default:
		return namespace.NewLocker()
	}
}

// keepers returns who makes and drops the namespaces of each isolation.
func (a *App) keepers() (map[tenancy.Isolation]namespace.Keeper, error) {
	names := namespace.Names{Prefix: a.Config.NamespacePrefix}
	var schemas, databases namespace.Keeper
	var err, err2 error
	switch a.Dialect {
	case dialect.Postgres:
		schemas, err = namespace.NewPostgresSchemas(a.Home, namespace.PostgresSchemasConfig{Names: names, Roles: a.roles()})
		databases, err2 = namespace.NewPostgresDatabases(a.Home, withoutDatabase(a.Config.DatabaseURL),
			namespace.PostgresDatabasesConfig{Names: names, Roles: a.roles(), Schema: a.Schema()})
	case dialect.MySQL:
		address, dsn := mysqlConfig(a.Config.DatabaseURL)
		if dsn != nil {
			return nil, dsn
		}
		address.DBName = ""
		users := namespace.MySQLConfig{Names: names, Users: a.roles()}
		schemas, err = namespace.NewMySQLSchemas(a.Home, users)
		databases, err2 = namespace.NewMySQLDatabases(a.Home, tenancy.NewSecret(address.FormatDSN()), users)
	default:
		return a.fileKeepers(names)
	}
	return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases}, errors.Join(err, err2)
}

func (a *App) fileKeepers(names namespace.Names) (map[tenancy.Isolation]namespace.Keeper, error) {
	if err := os.MkdirAll(a.Config.TenantsDir, 0o750); err != nil {
		return nil, fmt.Errorf("the directory of tenants' files: %w", err)
	}
	files, err := sqlite.New(sqlite.Config{Driver: &moderncsqlite.Driver{}, Dir: a.Config.TenantsDir})
	if err != nil {
		return nil, err
	}
	schemas, err := namespace.NewSQLite(files, &moderncsqlite.Driver{}, namespace.SQLiteConfig{Names: names})
	databases, err2 := namespace.NewSQLite(files, &moderncsqlite.Driver{}, namespace.SQLiteConfig{Names: names, Dir: a.Config.TenantsDir})
	return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases}, errors.Join(err, err2)
}

// NamespacePrefix is what the names of tenants' namespaces begin with.
func (a *App) NamespacePrefix() string { return cmp.Or(a.Config.NamespacePrefix, "tenant_") }

// roles are those that serve requests. On PostgreSQL the one of the database URL
// is among them, unless it is the owner.
func (a *App) roles() []string {
	roles := list(a.Config.Roles)
	if a.Dialect == dialect.Postgres {
		serving, owner := userOf(a.Config.DatabaseURL), userOf(a.Config.AdminURL)
		if serving != owner && !slices.Contains(roles, serving) {
			roles = append(roles, serving)
		}
	}
	return roles
}

func userOf(address string) string {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return "" // Open has said so
	}
	return config.User
}

// withoutDatabase returns the URL of the server.
func withoutDatabase(address string) tenancy.Secret {
	u, err := url.Parse(address)
	if err != nil {
		return tenancy.Secret{}
	}
	u.Path = ""
	query := u.Query()
	query.Del("search_path")
	u.RawQuery = query.Encode()
	return tenancy.NewSecret(u.String())
}

// TenantTables returns the tables of a schema that hold rows of tenants. It fails
// where it can see that the tenant column of one is not configured.
func (a *App) TenantTables(ctx context.Context, db *sql.DB, schemaName string) (schema.Metadata, error) {
	return catalog.Tenants(ctx, db, a.Dialect, schemaName, list(a.Config.TenantColumn))
}

// sharedTables are empty where the home has none.
func (a *App) sharedTables(ctx context.Context) (manager.SharedTables, error) {
	tables, err := a.TenantTables(ctx, a.Home, a.Schema())
	if err != nil || len(tables.Tables) == 0 {
		return manager.SharedTables{}, err
	}
	home := a.Home
	if a.Dialect == dialect.Postgres {
		if home, err = TenantPool(a.Config.AdminURL); err != nil {
			return manager.SharedTables{}, err
		}
		a.closers = append(a.closers, home.Close)
	}
	drv, err := driver.New(entsql.OpenDB(a.Dialect, home), driver.Config{})
	return manager.SharedTables{Driver: drv, Metadata: tables}, err
}

// verify looks at what was made as the role that will serve from it.
func (a *App) verify(ctx context.Context, t tenancy.Tenant) error {
	at, schemaName := a.Home, a.Schema()
	if t.Isolation == tenancy.IsolationSchema {
		schemaName = t.Placement.Schema
	}
	if t.Isolation == tenancy.IsolationDatabase {
		own, err := a.openTenantPostgres(t)
		if err != nil {
			return err
		}
		defer func() { _ = own.DB.Close() }() // it was only read
		at = own.DB
	}
	tables, err := a.TenantTables(ctx, at, schemaName)
	if err != nil {
		return err
	}
	if len(tables.Tables) == 0 {
		return fmt.Errorf("no table has the column %s: check the migrations, and --tenant-column", cmp.Or(a.Config.TenantColumn, "tenant_id"))
	}
	pool, err := TenantPool(a.Config.DatabaseURL)
	if err != nil {
		return err
	}
	defer func() { _ = pool.Close() }() // it was only read
	return manager.VerifyPostgres(pool, tables, postgres.Config{})(ctx, t)
}

// LooseKeys returns the foreign keys of the home that do not include the tenant and could.
func (a *App) LooseKeys(ctx context.Context) ([]string, error) {
	return catalog.Loose(ctx, a.Home, a.Dialect, a.Schema(), list(a.Config.TenantColumn))
}

// Statuses returns a lifecycle that changes the status of tenants, and not their places.
func (a *App) Statuses() (*manager.Lifecycle, error) {
	return manager.NewLifecycle(manager.LifecycleConfig{Store: a.Tenants, DefaultIsolation: a.DefaultIsolation(), Lock: a.locker()})
}

// Holdings names what a tenant has, as far as erasing it would remove it: its
// namespace, or the shared tables that may hold rows of it.
func (a *App) Holdings(ctx context.Context, t tenancy.Tenant) ([]string, error) {
	t, err := a.Place(t)
	if err != nil {
		return nil, err
	}
	switch t.Isolation {
	case tenancy.IsolationSchema:
		return []string{"schema " + t.Placement.Schema}, nil
	case tenancy.IsolationDatabase:
		return []string{"database " + DatabaseName(t)}, nil
	default:
		return a.sharedHoldings(ctx)
	}
}

// sharedHoldings names the shared tables that may hold rows of a tenant.
func (a *App) sharedHoldings(ctx context.Context) ([]string, error) {
	tables, err := a.TenantTables(ctx, a.Home, a.Schema())
	if err != nil {
		return nil, err
	}
	var names []string
	for _, table := range tables.Tables {
		names = append(names, "rows of "+table.Name)
	}
	return names, nil
}

// DatabaseName returns the name of the database or file that a tenant's URL or
// DSN ends with.
func DatabaseName(t tenancy.Tenant) string {
	address, _, _ := strings.Cut(t.Placement.DatabaseURL.Reveal(), "?")
	name := address[strings.LastIndexByte(address, '/')+1:]
	if unescaped, err := url.PathUnescape(name); err == nil {
		return unescaped
	}
	return name
}
