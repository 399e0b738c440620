package registry

import (
	"context"
	"errors"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/registry/ent"
)

// inTx calls do in a transaction, which it commits unless do fails. After a
// statement has waited for a lock, the next ones see what was done meanwhile.
func inTx(ctx context.Context, driver dialect.Driver, do func(dialect.ExecQuerier) error) error {
	tx, err := driver.Tx(ctx)
	if err != nil {
		return err
	}
	err = readCommitted(ctx, tx, driver.Dialect())
	if err == nil {
		err = do(tx)
	}
	if err != nil {
		_ = tx.Rollback() // err says more
		return err
	}
	return tx.Commit()
}

// readCommitted sets the level of a transaction that has only begun, because
// the default of a database of PostgreSQL may be one at which it sees nothing
// of what was committed since. MySQL looks at the newest rows when it writes or
// locks, and SQLite has one writer at a time.
func readCommitted(ctx context.Context, tx dialect.ExecQuerier, dialectName string) error {
	if dialectName != dialect.Postgres {
		return nil
	}
	return tx.Exec(ctx, "SET TRANSACTION ISOLATION LEVEL READ COMMITTED", []any{}, nil)
}

// within returns a client in the transaction.
func (s *EntStore) within(tx dialect.ExecQuerier) *ent.Client {
	return ent.NewClient(ent.Driver(inside{tx, s.driver.Dialect()}))
}

// inside is a driver that is in a transaction already.
type inside struct {
	dialect.ExecQuerier
	dialect string
}

func (i inside) Dialect() string { return i.dialect }

func (inside) Close() error { return nil }

func (inside) Tx(context.Context) (dialect.Tx, error) {
	return nil, errors.New("registry: a transaction inside another")
}

// attempts is how often a transaction is tried that the database breaks off in
// favour of another's. Each time one of those that met has got through, so it
// is as many as may meet.
const attempts = 50

// retry calls do again while the database says that it gave way to another
// transaction: nothing of it was done then.
func retry(ctx context.Context, do func() error) error {
	for attempt := 1; ; attempt++ {
		err := do()
		if err == nil || attempt == attempts || ctx.Err() != nil || !gaveWay(err) {
			return err
		}
	}
}

// save executes an update and returns how many rows it changed.
func save(ctx context.Context, update *ent.TenantUpdate) (changed int, err error) {
	err = retry(ctx, func() error {
		changed, err = update.Save(ctx)
		return err
	})
	return changed, err
}

func gaveWay(err error) bool {
	const (
		serializationFailure = "40001"
		deadlockDetected     = "40P01"
		mysqlDeadlock        = "Error 1213"
	)
	return hasState(err, serializationFailure, deadlockDetected) || strings.Contains(err.Error(), mysqlDeadlock)
}
