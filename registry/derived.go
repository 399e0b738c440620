package registry

import (
	"context"
	"errors"
	"fmt"
	"iter"

	"github.com/entenancy/tenancy"
)

// All goes through all tenants of a query, a page at a time, so that it holds
// one page in memory however many there are. Limit is the size of that page.
// Tenants that are created, changed or erased meanwhile may or may not be
// seen; all others are seen once.
//
// A tenant whose record is broken comes as its ID with the error that ByID has
// for it, and the next ones follow. Any other error is the last that comes,
// with the zero Tenant.
func All(ctx context.Context, s Store, q Query) iter.Seq2[tenancy.Tenant, error] {
	return func(yield func(tenancy.Tenant, error) bool) {
		for q, more := q, true; more; more = q.After != "" {
			page, err := s.List(ctx, q)
			if err != nil {
				yield(tenancy.Tenant{}, err)
				return
			}
			if !yieldPage(page, yield) {
				return
			}
			q.After, q.Skip = page.Next, 0
		}
	}
}

func yieldPage(page Page, yield func(tenancy.Tenant, error) bool) bool {
	for _, t := range page.Tenants {
		if !yield(t, nil) {
			return false
		}
	}
	for _, id := range page.Invalid {
		broken := tenancy.Tenant{ID: id}
		if !yield(broken, &BrokenError{Tenant: broken, Err: fmt.Errorf("%w: its record cannot be read, and ByID, or tenancy tenant show --id, says why", tenancy.ErrInvalidTenant)}) {
			return false
		}
	}
	return true
}

// Exists reports whether there is a tenant with the given id, whatever its
// status and even if its record is broken.
func Exists(ctx context.Context, s Store, id tenancy.ID) (bool, error) {
	_, err := s.ByID(ctx, id)
	switch {
	case err == nil, errors.Is(err, tenancy.ErrInvalidTenant):
		return true, nil
	case errors.Is(err, tenancy.ErrNotFound):
		return false, nil
	default:
		return false, err
	}
}

// Delete marks a tenant as deleted: it is not served any more, and its record,
// its identifier and its data stay, until Restore or Erase. It fails as
// SetStatus does.
func Delete(ctx context.Context, s Store, id tenancy.ID) (tenancy.Tenant, error) {
	return s.SetStatus(ctx, id, tenancy.StatusDeleted)
}

// Restore takes a tenant back from the deleted ones. It is suspended then, and
// served again once someone activates it. It fails with
// [tenancy.ErrInvalidTransition] if the tenant is not deleted, and with
// [tenancy.ErrConflict] if it is changed by someone else at the same moment.
func Restore(ctx context.Context, s Store, id tenancy.ID) (tenancy.Tenant, error) {
	t, err := s.ByID(ctx, id)
	if err != nil {
		return tenancy.Tenant{}, err
	}
	if t.Status != tenancy.StatusDeleted {
		return tenancy.Tenant{}, fmt.Errorf("%w: the tenant is %s and not deleted", tenancy.ErrInvalidTransition, t.Status)
	}
	t.Status = tenancy.StatusSuspended
	return s.Update(ctx, t)
}
