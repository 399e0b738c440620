package manager

import (
	"context"
	"errors"
	"fmt"
	"slices"
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

// namespaceKept is where it keeps whether there was a namespace, beside the rows by
// table: no table of tenants has a name of this library's.
const namespaceKept = "tenancy_namespace"

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
	receipt.Dropped, receipt.Rows, err = l.erasePlace(ctx, keeper, t, at)
	return receipt, err
}

// erasePlace drops the tenant's namespace, and then deletes the rows that it has left in
// the shared tables, such as before it was moved: who gets its id next would see them. It
// reports whether there was a namespace, also to who comes after a call that was interrupted
// behind the drop. Where t is, at says. That erasing was begun, only t does: Place may
// leave out metadata.
func (l *Lifecycle) erasePlace(ctx context.Context, keeper namespace.Keeper, t, at tenancy.Tenant) (was bool, left []ErasedRows, err error) {
	rows, err := l.leftRows(ctx, t)
	if err != nil {
		return false, nil, err
	}
	counted, err := l.settle(ctx, rows)
	if err != nil {
		return false, nil, err
	}
	if was, left, err = l.rememberPlace(ctx, keeper, t, at, counted); err != nil {
		return false, nil, err
	}
	dropped, err := keeper.Drop(ctx, at)
	nothing := !dropped && refused(err)
	if err == nil && some(counted) {
		err = rows.erase(ctx)
		nothing = !dropped && !errors.Is(err, errDoubt)
	}
	if err != nil && nothing && (was || some(left)) && !erasing(t) {
		err = l.takeBack(ctx, t, err)
	}
	return dropped || was, left, err
}

// settle counts the rows that a tenant has left in the shared tables. Where there are
// any, it is as for a tenant whose rows are there; where not, nobody waits for
// transactions that are not the tenant's.
func (l *Lifecycle) settle(ctx context.Context, rows *sharedRows) ([]ErasedRows, error) {
	counted, err := rows.count(ctx)
	if err != nil || !some(counted) {
		return counted, err
	}
	return rows.settled(ctx, l.config.EraseWait)
}

// rememberPlace keeps whether there is a namespace, and what was counted beside it, and
// returns what there was of both when the erasure was begun.
func (l *Lifecycle) rememberPlace(
	ctx context.Context, keeper namespace.Keeper, t, at tenancy.Tenant, counted []ErasedRows,
) (was bool, left []ErasedRows, err error) {
	if kept, ok := t.MetadataValue(erasingKey); ok {
		before, _ := kept.(map[string]any)
		return kept == true || before[namespaceKept] == true, asBegun(counted, before), nil
	}
	there, err := isThere(ctx, keeper, at)
	if err != nil || !there && !some(counted) {
		return false, counted, err
	}
	keep := asKept(counted)
	keep[namespaceKept] = there
	if _, err := l.config.Store.MergeMetadata(ctx, t.ID, map[string]any{erasingKey: keep}); err != nil {
		return false, nil, l.takeBack(ctx, t, err)
	}
	return there, counted, nil
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
	counted, err := rows.settled(ctx, l.config.EraseWait)
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
		return asBegun(counted, before), nil
	}
	_, err := l.config.Store.MergeMetadata(ctx, t.ID, map[string]any{erasingKey: asKept(counted)})
	return counted, err
}

// asKept is what was counted as the tenant's metadata keeps it, by table.
func asKept(counted []ErasedRows) map[string]any {
	keep := make(map[string]any, len(counted))
	for _, table := range counted {
		keep[table.Table] = table.Rows
	}
	return keep
}

// asBegun completes what was counted with what was kept before.
func asBegun(counted []ErasedRows, before map[string]any) []ErasedRows {
	whole := slices.Clone(counted)
	for i, table := range whole {
		if rows, ok := before[table.Table].(float64); ok {
			whole[i].Rows = max(table.Rows, int64(rows))
		}
	}
	return whole
}

// errDoubt says that what a transaction has done may stay or not. After any other
// error of one it was rolled back, or is by the server.
var errDoubt = errors.New("nobody knows whether it was committed: erase again")
