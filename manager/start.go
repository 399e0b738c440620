package manager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/driver/postgres"
)

// Start makes the registry's tables, migrates with Config.Migrations.AtStart,
// and checks that the home keeps tenants apart: on PostgreSQL that its URLs lead to
// one database, and that row-level security holds where it is relied on, and shows System scopes all rows, on MySQL that
// the shared tables tell ids apart. It is relied on where Config.Isolation has rls, where a
// shared table has the policy of this library, whatever the isolation, and where a
// tenant of the registry is behind it. On PostgreSQL it takes from the role that serves
// what default privileges have given it of the registry's tables. Where nobody relied on
// it yet, Provision does the same for the first tenant who does. It fails with
// postgres.ErrUnsafe or mysql.ErrUnsafe, and the program must not serve then. After it
// the Manager is ready. What else it starts ends with Close.
//
// The same is asked of each of Config.Database.ReplicaURLs. One that is away, or is a
// standby that lags behind what was just migrated by more than ten seconds, or does not
// answer within five, does not keep the program from starting: the home answers in its
// place until it was verified.
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
		return m.aboutPath(err)
	}
	if err := m.warm(ctx); err != nil {
		return err
	}
	if m.migrator != nil { // there are spares only where somebody can migrate them
		m.running.Go(func() { m.keepSpares(m.background) })
	}
	for i := range m.replicas {
		m.running.Go(func() { m.watchReplica(m.background, i) })
	}
	if m.collector != nil && m.migrator != nil {
		m.running.Go(func() { m.watchMigrations(m.background) })
	}
	m.started.Store(true)
	return nil
}

// usesRLS reports whether row-level security keeps tenants apart of whom the registry
// does not say anything else.
func (c IsolationConfig) usesRLS() bool {
	return c.Default == tenancy.IsolationRLS || c.Premium == tenancy.IsolationRLS
}

// verify refuses to serve where the home, or a replica of it, would not keep tenants apart.
func (m *Manager) verify(ctx context.Context) error {
	if m.config.Database.Dialect() == dialect.SQLite && m.config.Database.attachesHome() {
		m.app.Logger.InfoContext(ctx, "tenancy: the home is attached to the files of tenants, and SQL of theirs can read the registry in it", "setting", envOf("Database.GlobalFile"))
	}
	if err := m.verifyOneHome(ctx); err != nil {
		return fmt.Errorf("manager: %w", err)
	}
	why, err := m.reliesOnRLS(ctx)
	if err != nil {
		return fmt.Errorf("manager: whether tenants rely on row-level security: %w", err)
	}
	m.rlsVerified.Store(why != "")
	err = m.verifyHome(ctx, why)
	hints, systemErr := m.verifySystem(ctx)
	m.logHints(ctx, hints)
	if err := errors.Join(err, systemErr); err != nil {
		return err
	}
	return m.verifyReplicas(ctx, why != "")
}

// verifyHome looks at the home, where why says that row-level security is relied on and
// because of what.
func (m *Manager) verifyHome(ctx context.Context, why string) error {
	hints, err := m.verifyServing(ctx, m.serving, m.config.Database.URL, why != "")
	m.logHints(ctx, hints)
	if errors.Is(err, postgres.ErrUnsafe) && why != "" {
		err = fmt.Errorf("manager: row-level security is relied on, because %s: %w", why, err)
	}
	return err
}

func (m *Manager) logHints(ctx context.Context, hints []postgres.Hint) {
	for _, hint := range hints {
		m.app.Logger.InfoContext(ctx, "tenancy: tenants are kept apart, and it could be done better", "hint", hint)
	}
}

// verifyServing looks at a pool that serves requests, the home's or a replica's, where
// tenants rely on what the database holds: on PostgreSQL if they rely on rls.
func (m *Manager) verifyServing(ctx context.Context, db *sql.DB, address tenancy.Secret, rls bool) ([]postgres.Hint, error) {
	if err := m.verifyPath(tenancy.NewContext(ctx, tenancy.Tenant{ID: "1", Isolation: tenancy.IsolationRLS}), db); err != nil {
		return nil, err
	}
	switch d := m.config.Database.Dialect(); {
	case d == dialect.Postgres && rls:
		return postgres.Verify(ctx, db, m.app.Tenancy, m.verifyConfig(address))
	case d == dialect.MySQL && len(m.app.Tenancy.Tables) > 0: // the registry can put any tenant into the shared tables
		return nil, mysql.Verify(ctx, db, m.app.Tenancy)
	}
	return nil, nil
}

// warm reads tenants that are likely to be asked for.
func (m *Manager) warm(ctx context.Context) error {
	if m.config.Cache.Disabled || m.config.Cache.Warm == 0 {
		return nil
	}
	if _, err := m.layers.cache.Warm(ctx, m.config.Cache.Warm); err != nil {
		return fmt.Errorf("manager: warming the cache: %w", err)
	}
	return nil
}
