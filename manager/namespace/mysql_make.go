package namespace

import (
	"context"
	"database/sql"
	"errors"

	"github.com/entenancy/tenancy"
)

// The states of a database in tenancy_namespaces.
const (
	stateMaking   = "making" // may be there, and may lack its mark
	stateMade     = "made"
	stateDropping = "dropping" // may be there, and may lack its mark, but then it has nothing else either
	stateSpare    = "spare"
)

const namespacesTable = "tenancy_namespaces"

// prepare makes the table in which is written down what is begun.
func (k *MySQL) prepare(ctx context.Context) error {
	_, err := k.db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS "+namespacesTable+
		" (name VARCHAR(64) NOT NULL PRIMARY KEY, kind VARCHAR(16) NOT NULL, tenant_id VARCHAR(255) NULL, state VARCHAR(16) NOT NULL,"+
		" version VARCHAR(255) NOT NULL, UNIQUE KEY (tenant_id, kind)) ENGINE InnoDB CHARSET utf8mb4 COLLATE utf8mb4_bin")
	return err
}

// Make implements [Keeper].
func (k *MySQL) Make(ctx context.Context, t tenancy.Tenant, version string) (Made, error) {
	name, err := k.nameOf(t)
	if err != nil {
		return Made{}, err
	}
	made := Made{Placement: t.Placement}
	err = k.prepare(ctx)
	if err == nil {
		err = k.locked(ctx, name, func(conn *sql.Conn) (err error) {
			made, err = k.make(ctx, conn, t, name, version)
			return err
		})
	}
	if err != nil && !errors.Is(err, tenancy.ErrForeignNamespace) {
		err = failed("making the database", t, err)
	}
	return made, err
}

func (k *MySQL) make(ctx context.Context, conn *sql.Conn, t tenancy.Tenant, name, version string) (Made, error) {
	made := Made{Placement: t.Placement}
	mark, there, err := markOfDatabase(ctx, conn, name)
	if err == nil && mark == markOf(t.ID) { // and perhaps no grants: whoever was here may have died before
		err = k.finish(ctx, conn, t, name)
	}
	if err != nil || mark == markOf(t.ID) {
		return made, err
	}
	begun, err := k.begun(ctx, conn, t)
	if err != nil {
		return made, err
	}
	if begun.name != "" && begun.name != name { // a spare, and nobody was told
		return k.handOut(ctx, conn, begun.name, begun.version)
	}
	if there {
		if err := k.adopt(ctx, conn, t, name, begun, mark); err != nil {
			return made, err
		}
	} else {
		if begun.name == "" && version != "" {
			if spare, err := k.take(ctx, conn, t, version); err != nil {
				return made, err
			} else if spare != "" {
				return k.handOut(ctx, conn, spare, version)
			}
		}
		if err := k.create(ctx, conn, t, name, begun); err != nil {
			return made, err
		}
	}
	made.New = true
	return made, k.finish(ctx, conn, t, name)
}

// row is one of tenancy_namespaces.
type row struct{ name, state, version string }

// begun returns what was written down of a tenant, an empty row if nothing was.
func (k *MySQL) begun(ctx context.Context, q querier, t tenancy.Tenant) (r row, err error) {
	err = q.QueryRowContext(ctx, "SELECT name, state, version FROM "+namespacesTable+" WHERE tenant_id = ? AND kind = ?", string(t.ID), k.kind()).
		Scan(&r.name, &r.state, &r.version)
	if errors.Is(err, sql.ErrNoRows) {
		err = nil
	}
	return r, err
}

// adopt accepts a database without a mark that was begun to be made for this tenant,
// or to be dropped, and that has nothing in it.
func (k *MySQL) adopt(ctx context.Context, q querier, t tenancy.Tenant, name string, begun row, mark string) error {
	if mark != "" || begun.name != name || begun.state != stateMaking && begun.state != stateDropping {
		return foreign(t, "database", name)
	}
	things, err := thingsIn(ctx, q, name)
	if err == nil && len(things) > 0 {
		return foreign(t, "database", name)
	}
	return err
}

// create writes down what it is about to make. If the database comes into being in
// between, it is somebody else's.
func (k *MySQL) create(ctx context.Context, q querier, t tenancy.Tenant, name string, begun row) error {
	write := "INSERT INTO " + namespacesTable + " (state, name, kind, tenant_id, version) VALUES (?, ?, ?, ?, '')"
	if begun.name != "" { // a database that was dropped since
		write = "UPDATE " + namespacesTable + " SET state = ? WHERE name = ? AND kind = ? AND tenant_id = ?"
	}
	if _, err := q.ExecContext(ctx, write, stateMaking, name, k.kind(), string(t.ID)); err != nil {
		return err
	}
	_, err := q.ExecContext(ctx, "CREATE DATABASE "+backquoted(name))
	if isMySQL(err, "1007") {
		_, err = q.ExecContext(context.WithoutCancel(ctx), "DELETE FROM "+namespacesTable+" WHERE name = ? AND tenant_id = ?", name, string(t.ID))
		return errors.Join(foreign(t, "database", name), err)
	}
	return err
}

func (k *MySQL) finish(ctx context.Context, conn *sql.Conn, t tenancy.Tenant, name string) error {
	if err := putMark(ctx, conn, name, markOf(t.ID)); err != nil {
		return err
	}
	if err := k.grant(ctx, conn, name); err != nil {
		return err
	}
	_, err := conn.ExecContext(ctx, "UPDATE "+namespacesTable+" SET state = ? WHERE name = ?", stateMade, name)
	return err
}
