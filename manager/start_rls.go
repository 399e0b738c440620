package manager

import (
	"context"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
)

// Start does not look at row-level security where nobody relies on it. Here is what
// makes up for that when the first tenant comes who does.

// reliesOnRLSNow reports whether row-level security is relied on, as far as this process knows.
func (m *Manager) reliesOnRLSNow() bool { return m.rlsVerified.Load() || m.rlsTenantSeen.Load() }

// verifyingRLS completes a LifecycleConfig.Verify, which may be nil.
func (m *Manager) verifyingRLS(verify func(context.Context, tenancy.Tenant) error) func(context.Context, tenancy.Tenant) error {
	if m.config.Database.Dialect() != dialect.Postgres {
		return verify
	}
	return func(ctx context.Context, t tenancy.Tenant) error {
		if verify != nil {
			if err := verify(ctx, t); err != nil {
				return err
			}
		}
		if t.Isolation != tenancy.IsolationRLS {
			return nil
		}
		return m.relyOnRLS(ctx)
	}
}

// relyOnRLS refuses a tenant behind row-level security where Start would refuse to
// serve it, unless somebody has looked already, or Start is still to come.
func (m *Manager) relyOnRLS(ctx context.Context) error {
	if m.started.Load() && !m.rlsVerified.Load() && len(m.app.Tenancy.Tables) > 0 {
		m.revoke(ctx) // what migrations have made since
		if err := m.verifyHome(ctx, "a tenant is to be behind it"); err != nil {
			return err
		}
		if err := m.verifyReplicas(ctx, true); err != nil {
			return err
		}
		m.rlsVerified.Store(true)
	}
	m.rlsTenantSeen.Store(true)
	return nil
}

// noticingRLS completes a driver.Config.Ready, which may be nil: where a tenant behind
// row-level security is served that another process has made, or moved there, the home
// answers in the place of replicas that were not looked at for that.
func (m *Manager) noticingRLS(ready func(context.Context, tenancy.Tenant) error) func(context.Context, tenancy.Tenant) error {
	d := m.config.Database
	if d.Dialect() != dialect.Postgres || len(d.ReplicaURLs) == 0 || m.config.Isolation.usesRLS() {
		return ready
	}
	return func(ctx context.Context, t tenancy.Tenant) error {
		if t.Isolation == tenancy.IsolationRLS && !m.rlsTenantSeen.Load() {
			m.rlsTenantSeen.Store(true)
		}
		if ready == nil {
			return nil
		}
		return ready(ctx, t)
	}
}
