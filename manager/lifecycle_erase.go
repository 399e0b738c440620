package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
)

// erasingKey is the key of a tenant's metadata that keeps, from before anything is
// deleted, what the receipt will say: an erasure that was interrupted is gone on
// with by another call.
const erasingKey = "tenancy_erasing"

// erasing reports whether an erasure was begun.
func erasing(t tenancy.Tenant) bool {
	_, ok := t.MetadataValue(erasingKey)
	return ok
}

// halfErased refuses to serve what may be gone in part.
func halfErased(t tenancy.Tenant) error {
	return fmt.Errorf("manager: %w: %s is being erased, and some of it may be gone: erase it", tenancy.ErrInvalidTransition, t)
}

// Erase removes a tenant for good, whatever its status: its schema, database or
// file, or its rows in all shared tables, and then its record, which frees the
// identifier. From its first step on the tenant is deleted and not served. There
// is no way back, and nothing of other tenants is touched: a namespace without
// the tenant's mark is tenancy.ErrForeignNamespace, and stays, and so does the record.
// Rows of others that refer to this tenant's, so that the database would delete or
// change them too, are tenancy.ErrCrossTenant.
//
// Before rows are deleted, on PostgreSQL, it waits up to LifecycleConfig.EraseWait
// for the transactions that are under way in the database. One that a request
// begins later, since it has known the tenant for active, is not among them: where
// requests may still be on their way, Delete, and Erase when they have ended.
//
// If it fails, what is left is whole as far as it goes, and Erase can be called
// again. It fails with tenancy.ErrNotFound where there is no such tenant. What the
// application keeps elsewhere, such as objects and logs, is the business of a hook.
func (l *Lifecycle) Erase(ctx context.Context, id tenancy.ID) (Receipt, error) {
	var receipt Receipt
	_, err := l.act(ctx, ActionErase, id, func(ctx context.Context, t tenancy.Tenant) (_ tenancy.Tenant, err error) {
		if t, err = l.beginErasing(ctx, t); err != nil {
			return t, err
		}
		if receipt, err = l.eraseData(ctx, t); err != nil {
			return t, err
		}
		if err := l.forget(ctx, id); err != nil {
			return t, err
		}
		if err := l.config.Store.Erase(ctx, id); err != nil {
			return t, err
		}
		receipt.ErasedAt = time.Now().UTC().Truncate(time.Second)
		receipt.Digest = receipt.digest()
		return t, l.after(ctx, ActionErase, t)
	})
	return receipt, err
}

// beginErasing makes sure that the tenant can be erased before it is deleted.
func (l *Lifecycle) beginErasing(ctx context.Context, t tenancy.Tenant) (tenancy.Tenant, error) {
	keeper, err := l.keeper(t)
	if err != nil {
		return t, err
	}
	if keeper == nil && l.config.Shared.Driver == nil {
		return t, fmt.Errorf("manager: %s has its rows in shared tables, and LifecycleConfig.Shared does not say which these are", t)
	}
	if err := l.before(ctx, ActionErase, t); err != nil {
		return t, err
	}
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

func (l *Lifecycle) eraseData(ctx context.Context, t tenancy.Tenant) (Receipt, error) {
	receipt := Receipt{TenantID: t.ID, Identifier: t.Identifier, Isolation: t.Isolation}
	keeper, err := l.keeper(t)
	if err != nil {
		return receipt, err
	}
	if keeper != nil {
		receipt.Namespace = keeper.Name(t)
		receipt.Dropped, err = l.dropNamespace(ctx, t)
		return receipt, err
	}
	rows := sharedRows{SharedTables: l.config.Shared, tenant: t}
	if err := rows.await(ctx, l.config.EraseWait); err != nil {
		return receipt, err
	}
	counted, err := rows.count(ctx)
	if err != nil {
		return receipt, err
	}
	if receipt.Rows, err = l.remember(ctx, t, counted); err != nil {
		return receipt, err
	}
	return receipt, rows.erase(ctx)
}

// forget removes what is kept of a tenant beside its rows and its record.
func (l *Lifecycle) forget(ctx context.Context, id tenancy.ID) error {
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

// dropNamespace reports whether there was a namespace, also to who comes after a
// call that was interrupted behind the drop.
func (l *Lifecycle) dropNamespace(ctx context.Context, t tenancy.Tenant) (bool, error) {
	keeper, err := l.keeper(t)
	if err != nil {
		return false, err
	}
	remembered, _ := t.MetadataValue(erasingKey)
	was := remembered == true
	if !was { // Drop looks too, and knows of one that is half gone
		switch err := keeper.Verify(ctx, t); {
		case errors.Is(err, tenancy.ErrForeignNamespace):
			return false, err
		case !errors.Is(err, tenancy.ErrNotProvisioned): // it is there, or nobody can say, as where a role lacks a grant
			if _, err := l.config.Store.MergeMetadata(ctx, t.ID, map[string]any{erasingKey: true}); err != nil {
				return false, err
			}
		}
	}
	dropped, err := keeper.Drop(ctx, t)
	return dropped || was, err
}

// remember keeps what was counted, and returns what there was when it was counted
// first, in the same order.
func (l *Lifecycle) remember(ctx context.Context, t tenancy.Tenant, counted []ErasedRows) ([]ErasedRows, error) {
	if kept, ok := t.MetadataValue(erasingKey); ok {
		before, _ := kept.(map[string]any)
		for i := range counted {
			if rows, ok := before[counted[i].Table].(float64); ok {
				counted[i].Rows = max(counted[i].Rows, int64(rows))
			}
		}
		return counted, nil
	}
	keep := make(map[string]any, len(counted))
	for _, table := range counted {
		keep[table.Table] = table.Rows
	}
	_, err := l.config.Store.MergeMetadata(ctx, t.ID, map[string]any{erasingKey: keep})
	return counted, err
}
