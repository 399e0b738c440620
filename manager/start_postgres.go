package manager

import (
	"context"
	"errors"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// revoke takes from the role that serves what default privileges have given it of the
// registry's tables. That it could not is no error: postgres.Verify says what is left.
func (m *Manager) revoke(ctx context.Context) {
	if dialectOf(m.config.Database.URL) != dialect.Postgres {
		return
	}
	serving, keeper := m.postgresRoles()
	if serving == keeper {
		return
	}
	if err := postgres.RevokeRegistry(ctx, m.admin, serving); err != nil {
		m.app.Logger.WarnContext(ctx, "tenancy: what the serving role may do with the registry's tables could not be taken from it", "error", pgerror.WithoutConfig(err))
	}
}

// postgresRoles are the role that serves requests and the one that keeps the registry.
func (m *Manager) postgresRoles() (serving, keeper string) {
	p := postgresDatabases{m.config}
	at, err := p.parse(m.config.Database.URL)
	as, errAs := p.parse(m.config.Database.AdminURL)
	if errors.Join(err, errAs) != nil { // which New would have said
		return "", "nobody"
	}
	return at.User, as.User
}

// verifyPostgres looks at row-level security where tenants rely on it, and at the role
// of System scopes wherever there is one: the registry can put any tenant behind it.
func (m *Manager) verifyPostgres(ctx context.Context) error {
	serving, keeper := m.postgresRoles()
	config := postgres.VerifyConfig{Schema: m.config.Database.GlobalSchema, KeepsRegistry: serving == keeper}
	var hints, more []postgres.Hint
	var err, systemErr error
	if m.config.Isolation.byRows() {
		hints, err = postgres.Verify(ctx, m.pools[0].db, m.app.Tenancy, config)
	}
	if system := m.Operator().System(); system != nil {
		more, systemErr = postgres.VerifySystem(ctx, system, m.app.Tenancy, config)
		if systemErr != nil && !errors.Is(systemErr, postgres.ErrUnsafe) { // requests do not need it
			m.app.Logger.WarnContext(ctx, "tenancy: nobody could look at what System scopes are shown", "error", pgerror.WithoutConfig(systemErr))
			systemErr = nil
		}
	}
	for _, hint := range append(hints, more...) {
		m.app.Logger.InfoContext(ctx, "tenancy: tenants are kept apart, and it could be done better", "hint", hint)
	}
	return errors.Join(err, systemErr)
}
