package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/panicked"
	"github.com/entenancy/tenancy/internal/pgerror"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// EntStore is a Store in a database: PostgreSQL, MySQL, MariaDB or SQLite. It
// is safe for concurrent use. Make one with NewEntStore.
type EntStore struct {
	driver     dialect.Driver
	client     *ent.Client
	maxTenants int
	log        *slog.Logger
}

var _ Store = (*EntStore)(nil)

// EntConfig is what an EntStore can be told. The zero EntConfig works.
type EntConfig struct {
	// MaxTenants is how many tenants Create lets there be, whatever their
	// status, until one is erased. It holds for the calls of all processes
	// that are told the same. Defaults to 0, which is no limit.
	MaxTenants int
	// Logger hears of rows that a page had to leave out. Defaults to none.
	Logger *slog.Logger
}

// NewEntStore returns a store on the database behind driver, which has to be
// the plain one: a driver that asks for a tenant cannot be asked who it is.
// It does not touch the database; see Init. The caller keeps the driver, and
// closes it when all that uses it has ended.
//
// On SQLite the connections need a busy_timeout, or writers do not wait for
// each other but fail.
func NewEntStore(driver dialect.Driver, cfg EntConfig) (*EntStore, error) {
	if driver == nil {
		return nil, errors.New("registry: NewEntStore: driver is nil")
	}
	switch driver.Dialect() {
	case dialect.Postgres, dialect.MySQL, dialect.SQLite:
	default:
		return nil, fmt.Errorf("registry: NewEntStore: driver: unsupported dialect %q", driver.Dialect())
	}
	if cfg.MaxTenants < 0 {
		return nil, errors.New("registry: NewEntStore: EntConfig.MaxTenants is negative")
	}
	return &EntStore{
		driver: driver, client: ent.NewClient(ent.Driver(driver)), maxTenants: cfg.MaxTenants, log: panicked.Logger(cfg.Logger),
	}, nil
}

// Init makes the store's tables, or brings those of an earlier release up to
// date, by the files that [Migrations] returns. It may be called at each start
// of each process: where nothing is missing it only looks, and of those that
// come at once one goes to work and the others wait for it.
//
// On PostgreSQL it installs the extension pg_trgm if the role may. Without it
// searching works, but reads the whole table.
func (s *EntStore) Init(ctx context.Context) error {
	m, err := newMigrator(s.driver)
	if err != nil {
		return failed(ctx, "reading the migrations", err)
	}
	if err := m.run(ctx); err != nil {
		return failed(ctx, "applying the migrations", err)
	}
	return nil
}

// ByID implements Store.
func (s *EntStore) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	return s.only(ctx, s.hasID(id))
}

// ByIdentifier implements [tenancy.Lookup]. It asks the database once,
// whatever the identifier: one that cannot be a tenant's takes as long as one
// that could be, but its text is not sent.
func (s *EntStore) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	asked := identifier
	if tenancy.ValidateIdentifier(identifier) != nil {
		asked = "" // no tenant's
	}
	t, err := s.only(ctx, tenant.Identifier(asked))
	if err == nil && t.Identifier != identifier {
		return tenancy.Tenant{}, tenancy.ErrNotFound // in a table that was made to ignore case
	}
	return t, err
}

// only returns the tenant for which p holds.
func (s *EntStore) only(ctx context.Context, p predicate.Tenant) (tenancy.Tenant, error) {
	row, err := s.client.Tenant.Query().Where(p).Only(ctx)
	switch {
	case ent.IsNotFound(err):
		return tenancy.Tenant{}, tenancy.ErrNotFound
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "finding a tenant", err)
	}
	return fromRow(row)
}

// hasID is the condition that a row has exactly that id. A table of MySQL can
// have been made to ignore case, and a change must not hit another tenant.
func (s *EntStore) hasID(id tenancy.ID) predicate.Tenant {
	if s.driver.Dialect() != dialect.MySQL {
		return tenant.ID(id)
	}
	return tenant.And(tenant.ID(id), exactly(tenant.FieldID, string(id)))
}

// failed says what the store was doing when its database failed. A context
// that is over is why a call failed, even if a driver calls it something else. Where
// pgx could not connect, its error has the password within.
func failed(ctx context.Context, doing string, err error) error {
	if over := ctx.Err(); over != nil {
		return fmt.Errorf("registry: %s: %w", doing, over)
	}
	return fmt.Errorf("%w: %s: %w", tenancy.ErrUnavailable, doing, pgerror.WithoutConfig(err))
}
