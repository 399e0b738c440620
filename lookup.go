package tenancy

import "context"

// Lookup finds the tenant that a request names, whatever its status. The
// registry's stores implement it; it is the one thing that the middleware needs
// of them. It must be safe for concurrent use.
//
// One that embeds another and overrides ByIdentifier, as to hide tenants, has to
// override ByID too: hosts and tokens that name an id are looked up by that alone.
type Lookup interface {
	// ByIdentifier returns the tenant that has the given identifier now. It fails
	// with [ErrNotFound] where there is none.
	ByIdentifier(ctx context.Context, identifier string) (Tenant, error)

	// ByID returns the tenant with the given id, whatever it is called by now. It
	// fails with [ErrNotFound] where there is none.
	ByID(ctx context.Context, id ID) (Tenant, error)
}
