package registry

import (
	"context"
	"errors"
	"fmt"
	"log/slog"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/migrate"
	"github.com/entenancy/tenancy/registry/ent/predicate"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// EntStore is a Store in a database: PostgreSQL, MySQL, MariaDB or SQLite. It
// is safe for concurrent use. Make one with NewEntStore.
type EntStore struct {
	client *ent.Client
	log    *slog.Logger
}

var _ Store = (*EntStore)(nil)

// EntConfig is what an EntStore can be told. The zero EntConfig works.
type EntConfig struct {
	// Logger hears of rows that List had to leave out. Defaults to none.
	Logger *slog.Logger
}

// NewEntStore returns a store on the database behind driver, which has to be
// the plain one: a driver that asks for a tenant cannot be asked who it is.
// It does not touch the database; see Init. The caller keeps the driver, and
// closes it when all that uses it has ended.
func NewEntStore(driver dialect.Driver, cfg EntConfig) (*EntStore, error) {
	if driver == nil {
		return nil, errors.New("tenancy: registry.NewEntStore: driver is nil")
	}
	switch driver.Dialect() {
	case dialect.Postgres, dialect.MySQL, dialect.SQLite:
	default:
		return nil, fmt.Errorf("tenancy: registry.NewEntStore: driver: unsupported dialect %q", driver.Dialect())
	}
	log := cfg.Logger
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	return &EntStore{client: ent.NewClient(ent.Driver(driver)), log: log}, nil
}

// Init makes the store's table, or adds what is missing to it. It may be
// called again, but on one database by one process at a time.
func (s *EntStore) Init(ctx context.Context) error {
	tables, err := schema.CopyTables(migrate.Tables) // ent writes into them
	if err != nil {
		return failed(ctx, "making the table", err)
	}
	if err := migrate.Create(ctx, s.client.Schema, tables); err != nil {
		return failed(ctx, "making the table", err)
	}
	return nil
}

// ByID implements Store.
func (s *EntStore) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if err := id.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	t, err := s.only(ctx, tenant.ID(id))
	if err == nil && t.ID != id {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return t, err
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
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return t, err
}

// only returns the tenant for which p holds. A table made with another
// collation than Init's may think that "ACME" is "acme", so callers compare.
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

// failed says what the store was doing. A context that is over is why a call
// failed, even if a driver calls it something else.
func failed(ctx context.Context, doing string, err error) error {
	if over := ctx.Err(); over != nil {
		err = over
	}
	return fmt.Errorf("tenancy: registry: %s: %w", doing, err)
}
