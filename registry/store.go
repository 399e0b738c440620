package registry

import (
	"context"
	"fmt"

	"github.com/entenancy/tenancy"
)

// Store creates, finds, lists and changes tenants. Package registrytest holds
// the tests that every Store passes.
//
// Its methods are safe for concurrent use, look for no tenant in the context,
// and return what the context says when that is over. Where the database below
// fails them, they fail with [tenancy.ErrUnavailable]. What they are given they
// do not keep, and what they return is the caller's to change. An argument
// that can be no tenant's is refused before anything is read or written: an
// id with [tenancy.ErrInvalidID], a query or a search with
// [tenancy.ErrInvalidQuery].
//
// Each change of a tenant counts its Version up by one and sets UpdatedAt.
// Times are in UTC, to the microsecond.
type Store interface {
	// ByIdentifier and ByID return a tenant, as [tenancy.Lookup] says, and a
	// [*BrokenError] if its record cannot be understood. A tenant that is renamed
	// is found under its new identifier only, from the moment that Update returns.
	tenancy.Lookup

	// ByIDs returns the tenants with the given ids, however many, in the order
	// of the ids. Those that do not exist are left out, and each is returned
	// once however often it is named.
	ByIDs(ctx context.Context, ids []tenancy.ID) (Page, error)

	// List returns one page of tenants.
	List(ctx context.Context, q Query) (Page, error)

	// Count returns how many tenants there are on all pages of a query: its
	// After, Skip and Limit leave none out. Broken records are counted too.
	Count(ctx context.Context, q Query) (int, error)

	// Search returns the tenants whose identifier or name contains text,
	// ignoring case: first those where either is the text, then those where
	// either begins with it, then the rest; among equals in the order of their
	// identifiers. Every character of the text stands for itself. The limit is
	// as in Query. See [ValidateSearch] for what is no search.
	Search(ctx context.Context, text string, limit int) (Page, error)

	// Create adds a tenant. Nothing is written unless all of it is valid: see
	// NewTenant for the errors. It fails with [tenancy.ErrExists] if another
	// tenant has the id or the identifier. Of several calls at once with one
	// identifier, one succeeds. A store with a limit fails with
	// [tenancy.ErrTooManyTenants] when it is reached.
	Create(ctx context.Context, n NewTenant) (tenancy.Tenant, error)

	// Update writes t over the tenant with its ID, if that has not changed
	// since t was read: its Version is still the same. Otherwise it fails with
	// [tenancy.ErrConflict]; read the tenant and try again. It returns the
	// tenant as it is then.
	//
	// Written are Identifier, Name, Status, Isolation, Placement, Plan and all
	// of the metadata, in one step: a tenant gets its place and becomes active
	// at once, or neither. The status has to be the tenant's own or one that it
	// can become ([tenancy.ErrInvalidTransition]). DeletedAt follows it.
	// CreatedAt, UpdatedAt and DeletedAt of t are not read.
	//
	// It fails as Create does for what is not valid or is taken, and with
	// [tenancy.ErrNotFound] if the tenant is gone. Where several are the case, a
	// version that is not the latest comes before a status, and both before an
	// identifier that is taken.
	Update(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error)

	// SetStatus changes the status of a tenant, whatever its version, and
	// returns the tenant as it is then. It fails with
	// [tenancy.ErrInvalidTransition] unless the tenant's status can become to;
	// a tenant whose status is unknown can become suspended or deleted. It
	// fails with [tenancy.ErrNotFound] where there is none. If the record is
	// broken in another field, the status is set all the same and a
	// [*BrokenError] says what is left to repair.
	//
	// DeletedAt is set with [tenancy.StatusDeleted], and cleared with any other.
	SetStatus(ctx context.Context, id tenancy.ID, to tenancy.Status) (tenancy.Tenant, error)

	// SetStatuses does what SetStatus does to each of the tenants, however
	// many, and returns those that it changed, in the order of the ids. Those
	// that do not exist, and those whose status cannot become to, are left
	// alone and left out. If it fails, some may have been changed.
	SetStatuses(ctx context.Context, ids []tenancy.ID, to tenancy.Status) (Page, error)

	// MergeMetadata takes the keys in remove out of a tenant's metadata, then
	// puts in those of values, and leaves all others as they are. Values are
	// not merged with what was there: a key's new value replaces its old one,
	// and nil is the value null, which is kept. It happens in one step, so that
	// of changes made at once none is lost; it goes by no version. Metadata
	// that is broken counts as empty, and so is repaired.
	//
	// It returns the tenant as it is then. Metadata that cannot be kept is
	// [tenancy.ErrInvalidTenant], as for NewTenant, and so is a key in remove that
	// metadata cannot have; it fails with
	// [tenancy.ErrNotFound] where there is no tenant.
	MergeMetadata(ctx context.Context, id tenancy.ID, values map[string]any, remove ...string) (tenancy.Tenant, error)

	// Erase removes a tenant's record for good, whatever its status, and frees
	// its identifier. It fails with [tenancy.ErrNotFound] where there is none.
	// The tenant's own data is not touched. See [Delete] for the soft way.
	Erase(ctx context.Context, id tenancy.ID) error
}

// Page is a number of tenants that a Store returns at once.
type Page struct {
	// Tenants are in the order that the method says.
	Tenants []tenancy.Tenant
	// Invalid are the tenants that belong here but whose records cannot be
	// understood: one broken record does not hide the others. ByID says what
	// is wrong with each.
	Invalid []tenancy.ID
	// Next is the After of the page that follows, empty if none does. Only
	// List sets it. A page can have a Next and no Tenants.
	Next Cursor
}

// BrokenError is what a Store returns for a tenant whose record cannot be
// understood: its status or isolation is unknown, or its metadata is no JSON
// object. It wraps [tenancy.ErrInvalidTenant] and never shows what is broken.
//
// To repair a status call SetStatus; to repair metadata alone, MergeMetadata;
// to repair anything, give Tenant what it lacks and call Update.
type BrokenError struct {
	// Tenant holds all that can be understood. What cannot be is empty.
	Tenant tenancy.Tenant
	// Err says which field is broken.
	Err error
}

// Error names the tenant and the field.
func (e *BrokenError) Error() string {
	return fmt.Sprintf("registry: tenant %q: %v", e.Tenant.ID, e.Err)
}

// Unwrap returns Err.
func (e *BrokenError) Unwrap() error { return e.Err }
