package tenancy

import "context"

// Lookup finds the tenant that a request names. The registry's stores
// implement it; it is the one thing that the middleware needs of them.
type Lookup interface {
	// ByIdentifier returns the tenant with the given identifier, whatever its
	// status. It fails with [ErrNotFound] where there is none, and must be
	// safe for concurrent use.
	ByIdentifier(ctx context.Context, identifier string) (Tenant, error)
}
