package manager

import (
	"context"
	"errors"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/pgerror"
)

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
	p := postgresDatabases{m.config}
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

// verifySystem looks at the role of System scopes on PostgreSQL wherever there is one:
// the registry can put any tenant behind row-level security.
func (m *Manager) verifySystem(ctx context.Context) ([]postgres.Hint, error) {
	system := m.Operator().System()
	if system == nil || m.config.Database.Dialect() != dialect.Postgres {
		return nil, nil
	}
	hints, err := postgres.VerifySystem(ctx, system, m.app.Tenancy, m.verifyConfig(m.config.Database.URL))
	if err != nil && !errors.Is(err, postgres.ErrUnsafe) { // requests do not need it
		m.app.Logger.WarnContext(ctx, "tenancy: nobody could look at what System scopes are shown", "error", pgerror.WithoutConfig(err))
		err = nil
	}
	return hints, err
}
