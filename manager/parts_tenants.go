package manager

import (
	"cmp"
	"context"
	"database/sql"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/registry"
)

func (m *Manager) openLifecycle(context.Context) (err error) {
	if m.server, err = m.databases.server(); err != nil {
		return err
	}
	roles := m.config.roles
	if m.app.Roles != nil {
		roles = func(tenancy.Secret) []string { return append([]string(nil), m.app.Roles...) } // nil if it is empty
	}
	config := LifecycleConfig{
		Store: m.layers.top, Isolation: m.isolation, Place: m.place, DefaultIsolation: m.config.Isolation.Default,
		Status: m.config.Tenants.DefaultStatus, Migrations: m.migrator,
		Verify: m.verifyingRLS(m.verifyTenant()), Hooks: m.app.Hooks,
		Disconnect: m.driver.Forget, Forget: []func(context.Context, tenancy.ID) error{m.layers.base.Quotas().Forget},
		Lock: m.databases.locker(m.admin), Spares: m.spares(), Observer: m.observer, Logger: m.app.Logger,
	}
	if len(m.app.Tenancy.Tables) > 0 {
		shared, err := m.sharedDriver()
		if err != nil {
			return err
		}
		config.Shared = SharedTables{Driver: shared, Metadata: m.app.Tenancy}
	}
	if m.migrator != nil { // nobody makes an empty namespace
		if config.Namespaces, err = m.databases.keepers(m.admin, cmp.Or(m.server, m.admin), roles); err != nil {
			return err
		}
	}
	m.lifecycle, err = NewLifecycle(config)
	return err
}

// sharedDriver reaches the shared tables, whatever migrations the home has: no tenant
// need be served from there for rows of one to be deleted. Its pools are the driver's.
func (m *Manager) sharedDriver() (dialect.Driver, error) {
	on := func(db *sql.DB) dialect.Driver { return entsql.OpenDB(m.config.Database.Dialect(), db) }
	config := driver.Config{GlobalSchema: m.config.Database.GlobalSchema, Place: m.place, Observer: m.observer}
	if m.system != nil {
		config.System = on(m.system)
	}
	return driver.New(on(m.serving), config)
}

// isolation says which isolation a new tenant gets.
func (m *Manager) isolation(n registry.NewTenant) (tenancy.Isolation, error) {
	if m.app.Isolation != nil {
		return m.app.Isolation(n)
	}
	i := m.config.Isolation
	if slices.Contains(i.PremiumPlans, n.Plan) || slices.Contains(i.PremiumTenants, n.Identifier) {
		return i.Premium, nil
	}
	return i.Default, nil
}

// verifyTenant looks at row-level security and keys of a new tenant's place, on
// PostgreSQL, unless the program does.
func (m *Manager) verifyTenant() func(context.Context, tenancy.Tenant) error {
	if m.app.Verify != nil {
		return m.app.Verify
	}
	if dialectOf(m.config.Database.URL) != dialect.Postgres || len(m.app.Tenancy.Tables) == 0 {
		return nil
	}
	return VerifyPostgres(m.serving, m.app.Tenancy, m.Operator().PostgresConfig())
}

func (m *Manager) spares() SparesConfig {
	if m.config.Tenants.WarmPool == 0 {
		return SparesConfig{}
	}
	return SparesConfig{Count: map[tenancy.Isolation]int{m.config.Isolation.Default: m.config.Tenants.WarmPool}}
}

// keepSpares looks once for those that the configuration of before has left behind,
// and then keeps those of this one.
func (m *Manager) keepSpares(ctx context.Context) {
	if err := m.lifecycle.dropStaleSpares(ctx); err != nil && ctx.Err() == nil {
		m.app.Logger.WarnContext(ctx, "manager: stale spare namespaces could not be dropped", "error", err)
	}
	if m.config.Tenants.WarmPool > 0 {
		m.lifecycle.KeepSpares(ctx)
	}
}
