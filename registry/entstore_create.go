package registry

import (
	"context"
	"errors"
	"fmt"

	"entgo.io/ent/dialect/sql/sqlgraph"

	"github.com/entenancy/tenancy"
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
	now := tenant.DefaultCreatedAt()
	create := s.client.Tenant.Create().
		SetIdentifier(n.Identifier).
		SetName(n.Name).
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
	row, err := create.Save(ctx)
	switch {
	case isTaken(err):
		return tenancy.Tenant{}, fmt.Errorf("%w: its id or identifier is taken", tenancy.ErrExists)
	case err != nil:
		return tenancy.Tenant{}, failed(ctx, "creating a tenant", err)
	}
	return fromRow(row)
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

// uniqueViolation is the SQLSTATE of a unique constraint that was violated.
const uniqueViolation = "23505"

// isTaken reports whether a unique constraint refused the row. ent tells by
// the words of the message, which PostgreSQL may say in another language.
func isTaken(err error) bool {
	var state interface{ SQLState() string }
	if errors.As(err, &state) && state.SQLState() == uniqueViolation {
		return true
	}
	return sqlgraph.IsUniqueConstraintError(err)
}
