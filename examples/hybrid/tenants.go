package main

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io"
	"io/fs"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	entmigrate "github.com/entenancy/tenancy/examples/hybrid/ent/migrate"
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
)

//go:embed migrations/postgres
var migrations embed.FS

// runner brings the home and every tenant's place up to date. The databases' keeper
// says what a tenant's database is called, which is reached as its owner.
func (p *places) runner(databases namespace.Keeper) (*migrate.Runner, error) {
	shared, err := directory("migrations/postgres/shared")
	if err != nil {
		return nil, err
	}
	tenant, err := directory("migrations/postgres/tenant")
	if err != nil {
		return nil, err
	}
	return migrate.New(migrate.Config{
		Shared: shared, Directory: tenant, Home: p.owner, Tenants: p.all,
		Open: func(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
			db, err := sql.Open("pgx", p.url(databases.Name(t), nil))
			return migrate.Database{DB: db, Server: "the one there is"}, err
		},
	})
}

func directory(name string) (*migrate.Directory, error) {
	files, err := fs.Sub(migrations, name)
	if err != nil {
		return nil, err
	}
	return migrate.NewDirectory(files, dialect.Postgres)
}

// lifecycle makes and unmakes tenants. What a tenant has bought says where it lives.
func (p *places) lifecycle(app *sql.DB, drv *driver.Driver) (*manager.Lifecycle, error) {
	schemas, err := namespace.NewPostgresSchemas(p.owner, namespace.PostgresSchemasConfig{Roles: p.roles})
	if err != nil {
		return nil, err
	}
	address := tenancy.NewSecret(p.url("", p.appRole))
	databases, err := namespace.NewPostgresDatabases(p.owner, address, namespace.PostgresDatabasesConfig{Roles: p.roles})
	if err != nil {
		return nil, err
	}
	runner, err := p.runner(databases)
	if err != nil {
		return nil, err
	}
	return manager.NewLifecycle(manager.LifecycleConfig{
		Store:      p.tenants,
		Namespaces: map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases},
		Isolation: func(n registry.NewTenant) (tenancy.Isolation, error) {
			switch n.Plan {
			case "enterprise":
				return tenancy.IsolationDatabase, nil
			case "team":
				return tenancy.IsolationSchema, nil
			default:
				return tenancy.IsolationRLS, nil
			}
		},
		Migrations: runner,
		Verify:     manager.VerifyPostgres(app, entmigrate.Tenancy, postgres.Config{}),
		Shared:     manager.SharedTables{Driver: drv, Metadata: entmigrate.Tenancy},
		Lock:       namespace.PostgresLocker(p.owner),
	})
}

// signUp makes the tenants.
func signUp(ctx context.Context, l *manager.Lifecycle) error {
	for _, n := range []registry.NewTenant{
		{Identifier: "acme", Name: "Acme Corp."},
		{Identifier: "initech", Name: "Initech", Plan: "team"},
		{Identifier: "globex", Name: "Globex", Plan: "enterprise"},
	} {
		if _, err := l.Provision(ctx, n); err != nil {
			return err
		}
	}
	return nil
}

// eraseAll erases the tenants, and says what was theirs.
func eraseAll(ctx context.Context, out io.Writer, p *places, l *manager.Lifecycle) (err error) {
	for tenant, listErr := range p.all(ctx) {
		if listErr != nil {
			return errors.Join(err, listErr)
		}
		receipt, eraseErr := l.Erase(ctx, tenant.ID)
		if err = errors.Join(err, eraseErr); eraseErr != nil {
			continue
		}
		_, _ = fmt.Fprintf(out, "  %-8s erased: %s%v\n", receipt.Identifier, receipt.Namespace, receipt.Rows)
	}
	return err
}
