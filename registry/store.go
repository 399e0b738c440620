package registry

import (
	"context"

	"github.com/entenancy/tenancy"
)

// Store creates, finds and lists tenants. Its methods are safe for concurrent
// use, look for no tenant in the context, and return what the context says
// when that is over.
type Store interface {
	tenancy.Lookup

	// Create adds a tenant. Nothing is written unless all of it is valid: see
	// NewTenant for the errors. It fails with [tenancy.ErrExists] if another
	// tenant has the id or the identifier. Of several calls at once with one
	// identifier, one succeeds.
	Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error)

	// ByID returns the tenant with the given id, whatever its status. It fails
	// with [tenancy.ErrNotFound] where there is none, [tenancy.ErrInvalidID]
	// where there can be none, and [tenancy.ErrInvalidTenant] if its record
	// cannot be understood.
	ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error)

	// List returns one page of tenants in the order of their ids. It fails
	// with [tenancy.ErrInvalidTenant] or [tenancy.ErrInvalidID] for a query
	// that cannot be meant.
	List(ctx context.Context, q Query) (Page, error)
}

// Sizes of a page of List.
const (
	// DefaultLimit is how many tenants a page has unless the query says otherwise.
	DefaultLimit = 100
	// MaxLimit is how many tenants a page has at most.
	MaxLimit = 1000
)

// Query says which tenants List returns. The zero Query is the first page of all.
type Query struct {
	// Status leaves out the tenants that have another. Defaults to all, the
	// deleted ones too.
	Status tenancy.Status
	// After leaves out the tenants up to and including this id: it is the Next
	// of the page before, and need not exist any more. Defaults to the start.
	After tenancy.ID
	// Limit is how many tenants are wanted. Defaults to DefaultLimit; more
	// than MaxLimit is taken as MaxLimit.
	Limit int
}

// PageSize returns the Limit that applies, for those who implement a Store.
func (q Query) PageSize() int {
	if q.Limit <= 0 {
		return DefaultLimit
	}
	return min(q.Limit, MaxLimit)
}

// Validate reports whether the query can be meant: [tenancy.ErrInvalidTenant]
// for an unknown status, [tenancy.ErrInvalidID] for an After that is no id.
func (q Query) Validate() error {
	if q.Status != "" {
		if err := q.Status.Validate(); err != nil {
			return err
		}
	}
	if q.After != "" {
		return q.After.Validate()
	}
	return nil
}

// Page is what List returns.
type Page struct {
	// Tenants are in the order of their ids, which is the order in which they
	// were created if the registry made the ids. There may be none although
	// Next says that there are more.
	Tenants []tenancy.Tenant
	// Invalid are the tenants of this page whose records cannot be understood:
	// one broken row does not hide the others. ByID says what is wrong.
	Invalid []tenancy.ID
	// Next is the After of the next page, empty if this one is the last.
	Next tenancy.ID
}
