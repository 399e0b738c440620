package manager

import (
	"cmp"
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/registry"
)

// Directories returns where the migrations of tenants' tables are and, if there are
// any, those of the home. Both are empty where Dir is. It fails with a [ConfigError]
// where there are no migrations.
func (c MigrationsConfig) Directories() (tenant, shared string, err error) {
	if c.Dir == "" {
		return "", c.SharedDir, nil
	}
	tenant, shared = filepath.Join(c.Dir, migrate.TenantDir), filepath.Join(c.Dir, migrate.SharedDir)
	if !exists(tenant) {
		tenant, shared = c.Dir, filepath.Join(filepath.Dir(filepath.Clean(c.Dir)), migrate.SharedDir)
	}
	switch {
	case !exists(tenant):
		return "", "", noMigrations("Migrations.Dir", "is no directory")
	case !hasMigrations(tenant):
		return "", "", noMigrations("Migrations.Dir", "has no migrations in it, and no directory "+migrate.TenantDir+" with migrations")
	case c.SharedDir != "":
		shared = c.SharedDir
	case tenant == c.Dir && filepath.Base(tenant) != migrate.TenantDir || !exists(shared):
		return tenant, "", nil
	}
	if !hasMigrations(shared) {
		return "", "", noMigrations("Migrations.SharedDir", "is no directory with migrations: "+shared)
	}
	return tenant, shared, nil
}

func noMigrations(path, reason string) error {
	return &ConfigError{Problems: []Problem{{Path: path, Env: envOf(path), Reason: reason}}}
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return err == nil
}

func hasMigrations(dir string) bool {
	found, err := fs.Glob(os.DirFS(dir), "*.sql")
	return err == nil && len(found) > 0 || exists(filepath.Join(dir, "atlas.sum"))
}

func (m *Manager) openMigrator(context.Context) error {
	cfg := m.config.Migrations
	tenantPath, sharedPath, err := cfg.Directories()
	if err != nil {
		return err
	}
	tenants, err := m.directory(tenantPath, m.app.Migrations)
	if err != nil || tenants == nil {
		return err
	}
	shared, err := m.directory(sharedPath, m.app.SharedMigrations)
	if err != nil {
		return err
	}
	m.migrator, err = m.runner(migrate.Config{Directory: tenants, Shared: shared})
	if err != nil || cfg.Require == "" {
		return err
	}
	version := cfg.Require
	if version == latest {
		version = ""
	}
	m.ready, err = m.migrator.Requires(version)
	return err
}

// runner completes the configuration of a runner.
func (m *Manager) runner(c migrate.Config) (*migrate.Runner, error) {
	cfg := m.config.Migrations
	c.Home, c.HomeSchema = m.admin, m.config.Database.GlobalSchema
	c.Find, c.Place, c.Open, c.Logger = registry.Uncached(m.layers.top).ByID, m.place, m.databases.owned, m.app.Logger
	if c.Tenants == nil {
		c.Tenants = m.tenants
	}
	c.Concurrency = cmp.Or(c.Concurrency, cfg.Concurrency)
	c.LockTimeout = cmp.Or(c.LockTimeout, cfg.LockTimeout)
	c.StatementTimeout = cmp.Or(c.StatementTimeout, cfg.StatementTimeout)
	c.MaxFailures = cmp.Or(c.MaxFailures, cfg.MaxFailures)
	return migrate.New(c)
}

// latest requires the last version that there is.
const latest = "latest"

// directory reads the migrations at a path, or else those that the program has
// brought. It is nil where there are none.
func (m *Manager) directory(path string, files fs.FS) (*migrate.Directory, error) {
	if path != "" {
		files = os.DirFS(path)
	}
	if files == nil {
		return nil, nil //nolint:nilnil // there are none
	}
	d, err := migrate.NewDirectory(files, dialectOf(m.config.Database.URL))
	if err != nil && path != "" {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return d, err
}
