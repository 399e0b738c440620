package app

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"net/url"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/registry"
)

// Directories returns the directories of migrations: of tenants' tables and, if
// there is one, of the home.
func (c Config) Directories() (tenant, shared string, err error) {
	tenant, shared = filepath.Join(c.MigrationsDir, diff.TenantDir), filepath.Join(c.MigrationsDir, diff.SharedDir)
	if !exists(tenant) {
		tenant, shared = c.MigrationsDir, filepath.Join(filepath.Dir(filepath.Clean(c.MigrationsDir)), diff.SharedDir)
		if filepath.Base(tenant) != diff.TenantDir {
			shared = ""
		}
	}
	switch {
	case !exists(tenant):
		return "", "", fmt.Errorf("there is no directory %s: set --migrations-dir or TENANCY_MIGRATIONS_DIR", c.MigrationsDir)
	case c.SharedDir != "":
		shared = c.SharedDir
	case !exists(shared):
		shared = ""
	}
	return tenant, shared, nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

// Runner returns the runner of the application's migrations. What is in tuning
// is kept: how many at once, which first, who is told.
func (a *App) Runner(tuning migrate.Config) (*migrate.Runner, error) {
	tenant, shared, err := a.Config.Directories()
	if err != nil {
		return nil, err
	}
	if tuning.Directory, err = a.directory(tenant); err != nil {
		return nil, err
	}
	if shared != "" {
		if tuning.Shared, err = a.directory(shared); err != nil {
			return nil, err
		}
	}
	tuning.Home, tuning.HomeSchema = a.Home, a.Config.GlobalSchema
	tuning.Find, tuning.Place = a.Tenants.ByID, a.Place
	if tuning.Tenants == nil {
		tuning.Tenants = a.All
	}
	tuning.Open = a.openTenant
	return migrate.New(tuning)
}

func (a *App) directory(name string) (*migrate.Directory, error) {
	d, err := migrate.NewDirectory(os.DirFS(name), a.Dialect)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// All goes through all tenants.
func (a *App) All(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
	return registry.All(ctx, a.Tenants, registry.Query{Limit: registry.MaxLimit})
}

// Place completes the record of a tenant without an isolation.
func (a *App) Place(t tenancy.Tenant) (tenancy.Tenant, error) {
	if t.Isolation == "" {
		t.Isolation = a.DefaultIsolation()
	}
	return t, nil
}

// DefaultIsolation is that of tenants whose record has none.
func (a *App) DefaultIsolation() tenancy.Isolation {
	switch {
	case a.Config.Isolation != "":
		return tenancy.Isolation(a.Config.Isolation)
	case a.Dialect == dialect.Postgres:
		return tenancy.IsolationRLS
	default:
		return tenancy.IsolationShared
	}
}

// openTenant reaches the database or file of one tenant.
func (a *App) openTenant(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
	switch a.Dialect {
	case dialect.Postgres:
		return a.openTenantPostgres(t)
	case dialect.MySQL:
		return openTenantMySQL(t)
	default:
		return a.openTenantFile(t)
	}
}

// openTenantPostgres reaches a database as the owner of the home, if it is on the
// same server: the URL in the registry is that of the role that serves requests.
func (a *App) openTenantPostgres(t tenancy.Tenant) (migrate.Database, error) {
	config, err := pgx.ParseConfig(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return migrate.Database{}, fmt.Errorf("%w: %s: %w", tenancy.ErrInvalidPlacement, t, errURL)
	}
	home, err := pgx.ParseConfig(a.Config.AdminURL)
	if err != nil {
		return migrate.Database{}, errURL
	}
	if home.Host == config.Host && home.Port == config.Port {
		config.User, config.Password = home.User, home.Password
	}
	return migrate.Database{DB: stdlib.OpenDB(*config), Server: fmt.Sprintf("%s:%d", config.Host, config.Port)}, nil
}

func (a *App) openTenantFile(t tenancy.Tenant) (migrate.Database, error) {
	path, err := a.File(t)
	if err != nil {
		return migrate.Database{}, err
	}
	if _, err := os.Stat(path); err != nil {
		return migrate.Database{}, fmt.Errorf("%w: %s has no file", tenancy.ErrNotProvisioned, t)
	}
	db, _, err := openSQLite((&url.URL{Scheme: "file", Path: filepath.ToSlash(path)}).String())
	return migrate.Database{DB: db, Server: "sqlite"}, err
}

func openTenantMySQL(t tenancy.Tenant) (migrate.Database, error) {
	config, err := mysqlConfig(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return migrate.Database{}, fmt.Errorf("%w: %s: %w", tenancy.ErrInvalidPlacement, t, err)
	}
	var db *sql.DB
	if db, _, err = openMySQL(config.FormatDSN()); err != nil {
		return migrate.Database{}, fmt.Errorf("%w: %s: %w", tenancy.ErrInvalidPlacement, t, err)
	}
	return migrate.Database{DB: db, Server: config.Addr}, nil
}
