// Package guard stands between database/sql and a connection: it looks at each
// SQL text before that is sent, and at a connection before it is used again.
package guard

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
)

// Conn forwards to the connection that it wraps, whatever that can do. Like
// every connection it is used by one goroutine at a time.
type Conn struct {
	driver.Conn
	// Check is asked about each SQL text, and told whether BeginTx has begun a
	// transaction that has not ended. Its error is the statement's.
	Check func(ctx context.Context, query string, inTx bool) error
	// Stays is asked about each SQL text that may be sent, whether it leaves
	// something on the connection that nobody after should find there. Such a
	// connection is closed when it is given back. Nil leaves nothing.
	Stays func(ctx context.Context, query string) bool
	// Spent is asked about each SQL text and each transaction on such a connection. Its
	// error is theirs. Nil lets all of whoever has the connection pass.
	Spent func(ctx context.Context) error
	// Reset is asked before the connection is used again. Nil asks nothing.
	Reset func(ctx context.Context) error
	// Ended is asked when a statement within a transaction has failed, whether the
	// database has ended the transaction with it: what follows would be committed one
	// by one. If so it returns the error of what follows, and of Commit. Rollback is
	// sent all the same. Where that cannot be told it is not sure, and asked again
	// before the next statement. Nil says that no database does.
	Ended func(cause error) (sure bool, ended error)

	inTx  bool
	ended error // of the transaction, before its time
	doubt error // why it may have ended
	spent bool  // something was left on it
}

// Unwrap returns the connection itself, for (*sql.Conn).Raw.
func (c *Conn) Unwrap() driver.Conn { return c.Conn }

// pass says whether a text may be sent.
func (c *Conn) pass(ctx context.Context, query string) error {
	if err := c.settled(); err != nil {
		return err
	}
	if err := c.clean(ctx); err != nil {
		return err
	}
	if err := c.Check(ctx, query, c.inTx); err != nil {
		return err
	}
	c.spent = c.spent || c.Stays != nil && c.Stays(ctx, query)
	return nil
}

// clean fails if something was left on the connection that may not be found under ctx.
func (c *Conn) clean(ctx context.Context) error {
	if !c.spent || c.Spent == nil {
		return nil
	}
	return c.Spent(ctx)
}

// failed looks what a statement has done to the transaction if it has failed, and
// returns its error.
func (c *Conn) failed(err error) error {
	if err != nil && !errors.Is(err, driver.ErrSkip) && c.inTx && c.ended == nil && c.Ended != nil {
		c.doubt = err
		_ = c.settled() // or later
	}
	return err
}

// settled fails if the transaction has ended, or if that cannot be told.
func (c *Conn) settled() error {
	if c.doubt == nil {
		return c.ended
	}
	sure, ended := c.Ended(c.doubt)
	if !sure {
		return fmt.Errorf("the transaction may have ended, which can be told when its rows are closed: %w", c.doubt)
	}
	c.ended, c.doubt = ended, nil
	return ended
}

// Prepare implements [driver.Conn].
func (c *Conn) Prepare(query string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), query)
}

// PrepareContext implements [driver.ConnPrepareContext].
func (c *Conn) PrepareContext(ctx context.Context, query string) (driver.Stmt, error) {
	if err := c.pass(ctx, query); err != nil {
		return nil, err
	}
	inner, err := c.prepare(ctx, query)
	if err != nil {
		return nil, err
	}
	return newStmt(c, inner, query), nil
}

func (c *Conn) prepare(ctx context.Context, query string) (driver.Stmt, error) {
	if inner, ok := c.Conn.(driver.ConnPrepareContext); ok {
		return inner.PrepareContext(ctx, query)
	}
	return c.Conn.Prepare(query)
}

// ExecContext implements [driver.ExecerContext].
func (c *Conn) ExecContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Result, error) {
	inner, ok := c.Conn.(driver.ExecerContext)
	if !ok {
		return nil, driver.ErrSkip // by way of PrepareContext
	}
	if err := c.pass(ctx, query); err != nil {
		return nil, err
	}
	result, err := inner.ExecContext(ctx, query, args)
	return result, c.failed(err)
}

// QueryContext implements [driver.QueryerContext].
func (c *Conn) QueryContext(ctx context.Context, query string, args []driver.NamedValue) (driver.Rows, error) {
	inner, ok := c.Conn.(driver.QueryerContext)
	if !ok {
		return nil, driver.ErrSkip
	}
	if err := c.pass(ctx, query); err != nil {
		return nil, err
	}
	return c.watch(inner.QueryContext(ctx, query, args))
}

// BeginTx implements [driver.ConnBeginTx].
func (c *Conn) BeginTx(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if err := c.clean(ctx); err != nil {
		return nil, err
	}
	inner, err := c.begin(ctx, options)
	if err != nil {
		return nil, err
	}
	c.inTx, c.ended, c.doubt = true, nil, nil
	return tx{inner, c}, nil
}

func (c *Conn) begin(ctx context.Context, options driver.TxOptions) (driver.Tx, error) {
	if inner, ok := c.Conn.(driver.ConnBeginTx); ok {
		return inner.BeginTx(ctx, options)
	}
	if options != (driver.TxOptions{}) {
		return nil, errors.New("guard: the database's driver has no transaction options")
	}
	return c.Begin()
}

// Ping implements [driver.Pinger].
func (c *Conn) Ping(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.Pinger); ok {
		return inner.Ping(ctx)
	}
	return nil
}

// ResetSession implements [driver.SessionResetter].
func (c *Conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(driver.SessionResetter); ok {
		if err := inner.ResetSession(ctx); err != nil {
			return err
		}
	}
	if c.Reset == nil {
		return nil
	}
	return c.Reset(ctx)
}

// IsValid implements [driver.Validator].
func (c *Conn) IsValid() bool {
	inner, ok := c.Conn.(driver.Validator)
	return !c.spent && (!ok || inner.IsValid())
}

// CheckNamedValue implements [driver.NamedValueChecker].
func (c *Conn) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return driver.ErrSkip
}

// CleanupDone is closed when the session is over, also where the connection does
// not say when: then it is with Close.
func (c *Conn) CleanupDone() <-chan struct{} {
	if inner, ok := c.Conn.(interface{ CleanupDone() <-chan struct{} }); ok {
		return inner.CleanupDone()
	}
	over := make(chan struct{})
	close(over)
	return over
}

// tx tells its connection when it has ended. Whatever comes of that, database/sql
// is done with it.
type tx struct {
	driver.Tx
	conn *Conn
}

// Commit implements [driver.Tx].
func (t tx) Commit() error {
	if err := t.conn.settled(); err != nil {
		return errors.Join(err, t.Rollback())
	}
	t.conn.inTx = false
	return t.Tx.Commit()
}

// Rollback implements [driver.Tx].
func (t tx) Rollback() error {
	t.conn.inTx, t.conn.ended, t.conn.doubt = false, nil, nil
	return t.Tx.Rollback()
}
