package manager

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
)

// erasingKey is the key of a tenant's metadata that keeps, from before anything is
// deleted, what the receipt will say: an erasure that was interrupted is gone on
// with by another call. Only the call that has put it there takes it back, where
// it has surely deleted nothing.
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

// takeBackTimeout is for how long takeBack tries.
const takeBackTimeout = 10 * time.Second

// takeBack says that nothing was deleted, after an error and also when ctx is over.
func (l *Lifecycle) takeBack(ctx context.Context, t tenancy.Tenant, err error) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), takeBackTimeout)
	defer cancel()
	_, failed := l.config.Store.MergeMetadata(ctx, t.ID, nil, erasingKey)
	return errors.Join(err, failed)
}

func (l *Lifecycle) eraseData(ctx context.Context, t tenancy.Tenant) (Receipt, error) {
	at, keeper, err := l.placed(t)
	receipt := Receipt{TenantID: t.ID, Identifier: t.Identifier, Isolation: at.Isolation}
	if err != nil {
		return receipt, err
	}
	if keeper == nil {
		receipt.Rows, err = l.eraseRows(ctx, t)
		return receipt, err
	}
	receipt.Namespace = keeper.Name(at)
	if err := l.disconnect(ctx, t.ID); err != nil {
		return receipt, err
	}
	receipt.Dropped, err = l.dropNamespace(ctx, keeper, t, at)
	return receipt, err
}

// dropNamespace reports whether there was a namespace, also to who comes after a
// call that was interrupted behind the drop. Where t is, at says. That erasing was
// begun, only t does: Place may leave out metadata.
func (l *Lifecycle) dropNamespace(ctx context.Context, keeper namespace.Keeper, t, at tenancy.Tenant) (bool, error) {
	if erasing(t) {
		was, _ := t.MetadataValue(erasingKey)
		dropped, err := keeper.Drop(ctx, at)
		return dropped || was == true, err
	}
	there, err := isThere(ctx, keeper, at)
	if err != nil {
		return false, err
	}
	if there {
		if _, err := l.config.Store.MergeMetadata(ctx, t.ID, map[string]any{erasingKey: true}); err != nil {
			return false, l.takeBack(ctx, t, err)
		}
	}
	dropped, err := keeper.Drop(ctx, at)
	if there && !dropped && refused(err) {
		err = l.takeBack(ctx, t, err)
	}
	return dropped, err
}

// refused reports whether a keeper has dropped nothing: what is there is another's, or
// another's hangs on it, somebody migrates it, or the keeper says so.
func refused(err error) bool {
	return errors.Is(err, namespace.ErrNothingDropped) || errors.Is(err, tenancy.ErrForeignNamespace) || errors.Is(err, tenancy.ErrCrossTenant) || errors.Is(err, migrate.ErrLocked)
}

// isThere reports whether there is a namespace that Drop may begin to drop. What is
// left of one that was never finished does not count: Drop knows what to do with
// it, and whether it is the tenant's.
func isThere(ctx context.Context, keeper namespace.Keeper, t tenancy.Tenant) (bool, error) {
	err := keeper.Verify(ctx, t)
	if err == nil || errors.Is(err, tenancy.ErrNotProvisioned) || errors.Is(err, tenancy.ErrForeignNamespace) {
		return err == nil, nil
	}
	// It lacks a grant, which keeps nobody from dropping it, or nobody can look at it.
	// For a stranger, to whom it is foreign, grants are not looked at.
	stranger := t
	stranger.ID = "tenancy_stranger"
	if errors.Is(keeper.Verify(ctx, stranger), tenancy.ErrForeignNamespace) {
		return true, nil
	}
	return false, err
}

// eraseRows returns what there was in the shared tables when the erasure was begun.
func (l *Lifecycle) eraseRows(ctx context.Context, t tenancy.Tenant) ([]ErasedRows, error) {
	rows := sharedRows{SharedTables: l.config.Shared, tenant: t}
	if err := rows.await(ctx, l.config.EraseWait); err != nil {
		return nil, err
	}
	if err := rows.spareOthers(ctx); err != nil {
		return nil, err
	}
	counted, err := rows.count(ctx)
	if err != nil {
		return nil, err
	}
	counted, err = l.remember(ctx, t, counted)
	if err == nil {
		err = rows.erase(ctx)
	}
	if err != nil && !erasing(t) && !errors.Is(err, errDoubt) {
		err = l.takeBack(ctx, t, err)
	}
	return counted, err
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

// errDoubt says that what a transaction has done may stay or not. After any other
// error of one it was rolled back, or is by the server.
var errDoubt = errors.New("nobody knows whether it was committed: erase again")
