package manager

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/registry"
)

// reliesOnRLS says why row-level security keeps tenants apart, or can come to, and nothing
// where it does not: where a shared table has the policy, the registry can put any tenant
// behind it.
func (m *Manager) reliesOnRLS(ctx context.Context) (why string, err error) {
	switch {
	case m.config.Database.Dialect() != dialect.Postgres:
		return "", nil
	case m.config.Isolation.usesRLS():
		return fmt.Sprintf("%s or %s is rls", envOf("Isolation.Default"), envOf("Isolation.Premium")), nil
	case m.rlsTenantSeen.Load():
		return "a tenant behind it has been provisioned or served", nil
	}
	if has, err := m.hasPolicies(ctx); has || err != nil {
		return "a shared table has its policy", pgerror.WithoutConfig(err)
	}
	return m.findRLSTenant(ctx)
}

// sharedTables names the tables of tenants.
func (m *Manager) sharedTables() []string {
	names := make([]string, 0, len(m.app.Tenancy.Tables))
	for _, t := range m.app.Tenancy.Tables {
		names = append(names, t.Name)
	}
	return names
}

// hasPolicies looks for shared tables with the policy, as the role that serves finds them.
func (m *Manager) hasPolicies(ctx context.Context) (has bool, err error) {
	home, err := postgresDatabases{config: m.config}.serving(m.config.Database.URL)
	if err != nil {
		return false, err
	}
	defer home.Close() //nolint:errcheck // nothing was written
	err = home.QueryRowContext(ctx, `
		SELECT EXISTS (
			SELECT FROM pg_catalog.pg_policy p
			JOIN pg_catalog.pg_class c ON c.oid = p.polrelid
			JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
			WHERE p.polname = $1 AND c.relname::text = ANY ($2::text[])
				AND CASE WHEN $3::text = '' THEN pg_catalog.pg_table_is_visible(c.oid) ELSE n.nspname = $3::text END)`,
		postgres.PolicyName, m.sharedTables(), m.config.Database.GlobalSchema).Scan(&has)
	return has, err
}

// findRLSTenant looks for a tenant behind row-level security. Those that were never active
// do not count: what a mistaken Provision leaves was refused, and so is its Resume.
func (m *Manager) findRLSTenant(ctx context.Context) (why string, err error) {
	for _, status := range []tenancy.Status{tenancy.StatusActive, tenancy.StatusSuspended, tenancy.StatusDeleted} {
		n, err := m.layers.base.Count(ctx, registry.Query{Isolation: tenancy.IsolationRLS, Status: status})
		if err != nil {
			return "", err
		}
		if n > 0 {
			return fmt.Sprintf("%d %s tenants of the registry have the isolation rls", n, status), nil
		}
	}
	if m.app.Place == nil {
		return "", nil
	}
	for t, err := range m.tenants(ctx) {
		if err != nil && t.ID == "" {
			return "", err
		}
		if at, err := m.driver.Place(t); err == nil && at.Isolation == tenancy.IsolationRLS && t.Status != tenancy.StatusProvisioning {
			return fmt.Sprintf("App.Place puts %s behind it", t), nil
		}
	}
	return "", nil
}

// revoke takes from the role that serves what default privileges have given it of the
// registry's tables. That it could not is no error: postgres.Verify says what is left.
func (m *Manager) revoke(ctx context.Context) {
	if m.config.Database.Dialect() != dialect.Postgres {
		return
	}
	serving, keeper := m.postgresRoles(m.config.Database.URL)
	if serving == keeper {
		return
	}
	if err := postgres.RevokeRegistry(ctx, m.admin, serving); err != nil {
		m.app.Logger.WarnContext(ctx, "tenancy: what the serving role may do with the registry's tables could not be taken from it", "error", pgerror.WithoutConfig(err))
	}
}

// postgresRoles are the role of an address that serves requests, and the one that keeps
// the registry.
func (m *Manager) postgresRoles(address tenancy.Secret) (serving, keeper string) {
	p := postgresDatabases{config: m.config}
	at, err := p.parse(address)
	as, errAs := p.parse(m.config.Database.AdminURL)
	if errors.Join(err, errAs) != nil { // which New would have said
		return "", "nobody"
	}
	return at.User, as.User
}

func (m *Manager) verifyConfig(address tenancy.Secret) postgres.VerifyConfig {
	serving, keeper := m.postgresRoles(address)
	return postgres.VerifyConfig{Schema: m.config.Database.GlobalSchema, KeepsRegistry: serving == keeper}
}

// verifyPath fails with postgres.ErrUnsafe where statements would find another table than
// the one that was migrated and verified. Without Database.GlobalSchema that is the same.
func (m *Manager) verifyPath(ctx context.Context, db *sql.DB) error {
	schema := m.config.Database.GlobalSchema
	if schema == "" {
		return nil
	}
	var table, elsewhere string
	err := db.QueryRowContext(ctx, `
		SELECT c.relname, n.nspname
		FROM unnest($1::text[]) name
		JOIN pg_catalog.pg_class c ON c.oid = pg_catalog.to_regclass(quote_ident(name))
		JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
		WHERE n.nspname <> $2 ORDER BY c.relname LIMIT 1`, m.sharedTables(), schema).Scan(&table, &elsewhere)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return nil
	case err != nil:
		return err
	}
	return fmt.Errorf("%w:\ntable %s is found in the schema %s, and not in %s as %s says: migrate, or take that schema out of the search path",
		postgres.ErrUnsafe, table, elsewhere, schema, envOf("Database.GlobalSchema"))
}

// verifySystem looks at the role of System scopes on PostgreSQL wherever there is one:
// the registry can put any tenant behind row-level security.
func (m *Manager) verifySystem(ctx context.Context) ([]postgres.Hint, error) {
	system := m.Operator().System()
	if system == nil || m.config.Database.Dialect() != dialect.Postgres {
		return nil, nil
	}
	if err := m.verifyPath(tenancy.System(ctx, "check where tables are found"), system); errors.Is(err, postgres.ErrUnsafe) {
		return nil, err
	}
	hints, err := postgres.VerifySystem(ctx, system, m.app.Tenancy, m.verifyConfig(m.config.Database.URL))
	if err != nil && !errors.Is(err, postgres.ErrUnsafe) { // requests do not need it
		m.app.Logger.WarnContext(ctx, "tenancy: nobody could look at what System scopes are shown", "error", pgerror.WithoutConfig(err))
		err = nil
	}
	return hints, err
}
