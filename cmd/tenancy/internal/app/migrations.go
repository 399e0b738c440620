package app

import (
	"fmt"
	"os"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
)

const defaultMigrations = "migrations"

// NoMigrations reports whether nobody has said where migrations are, and they are
// not where they would be.
func (c Config) NoMigrations() bool {
	return c.Migrations.Dir == defaultMigrations && !exists(defaultMigrations)
}

// Runner returns the runner of the application's migrations. What is in tuning
// is kept: how many at once, which first, who is told.
func (a *App) Runner(tuning migrate.Config) (*migrate.Runner, error) {
	tenant, shared, err := a.Config.Migrations.Directories()
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
	if tuning.Tenants == nil {
		tuning.Tenants = a.fleet
	}
	return a.Operator.Runner(tuning)
}

func (a *App) directory(name string) (*migrate.Directory, error) {
	d, err := migrate.NewDirectory(os.DirFS(name), a.Dialect)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, err)
	}
	return d, nil
}

// DefaultIsolation is that of tenants whose record has none.
func (a *App) DefaultIsolation() tenancy.Isolation {
	t, _ := a.Place(tenancy.Tenant{}) // it does not fail
	return t.Isolation
}
