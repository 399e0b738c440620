package app

import (
	"context"
	"fmt"
	"iter"
	"os"
	"path/filepath"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/registry"
)

// Directories returns the directories of migrations: of tenants' tables and, if
// there is one, of the home.
func (c Config) Directories() (tenant, shared string, err error) {
	dir := c.Migrations.Dir
	tenant, shared = filepath.Join(dir, diff.TenantDir), filepath.Join(dir, diff.SharedDir)
	if !exists(tenant) {
		tenant, shared = dir, filepath.Join(filepath.Dir(filepath.Clean(dir)), diff.SharedDir)
		if filepath.Base(tenant) != diff.TenantDir {
			shared = ""
		}
	}
	switch {
	case !exists(tenant):
		return "", "", fmt.Errorf("there is no directory %s: set --migrations-dir or TENANCY_MIGRATIONS_DIR", dir)
	case c.Migrations.SharedDir != "":
		shared = c.Migrations.SharedDir
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
	return a.Operator.Runner(tuning)
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

// DefaultIsolation is that of tenants whose record has none.
func (a *App) DefaultIsolation() tenancy.Isolation {
	t, _ := a.Place(tenancy.Tenant{}) // it does not fail
	return t.Isolation
}
