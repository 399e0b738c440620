package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
)

// patience is how long a rollback may take when its context is over already.
const patience = 5 * time.Second

// transaction is one of BeginTx. It belongs to the scope that it began under.
type transaction struct {
	c   *conn
	ctx context.Context // of BeginTx, as in stdlib
	at  place
	// begin is the BEGIN that has to go ahead of the first statement, "" when the
	// server has said that the transaction is open. Not when it was sent: an
	// argument that cannot be encoded must not make an autocommit of the next.
	begin  string
	failed bool      // before BEGIN could run
	plain  driver.Tx // stdlib's, in a System scope
}

// BeginTx implements [driver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	at, err := c.connector.placeOf(ctx)
	if err == nil {
		err = c.clean(at)
	}
	if err != nil {
		return nil, err
	}
	if c.tx != nil || c.inServerTx() {
		return nil, fmt.Errorf("%w: the connection has one open already", ErrTransaction)
	}
	if err := c.idle(); err != nil {
		return nil, err
	}
	tx := &transaction{c: c, ctx: ctx, at: at}
	if at.system {
		tx.plain, err = c.std.BeginTx(ctx, options)
	} else {
		err = tx.start(ctx, options)
	}
	if err != nil {
		return nil, err
	}
	c.tx = tx
	return tx, nil
}

// Begin implements [driver.Conn]. It has no context, hence no tenant.
func (c *conn) Begin() (driver.Tx, error) {
	return c.BeginTx(context.Background(), driver.TxOptions{})
}

func (tx *transaction) start(ctx context.Context, options driver.TxOptions) (err error) {
	if tx.begin, err = beginText(options); err != nil || !tx.c.connector.config.EagerBegin {
		return err
	}
	if err = tx.open(ctx); err != nil {
		return tx.c.outcome(ctx, way{at: tx.at}, notRun{err})
	}
	return nil
}

// beginText is BEGIN with the options that database/sql has.
func beginText(options driver.TxOptions) (string, error) {
	begin := "begin"
	switch level := sql.IsolationLevel(options.Isolation); level {
	case sql.LevelDefault:
	case sql.LevelReadUncommitted:
		begin += " isolation level read uncommitted"
	case sql.LevelReadCommitted:
		begin += " isolation level read committed"
	case sql.LevelRepeatableRead, sql.LevelSnapshot:
		begin += " isolation level repeatable read"
	case sql.LevelSerializable:
		begin += " isolation level serializable"
	default:
		return "", fmt.Errorf("postgres: isolation level %s is not supported", level)
	}
	if options.ReadOnly {
		begin += " read only"
	}
	return begin, nil
}

// open sends BEGIN and the settings, in one message.
func (tx *transaction) open(ctx context.Context) error {
	head, err := tx.c.head(way{at: tx.at, set: true, begin: tx.begin})
	if err != nil {
		return err
	}
	if _, err := tx.c.pgx.Exec(ctx, head); err != nil {
		if tx.c.inServerTx() { // BEGIN did and SET LOCAL did not
			_ = tx.c.pgx.Close(ctx)
		}
		return err
	}
	tx.begin = ""
	return nil
}

// admit says which way a statement under the scope at goes in the transaction.
func (tx *transaction) admit(at place) (way, error) {
	if !tx.at.same(at) {
		return way{}, crossTenant()
	}
	if err := tx.c.idle(); err != nil {
		return way{}, err
	}
	if tx.at.system {
		return way{at: tx.at, inTx: true}, nil
	}
	w := tx.now(way{at: at, inTx: true})
	switch {
	case tx.failed:
		return way{}, fmt.Errorf("%w: its first statement failed, so it can only be rolled back", ErrTransaction)
	case w.begin == "" && !tx.c.inServerTx():
		return way{}, fmt.Errorf("%w: it was ended by SQL text", ErrTransaction)
	}
	return w, nil
}

// now brings w up to date with what the server has said about BEGIN.
func (tx *transaction) now(w way) way {
	if tx.c.inServerTx() {
		tx.begin = ""
	}
	w.begin, w.set = tx.begin, tx.begin != ""
	return w
}

// unsent reports that the server knows nothing of the transaction.
func (tx *transaction) unsent() bool {
	return tx.begin != "" && !tx.c.inServerTx() && !tx.c.pgx.IsClosed()
}

// Commit implements [driver.Tx]. It fails with [pgx.ErrTxCommitRollback] where
// the transaction was rolled back because a statement had failed.
func (tx *transaction) Commit() error {
	defer tx.done()
	switch {
	case tx.plain != nil:
		return tx.plain.Commit()
	case tx.failed:
		return pgx.ErrTxCommitRollback
	case tx.unsent():
		return tx.ctx.Err()
	}
	tag, err := tx.c.pgx.Exec(tx.ctx, "commit")
	if err != nil {
		return tx.broken(err)
	}
	if tag.String() == "ROLLBACK" {
		return pgx.ErrTxCommitRollback
	}
	return nil
}

// Rollback implements [driver.Tx]. It works after the context is over, too, so
// that the connection can stay in the pool.
func (tx *transaction) Rollback() error {
	defer tx.done()
	switch {
	case tx.plain != nil:
		return tx.plain.Rollback()
	case tx.unsent():
		return nil
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), patience)
	defer cancel()
	if _, err := tx.c.pgx.Exec(ctx, "rollback"); err != nil {
		return tx.broken(err)
	}
	return nil
}

// broken closes a connection whose transaction is in an unknown state.
func (tx *transaction) broken(err error) error {
	if !tx.c.inServerTx() || tx.c.pgx.IsClosed() {
		return err
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(tx.ctx), patience)
	defer cancel()
	return errors.Join(err, tx.c.pgx.Close(ctx))
}

func (tx *transaction) done() { tx.c.tx = nil }
