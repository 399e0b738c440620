package namespace

import (
	"context"
	"database/sql"
	"errors"

	"github.com/entenancy/tenancy"
)

// Drop implements [Keeper]. It waits up to ten seconds for whoever migrates or
// uses the database, and then fails.
func (k *MySQL) Drop(ctx context.Context, t tenancy.Tenant) (dropped bool, err error) {
	name, err := k.nameOf(t)
	if err != nil {
		return false, err
	}
	if err := k.prepare(ctx); err != nil {
		return false, failed("dropping the database", t, err)
	}
	begun, err := k.begun(ctx, k.db, t)
	if err != nil {
		return false, failed("dropping the database", t, err)
	}
	names := []string{name}
	if begun.name != "" && begun.name != name { // a spare that nobody was told of
		names = append(names, begun.name)
	}
	for _, name := range names {
		err := k.locked(ctx, name, func(conn *sql.Conn) error {
			one, err := k.dropOne(ctx, conn, t, name, begun)
			dropped = dropped || one
			return err
		})
		if errors.Is(err, tenancy.ErrForeignNamespace) {
			return dropped, err
		}
		if err != nil {
			return dropped, failed("dropping the database", t, err)
		}
	}
	return dropped, nil
}

func (k *MySQL) dropOne(ctx context.Context, conn *sql.Conn, t tenancy.Tenant, name string, begun row) (bool, error) {
	mark, there, err := markOfDatabase(ctx, conn, name)
	if err != nil {
		return false, err
	}
	if there && mark != markOf(t.ID) {
		if err := k.adopt(ctx, conn, t, name, begun, mark); err != nil {
			return false, err
		}
	}
	return there, k.remove(ctx, conn, name)
}

// remove drops a database, and then what is written down of it.
func (k *MySQL) remove(ctx context.Context, q querier, name string) error {
	if _, err := q.ExecContext(ctx, "DROP DATABASE IF EXISTS "+backquoted(name)); err != nil {
		return err
	}
	if err := k.revoke(ctx, q, name); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, "DELETE FROM "+namespacesTable+" WHERE name = ?", name)
	return err
}
