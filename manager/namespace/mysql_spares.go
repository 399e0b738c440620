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
		err := conn.QueryRowContext(ctx, "SELECT name FROM "+namespacesTable+" WHERE state = ? AND kind = ? AND version = ? AND "+hasSpareName+" ORDER BY RAND() LIMIT 1",
			append([]any{stateSpare, k.kind(), version}, k.spareName()...)...).Scan(&name)
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

// handOut grants a spare that was taken, which may be from before a user was named.
func (k *MySQL) handOut(ctx context.Context, conn *sql.Conn, name, version string) (Made, error) {
	return Made{Placement: k.placement(name), New: true, Version: version}, k.grant(ctx, conn, name)
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

// Spare implements [Spares]. It is nobody's to take, and no spare to Ready, until
// it has all that a tenant's database has: whoever stops before that leaves what
// List names and Discard drops. Discard waits for a maker that is still at work.
func (k *MySQL) Spare(ctx context.Context) (tenancy.Tenant, error) {
	name := k.config.Names.spare()
	err := k.prepare(ctx)
	if err == nil {
		err = k.locked(ctx, name, func(conn *sql.Conn) error { return k.makeSpare(ctx, conn, name) })
	}
	if err != nil {
		return tenancy.Tenant{}, fmt.Errorf("namespace: making a spare database: %w", err)
	}
	return k.spare(name), nil
}

func (k *MySQL) makeSpare(ctx context.Context, conn *sql.Conn, name string) error {
	_, err := conn.ExecContext(ctx, "INSERT INTO "+namespacesTable+" (name, kind, tenant_id, state, version) VALUES (?, ?, NULL, ?, '')", name, k.kind(), stateMaking)
	if err == nil {
		_, err = conn.ExecContext(ctx, "CREATE DATABASE "+backquoted(name))
	}
	if err == nil {
		err = putMark(ctx, conn, name, spareMark(""))
	}
	if err == nil {
		err = k.grant(ctx, conn, name)
	}
	if err == nil {
		_, err = conn.ExecContext(ctx, "UPDATE "+namespacesTable+" SET state = ? WHERE name = ? AND state = ?", stateSpare, name, stateMaking)
	}
	return err
}

// hasSpareName is the condition, with spareName for arguments, that a row has a name
// that Names.isSpare accepts.
const hasSpareName = "LEFT(name, ?) = ? AND CHAR_LENGTH(name) = ?"

func (k *MySQL) spareName() []any {
	prefix := k.config.Names.spares()
	return []any{len(prefix), prefix, k.config.Names.spareLength()}
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
	if !k.config.Names.isSpare(name) {
		return gone("database", name)
	}
	// One that lacks its mark could not be handed out: somebody else made or mended it.
	mark, _, err := markOfDatabase(ctx, k.db, name)
	if err != nil {
		return fmt.Errorf("namespace: looking at a spare database: %w", err)
	}
	if mark != spareMark("") {
		return gone("database", name)
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

// List implements [Spares]. It lists those too whose maker has stopped or is still
// at work, and those that were not dropped to the end: no Ready accepts them, so
// that FillSpares discards them. It waits for makers that its Lock reaches.
func (k *MySQL) List(ctx context.Context) ([]Spare, error) {
	rows, err := k.db.QueryContext(ctx, "SELECT name, version FROM "+namespacesTable+" WHERE tenant_id IS NULL AND kind = ? AND "+hasSpareName+" ORDER BY name",
		append([]any{k.kind()}, k.spareName()...)...)
	if isMySQL(err, "1146") { // there is no such table yet
		return nil, nil
	}
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
	err = k.locked(ctx, name, func(conn *sql.Conn) error { return k.discardOne(ctx, conn, name) })
	if err != nil && !errors.Is(err, tenancy.ErrNotFound) {
		err = fmt.Errorf("namespace: dropping a spare database: %w", err)
	}
	return err
}

// discardOne drops a spare in whatever state it is, as long as it is nobody's.
func (k *MySQL) discardOne(ctx context.Context, conn *sql.Conn, name string) error {
	const nobodys = " WHERE name = ? AND kind = ? AND tenant_id IS NULL"
	// From here on it is nobody's to take.
	_, err := conn.ExecContext(ctx, "UPDATE "+namespacesTable+" SET state = ?, version = ''"+nobodys, stateDropping, name, k.kind())
	if err != nil {
		return err
	}
	var still int
	if err := conn.QueryRowContext(ctx, "SELECT COUNT(*) FROM "+namespacesTable+nobodys, name, k.kind()).Scan(&still); err != nil {
		return err
	}
	if still == 0 {
		return gone("database", name)
	}
	return k.remove(ctx, conn, name)
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
