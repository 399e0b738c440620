package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"sync"
)

// conn is a connection of a pool. It does what the inner one does, and where
// that lacks an optional method, what database/sql does without it. The
// exceptions are the methods Query and Exec without a context, which drivers
// have not needed since Go 1.8: without the newer ones, statements are prepared.
type conn struct {
	sqldriver.Conn
	pool    *pool
	claimed bool // closes for somebody who waits
	once    sync.Once
}

var (
	_ sqldriver.ConnBeginTx        = (*conn)(nil)
	_ sqldriver.ConnPrepareContext = (*conn)(nil)
	_ sqldriver.NamedValueChecker  = (*conn)(nil)
	_ sqldriver.Pinger             = (*conn)(nil)
	_ sqldriver.SessionResetter    = (*conn)(nil)
	_ sqldriver.Validator          = (*conn)(nil)
)

// newConn wraps a connection. Of the optional methods, QueryContext and
// ExecContext are there only if the inner one has them, since database/sql
// converts arguments in another way where they are not.
func newConn(inner sqldriver.Conn, p *pool) sqldriver.Conn {
	c := &conn{Conn: inner, pool: p}
	queryer, queries := inner.(sqldriver.QueryerContext)
	execer, execs := inner.(sqldriver.ExecerContext)
	switch {
	case queries && execs:
		return &struct {
			*conn
			sqldriver.QueryerContext
			sqldriver.ExecerContext
		}{c, queryer, execer}
	case queries:
		return &struct {
			*conn
			sqldriver.QueryerContext
		}{c, queryer}
	case execs:
		return &struct {
			*conn
			sqldriver.ExecerContext
		}{c, execer}
	}
	return c
}

// Unwrap returns the Connector's own connection.
func (c *conn) Unwrap() sqldriver.Conn { return c.Conn }

// PrepareContext implements [sqldriver.ConnPrepareContext].
func (c *conn) PrepareContext(ctx context.Context, query string) (sqldriver.Stmt, error) {
	if inner, ok := c.Conn.(sqldriver.ConnPrepareContext); ok {
		return inner.PrepareContext(ctx, query)
	}
	statement, err := c.Prepare(query)
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), statement.Close())
	}
	return statement, err
}

// BeginTx implements [sqldriver.ConnBeginTx].
func (c *conn) BeginTx(ctx context.Context, options sqldriver.TxOptions) (sqldriver.Tx, error) {
	if inner, ok := c.Conn.(sqldriver.ConnBeginTx); ok {
		return inner.BeginTx(ctx, options)
	}
	switch {
	case sql.IsolationLevel(options.Isolation) != sql.LevelDefault:
		return nil, errors.New("driver: the database's driver does not support isolation levels")
	case options.ReadOnly:
		return nil, errors.New("driver: the database's driver does not support read-only transactions")
	}
	tx, err := c.Begin()
	if err == nil && ctx.Err() != nil {
		return nil, errors.Join(ctx.Err(), tx.Rollback())
	}
	return tx, err
}

// CheckNamedValue implements [sqldriver.NamedValueChecker].
func (c *conn) CheckNamedValue(value *sqldriver.NamedValue) error {
	if inner, ok := c.Conn.(sqldriver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return sqldriver.ErrSkip
}

// Ping implements [sqldriver.Pinger].
func (c *conn) Ping(ctx context.Context) error {
	if inner, ok := c.Conn.(sqldriver.Pinger); ok {
		return inner.Ping(ctx)
	}
	return nil
}

// ResetSession implements [sqldriver.SessionResetter].
func (c *conn) ResetSession(ctx context.Context) error {
	if inner, ok := c.Conn.(sqldriver.SessionResetter); ok {
		return inner.ResetSession(ctx)
	}
	return nil
}

// IsValid implements [sqldriver.Validator]. database/sql asks it when the
// connection is given back, and closes one that is not.
func (c *conn) IsValid() bool {
	if inner, ok := c.Conn.(sqldriver.Validator); ok && !inner.IsValid() {
		return false
	}
	if !c.claimed && c.pool.budget.claim(c.pool) {
		c.claimed = true
		c.pool.budget.counts.yielded.Add(1)
	}
	return !c.claimed
}

// Close closes the connection, which frees its place in the budget when the
// session is over.
func (c *conn) Close() error {
	defer c.once.Do(c.free) // also if the inner one panics
	return c.Conn.Close()
}

func (c *conn) free() {
	c.pool.closed.Add(1)
	ending, ok := c.Conn.(interface{ CleanupDone() <-chan struct{} })
	if !ok {
		c.pool.budget.give(c.pool, c.claimed)
		return
	}
	select {
	case <-ending.CleanupDone():
		c.pool.budget.give(c.pool, c.claimed)
	default:
		go func() {
			select {
			case <-ending.CleanupDone():
			case <-c.pool.pools.done: // nobody needs its place any more
			}
			c.pool.budget.give(c.pool, c.claimed)
		}()
	}
}
