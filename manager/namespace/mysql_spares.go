package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/entenancy/tenancy"
)

// takeTries is how often a spare is looked for that nobody else gets first.
const takeTries = 50

// take gives a tenant a spare, and returns its name, empty if there is none.
func (k *MySQL) take(ctx context.Context, conn *sql.Conn, t tenancy.Tenant, version string) (string, error) {
	for range takeTries {
		var name string
		err := conn.QueryRowContext(ctx, "SELECT name FROM "+namespacesTable+" WHERE state = ? AND kind = ? AND version = ? ORDER BY RAND() LIMIT 1",
			stateSpare, k.kind(), version).Scan(&name)
		if errors.Is(err, sql.ErrNoRows) {
			return "", nil
		}
		if err != nil {
			return "", err
		}
		taken, err := k.takeOne(ctx, conn, t, name, version)
		if err != nil && !isMySQL(err, "1213", "1020") || taken {
			return name, err
		}
	}
	return "", nil
}

// takeOne writes the tenant into both tables, or into none.
func (k *MySQL) takeOne(ctx context.Context, conn *sql.Conn, t tenancy.Tenant, name, version string) (taken bool, err error) {
	tx, err := conn.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	defer func() {
		if !taken {
			err = errors.Join(err, tx.Rollback())
		}
	}()
	for _, change := range []struct {
		query string
		args  []any
	}{
		{
			"UPDATE " + namespacesTable + " SET state = ?, tenant_id = ? WHERE name = ? AND state = ? AND kind = ? AND version = ?",
			[]any{stateMade, string(t.ID), name, stateSpare, k.kind(), version},
		},
		{"UPDATE " + backquoted(name) + ".tenancy_namespace SET mark = ? WHERE id = 1 AND mark = ?", []any{markOf(t.ID), spareMark("")}},
	} {
		result, err := tx.ExecContext(ctx, change.query, change.args...)
		if err != nil {
			return false, err
		}
		if changed, err := result.RowsAffected(); err != nil || changed != 1 {
			return false, err
		}
	}
	if err := tx.Commit(); err != nil {
		return false, err
	}
	return true, nil
}

// Spare implements [Spares].
func (k *MySQL) Spare(ctx context.Context) (tenancy.Tenant, error) {
	name := k.config.Names.spare()
	err := k.prepare(ctx)
	if err == nil {
		_, err = k.db.ExecContext(ctx, "INSERT INTO "+namespacesTable+" (name, kind, tenant_id, state, version) VALUES (?, ?, NULL, ?, '')", name, k.kind(), stateSpare)
	}
	if err == nil {
		_, err = k.db.ExecContext(ctx, "CREATE DATABASE "+backquoted(name))
	}
	if err == nil {
		err = putMark(ctx, k.db, name, spareMark(""))
	}
	if err == nil {
		err = k.grant(ctx, k.db, name)
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("namespace: making a spare database: %w", err)
	}
	return k.spare(name), nil
}

func (k *MySQL) spare(name string) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID(name), Isolation: tenancy.Isolation(k.kind()), Placement: k.placement(name)}
}

// Ready implements [Spares].
func (k *MySQL) Ready(ctx context.Context, spare tenancy.Tenant, version string) error {
	name, err := k.nameOf(spare)
	if err != nil {
		return err
	}
	// What is as it should be already counts as unchanged, so the state is asked for as well.
	if _, err = k.db.ExecContext(ctx, "UPDATE "+namespacesTable+" SET version = ? WHERE name = ? AND state = ?", version, name, stateSpare); err != nil {
		return fmt.Errorf("namespace: marking a spare database: %w", err)
	}
	var still int
	err = k.db.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+namespacesTable+" WHERE name = ? AND state = ?", name, stateSpare).Scan(&still)
	if err == nil && still == 0 {
		err = gone("database", name)
	}
	return err
}

// List implements [Spares].
func (k *MySQL) List(ctx context.Context) ([]Spare, error) {
	if err := k.prepare(ctx); err != nil {
		return nil, fmt.Errorf("namespace: listing spares: %w", err)
	}
	prefix := k.config.Names.spares()
	rows, err := k.db.QueryContext(ctx, "SELECT name, version FROM "+namespacesTable+" WHERE state = ? AND kind = ? AND LEFT(name, ?) = ? ORDER BY name",
		stateSpare, k.kind(), len(prefix), prefix)
	if err != nil {
		return nil, fmt.Errorf("namespace: listing spares: %w", err)
	}
	return scanSpares(rows, k.spare)
}

// Discard implements [Spares].
func (k *MySQL) Discard(ctx context.Context, spare tenancy.Tenant) error {
	name, err := k.nameOf(spare)
	if err != nil {
		return err
	}
	if !k.config.Names.isSpare(name) {
		return gone("database", name)
	}
	if err := k.Ready(ctx, spare, ""); err != nil { // from here on it is nobody's to take
		return err
	}
	err = k.locked(ctx, name, func(conn *sql.Conn) error { return k.remove(ctx, conn, name) })
	if err != nil {
		return fmt.Errorf("namespace: dropping a spare database: %w", err)
	}
	return nil
}

// scanSpares reads names and versions.
func scanSpares(rows *sql.Rows, of func(name string) tenancy.Tenant) (spares []Spare, err error) {
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var name, version string
		if err := rows.Scan(&name, &version); err != nil {
			return nil, err
		}
		spares = append(spares, Spare{Tenant: of(name), Version: version})
	}
	return spares, rows.Err()
}
