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
	if !there {
		return false, k.remove(ctx, conn, name)
	}
	// A DROP DATABASE that is interrupted leaves tables, and perhaps not the one with the mark. So that one goes last.
	if err := dropAll(ctx, conn, name); err != nil {
		return false, err
	}
	if _, err := conn.ExecContext(ctx, "UPDATE "+namespacesTable+" SET state = ? WHERE name = ?", stateDropping, name); err != nil {
		return false, err
	}
	return true, k.remove(ctx, conn, name)
}

// dropAll drops what is in a database, but for its mark. The session does not
// outlive it.
func dropAll(ctx context.Context, conn *sql.Conn, name string) error {
	things, err := thingsIn(ctx, conn, name)
	if err != nil || len(things) == 0 {
		return err
	}
	if _, err := conn.ExecContext(ctx, "SET SESSION foreign_key_checks = 0"); err != nil {
		return err
	}
	for _, thing := range things {
		if _, err := conn.ExecContext(ctx, "DROP "+thing.kind+" IF EXISTS "+backquoted(name)+"."+backquoted(thing.name)); err != nil {
			return err
		}
	}
	return nil
}

// thing is something in a database, by the word that DROP has for it.
type thing struct{ kind, name string }

func thingsIn(ctx context.Context, q querier, name string) (things []thing, err error) {
	rows, err := q.QueryContext(ctx, `SELECT CASE table_type WHEN 'VIEW' THEN 'VIEW' WHEN 'SEQUENCE' THEN 'SEQUENCE' ELSE 'TABLE' END, table_name
FROM information_schema.tables WHERE table_schema = ? AND table_name <> 'tenancy_namespace'
UNION ALL SELECT routine_type, routine_name FROM information_schema.routines WHERE routine_schema = ?
UNION ALL SELECT 'EVENT', event_name FROM information_schema.events WHERE event_schema = ?`, name, name, name)
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var t thing
		if err := rows.Scan(&t.kind, &t.name); err != nil {
			return nil, err
		}
		things = append(things, t)
	}
	return things, rows.Err()
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
