package registry

import (
	"context"
	"errors"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// locked calls do with a transaction that one process at a time has, and in
// which the table of revisions is there.
func (m *migrator) locked(ctx context.Context, do func(dialect.ExecQuerier) error) error {
	switch m.driver.Dialect() {
	case dialect.Postgres:
		return inTx(ctx, m.driver, func(tx dialect.ExecQuerier) error {
			if err := lockPostgres(ctx, tx); err != nil {
				return err
			}
			return do(tx)
		})
	case dialect.MySQL:
		// The lock belongs to the connection. A transaction that ended with the context would give the connection back with the lock.
		return inTx(context.WithoutCancel(ctx), m.driver, func(tx dialect.ExecQuerier) error { return lockMySQL(ctx, tx, do) })
	default:
		return lockSQLite(ctx, m.driver, do)
	}
}

// lockKey is what the advisory lock of PostgreSQL goes by. Any number will do
// that no one else takes.
const lockKey = "7308604897068083558"

// lockPostgres holds until the end of the transaction.
func lockPostgres(ctx context.Context, tx dialect.ExecQuerier) error {
	for _, statement := range []string{
		"SELECT pg_advisory_xact_lock(" + lockKey + ")",
		createRevisions,
	} {
		if err := tx.Exec(ctx, statement, []any{}, nil); err != nil {
			return err
		}
	}
	return nil
}

// mysqlLock names the lock, of which a server has one namespace for all its
// databases. Names have up to 64 characters. MySQL has no MD5 since its version 9.6.
const mysqlLock = "CONCAT('tenancy:', LEFT(SHA2(DATABASE(), 256), 32))"

// lockMySQL uses the transaction for its connection, which has the lock:
// statements that make tables commit what is open anyway.
func lockMySQL(ctx context.Context, tx dialect.ExecQuerier, do func(dialect.ExecQuerier) error) (err error) {
	var got int
	if err := scanOne(ctx, tx, "SELECT COALESCE(GET_LOCK("+mysqlLock+", 600), 0)", &got); err != nil {
		return err
	}
	if got != 1 {
		return errors.New("another process has been at it for ten minutes")
	}
	defer func() {
		var released int
		err = errors.Join(err, scanOne(context.WithoutCancel(ctx), tx, "SELECT COALESCE(RELEASE_LOCK("+mysqlLock+"), 0)", &released))
	}()
	for _, statement := range []string{
		"COMMIT", // from here on each statement stands for itself, so that it and the record of it are kept together
		createRevisions,
	} {
		if err := tx.Exec(ctx, statement, []any{}, nil); err != nil {
			return err
		}
	}
	return do(tx)
}

// wasDone reports whether a statement failed because it has been executed
// before: on MySQL a process can end between a statement and the record of it.
func (m *migrator) wasDone(err error) bool {
	const duplicateColumn = "Error 1060"
	return m.driver.Dialect() == dialect.MySQL && strings.Contains(err.Error(), duplicateColumn)
}

// lockSQLite begins the transaction with a write, because a lock that is taken
// later is refused, without waiting, when another connection was faster.
func lockSQLite(ctx context.Context, driver dialect.Driver, do func(dialect.ExecQuerier) error) error {
	if err := driver.Exec(ctx, createRevisions, []any{}, nil); err != nil {
		return err
	}
	return inTx(ctx, driver, func(tx dialect.ExecQuerier) error {
		lock := entsql.Dialect(dialect.SQLite).Update(revisions).Set("applied", 0).Where(entsql.EQ("version", ""))
		if err := exec(ctx, tx, lock); err != nil {
			return err
		}
		return do(tx)
	})
}

func scanOne(ctx context.Context, conn dialect.ExecQuerier, query string, value any) (err error) {
	rows := &entsql.Rows{}
	if err := conn.Query(ctx, query, []any{}, rows); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return errors.Join(rows.Err(), errors.New("no rows"))
	}
	return rows.Scan(value)
}
