package registry

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry/ent"
	"github.com/entenancy/tenancy/registry/ent/tenant"
)

// Create implements Store.
func (s *EntStore) Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error) {
	if err := n.Validate(); err != nil {
		return tenancy.Tenant{}, err
	}
	metadata, err := encodeMetadata(n.Metadata)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	var row *ent.Tenant
	err = retry(ctx, func() error {
		if s.maxTenants == 0 {
			row, err = insert(ctx, s.client, n, metadata)
		} else {
			row, err = s.insertLimited(ctx, n, metadata)
		}
		return err
	})
	switch {
	case errors.Is(err, tenancy.ErrTooManyTenants):
		return tenancy.Tenant{}, err
	case isTaken(err):
		return tenancy.Tenant{}, errTaken()
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "creating a tenant", err)
	}
	return fromRow(row)
}

func insert(ctx context.Context, client *ent.Client, n NewTenant, metadata string) (*ent.Tenant, error) {
	now := tenant.DefaultCreatedAt()
	create := client.Tenant.Create().
		SetIdentifier(n.Identifier).
		SetName(n.Name).
		SetSearchName(Fold(n.Name)).
		SetNillableID(given(n.ID)).
		SetNillableStatus(given(n.Status)).
		SetNillableIsolation(given(n.Isolation)).
		SetNillableSchemaName(given(n.Placement.Schema)).
		SetNillableDatabaseURL(given(n.Placement.DatabaseURL.Reveal())).
		SetNillablePlan(given(n.Plan)).
		SetMetadata(metadata).
		SetCreatedAt(now).
		SetUpdatedAt(now)
	if n.Status == tenancy.StatusDeleted {
		create.SetDeletedAt(now)
	}
	return create.Save(ctx)
}

// lockTable has a row for which those creations wait that count the tenants.
const lockTable = "tenancy_registry_lock"

// insertLimited counts the tenants and adds one, while no one else does.
func (s *EntStore) insertLimited(ctx context.Context, n NewTenant, metadata string) (row *ent.Tenant, err error) {
	err = inTx(ctx, s.driver, func(tx dialect.ExecQuerier) error {
		if err := lockCreations(ctx, tx, s.driver.Dialect()); err != nil {
			return err
		}
		client := s.within(tx)
		count, err := client.Tenant.Query().Count(ctx)
		if err != nil {
			return err
		}
		if count >= s.maxTenants {
			return errTooMany(s.maxTenants)
		}
		row, err = insert(ctx, client, n, metadata)
		return err
	})
	return row, err
}

// lockCreations is the first statement of its transaction, so that the ones
// after it see all that was there when the lock was free.
func lockCreations(ctx context.Context, tx dialect.ExecQuerier, dialectName string) error {
	query, args := entsql.Dialect(dialectName).Update(lockTable).Add("taken", 1).Where(entsql.EQ("name", "create")).Query()
	var result entsql.Result
	if err := tx.Exec(ctx, query, args, &result); err != nil {
		return err
	}
	if locked, err := result.RowsAffected(); err != nil || locked != 1 {
		return errors.Join(err, errors.New("the lock's row is missing: apply the migrations"))
	}
	return nil
}

// given returns nil for what the caller left empty, so that it takes its
// default or is NULL.
func given[T comparable](value T) *T {
	var empty T
	if value == empty {
		return nil
	}
	return &value
}

func errTooMany(limit int) error {
	return fmt.Errorf("%w: the limit is %d", tenancy.ErrTooManyTenants, limit)
}

func errTaken() error {
	return fmt.Errorf("%w: its id or identifier is taken", tenancy.ErrExists)
}

// uniqueViolation is the SQLSTATE of a unique constraint that was violated.
const uniqueViolation = "23505"

// isTaken reports whether a unique constraint refused the row. ent tells by
// the words of the message, which PostgreSQL may say in another language.
func isTaken(err error) bool {
	return hasState(err, uniqueViolation) || sqlgraph.IsUniqueConstraintError(err)
}

func hasState(err error, states ...string) bool {
	var said interface{ SQLState() string }
	if !errors.As(err, &said) {
		return false
	}
	for _, state := range states {
		if said.SQLState() == state {
			return true
		}
	}
	return false
}
