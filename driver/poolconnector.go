package driver

import (
	"context"
	sqldriver "database/sql/driver"

	"github.com/entenancy/tenancy/internal/replica"
)

// connector takes from the budget for each connection that it opens. It is no
// io.Closer: database/sql would close it while connections are in use. The pool does,
// when they are not.
type connector struct {
	sqldriver.Connector
	pool *pool
}

// Connect implements [sqldriver.Connector].
func (c *connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	if ctx.Value(serving{}) != nil {
		return nil, errServing
	}
	b := c.pool.budget
	if err := b.take(ctx, c.pool); err != nil {
		return nil, err
	}
	opened := false
	defer func() {
		if !opened { // by an error or a panic
			b.give(c.pool, false)
		}
	}()
	if c.pool.shut.Load() { // by a statement that was on its way when the driver was closed
		return nil, errClosed
	}
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, replica.Unreached(err)
	}
	opened = true
	b.counts.opened.Add(1)
	return newConn(inner, c.pool), nil
}
