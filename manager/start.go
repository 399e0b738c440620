package manager

import (
	"context"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
)

// Start makes the registry's tables, migrates with Config.Migrations.AtStart,
// and checks that the home keeps tenants apart: on PostgreSQL that row-level
// security holds where it is relied on, and shows System scopes all rows, on MySQL that
// the shared tables tell ids apart. On PostgreSQL it takes from the role that serves
// what default privileges have given it of the registry's tables. It fails with postgres.ErrUnsafe or mysql.ErrUnsafe, and the program must
// not serve then. After it the Manager is ready. What else it starts ends with Close.
//
// It needs no tenant in ctx, and may be called again after a failure.
func (m *Manager) Start(ctx context.Context) error {
	if err := m.init(ctx); err != nil {
		return err
	}
	if m.config.Migrations.AtStart {
		if _, err := m.migrator.Apply(ctx); err != nil {
			return fmt.Errorf("manager: migrating: %w", err)
		}
		m.revoke(ctx) // what that has made
	}
	if err := m.verify(ctx); err != nil {
		return err
	}
	if err := m.warm(ctx); err != nil {
		return err
	}
	if m.migrator != nil { // there are spares only where somebody can migrate them
		m.running.Go(func() { m.keepSpares(m.background) })
	}
	if m.collector != nil && m.migrator != nil {
		m.running.Go(func() { m.watchMigrations(m.background) })
	}
	m.started.Store(true)
	return nil
}

// byRows reports whether row-level security keeps tenants apart.
func (c IsolationConfig) byRows() bool {
	return c.Default == tenancy.IsolationRLS || c.Premium == tenancy.IsolationRLS
}

// verify refuses to serve where the home would not keep tenants apart.
func (m *Manager) verify(ctx context.Context) error {
	switch d := dialectOf(m.config.Database.URL); {
	case d == dialect.Postgres:
		return m.verifyPostgres(ctx)
	case d == dialect.MySQL && len(m.app.Tenancy.Tables) > 0: // the registry can put any tenant into the shared tables
		return mysql.Verify(ctx, m.pools[0].db, m.app.Tenancy)
	case d == dialect.SQLite && m.config.Database.attachesHome():
		m.app.Logger.InfoContext(ctx, "tenancy: the home is attached to the files of tenants, and SQL of theirs can read the registry in it", "setting", envOf("Database.GlobalFile"))
	}
	return nil
}

// warm reads tenants that are likely to be asked for.
func (m *Manager) warm(ctx context.Context) error {
	if m.layers.cache == nil || m.config.Cache.Warm == 0 {
		return nil
	}
	if _, err := m.layers.cache.Warm(ctx, m.config.Cache.Warm); err != nil {
		return fmt.Errorf("manager: warming the cache: %w", err)
	}
	return nil
}
