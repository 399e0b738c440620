package quota

import (
	"context"

	"github.com/entenancy/tenancy"
)

// Counter is what a Store counts by.
type Counter struct {
	// TenantID is whose counter it is.
	TenantID tenancy.ID
	// Quota is the quota's name: printable ASCII without spaces and colons.
	Quota string
	// Period is such a name too, or empty.
	Period string
}

// Store keeps counters, which are zero to begin with. Implementations are safe
// for concurrent use, and each call is one step for all others. Package
// quotatest tests them. The arguments have been checked: amounts are from 1 to
// [Max], limits from 0.
type Store interface {
	// Consume adds n to the counter, unless it would be above limit then. It
	// returns whether n was added, and what the counter is if it was not.
	Consume(ctx context.Context, c Counter, n, limit int64) (used int64, ok bool, err error)
	// Release takes n from the counter, and leaves zero if that is less.
	Release(ctx context.Context, c Counter, n int64) error
	// Used returns the counter.
	Used(ctx context.Context, c Counter) (int64, error)
	// ForgetBefore removes the counters of c's tenant and quota whose period is
	// before c's, byte by byte, and keeps that without a period.
	ForgetBefore(ctx context.Context, c Counter) error
	// Forget removes all counters of a tenant, whose data is erased.
	Forget(ctx context.Context, id tenancy.ID) error
}
