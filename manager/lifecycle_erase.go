package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
)

// Erase removes a tenant for good, whatever its status: its schema, database or
// file, its rows in all shared tables, and then its record, which frees the
// identifier. From its first step on the tenant is deleted and not served. There
// is no way back, and nothing of other tenants is touched: a namespace without
// the tenant's mark is tenancy.ErrForeignNamespace, and stays, and so does the record.
// Rows of others that refer to this tenant's, or to global ones that go with these, so
// that the database would delete or change them too, are tenancy.ErrCrossTenant.
//
// Before rows are deleted, on PostgreSQL, it waits up to LifecycleConfig.EraseWait
// for the transactions that are under way in the database. One that a request
// begins later, since it has known the tenant for active, is not among them: where
// requests may still be on their way, Delete, and Erase when they have ended.
//
// If it fails, what is left is whole as far as it goes, and Erase can be called
// again. Restore takes it back as long as it has surely deleted nothing, such as after
// the errors above, or where it could not reach the tenant's place. There is a
// Receipt as soon as all is gone, also with an error of the hook after it. It fails
// with tenancy.ErrNotFound where there is no such tenant.
//
// What the application keeps elsewhere, such as objects and logs, is the business of
// a hook. The one before is called when the tenant is deleted already, and not again
// once something of it may be gone.
func (l *Lifecycle) Erase(ctx context.Context, id tenancy.ID) (Receipt, error) {
	var receipt Receipt
	_, err := l.act(ctx, ActionErase, id, func(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
		t, err := l.beginErasing(ctx, t)
		if err != nil {
			return t, err
		}
		erased, err := l.eraseData(ctx, t)
		if err != nil {
			return t, err
		}
		if err := l.forget(ctx, id); err != nil {
			return t, err
		}
		if err := l.config.Store.Erase(ctx, id); err != nil {
			return t, err
		}
		receipt = erased
		receipt.ErasedAt = time.Now().UTC().Truncate(time.Second)
		receipt.Digest = receipt.digest()
		return t, l.after(ctx, ActionErase, t)
	})
	return receipt, err
}

// beginErasing makes sure that the tenant can be erased, deletes it softly, and then
// calls the hook, which finds all that the tenant has. Once something may be gone,
// it would find less than the first time.
func (l *Lifecycle) beginErasing(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	_, keeper, err := l.placed(t)
	if err != nil {
		return t, err
	}
	if keeper == nil && l.config.Shared.Driver == nil {
		return t, fmt.Errorf("manager: %s has its rows in shared tables, and LifecycleConfig.Shared does not say which these are", t)
	}
	if t, err = l.endService(ctx, t); err != nil || erasing(t) {
		return t, err
	}
	return t, l.before(ctx, ActionErase, t)
}

// endService deletes a tenant softly, if it is not deleted.
func (l *Lifecycle) endService(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	if t.Status == tenancy.StatusDeleted {
		return t, nil
	}
	deleted, err := l.config.Store.SetStatus(ctx, t.ID, tenancy.StatusDeleted)
	if errors.Is(err, tenancy.ErrInvalidTransition) {
		// A process that died may have said so last, and the server done it since the status was read.
		if now, again := l.current.ByID(ctx, t.ID); again == nil && now.Status == tenancy.StatusDeleted {
			return now, nil
		}
	}
	return deleted, err
}

func (l *Lifecycle) disconnect(ctx context.Context, id tenancy.ID) error {
	if l.config.Disconnect == nil {
		return nil
	}
	return l.config.Disconnect(ctx, id)
}

// forget removes what is kept of a tenant beside its rows and its record.
func (l *Lifecycle) forget(ctx context.Context, id tenancy.ID) error {
	if err := l.disconnect(ctx, id); err != nil {
		return err
	}
	for _, forget := range l.config.Forget {
		if err := forget(ctx, id); err != nil {
			return err
		}
	}
	if l.config.Migrations == nil {
		return nil
	}
	return l.config.Migrations.Forget(ctx, id)
}
