// Package nowatch spares queries the goroutine by which database/sql watches the
// context of each.
//
// database/sql closes rows when their context ends. For that it starts a goroutine
// with each query whose context can end, which takes as long as all else that the
// client does for a short one, and more where the database's process waits for the
// processor. A driver that watches the context itself, for as long as the rows are
// open, can do without: the rows fail then, and whoever has them closes them.
package nowatch

import (
	"context"
	"sync/atomic"
)

// Context is a context that does not seem to be able to end from the time that a
// driver takes it: until then it is what ends the wait for a connection.
type Context struct {
	context.Context

	taken atomic.Bool
}

// New returns a context for one query. It is for callers who close rows whatever
// becomes of their context. The driver underneath need not know of it.
func New(ctx context.Context) context.Context {
	if ctx.Done() == nil {
		return ctx
	}
	return &Context{Context: ctx}
}

// Done implements [context.Context].
func (c *Context) Done() <-chan struct{} {
	if c.taken.Load() {
		return nil
	}
	return c.Context.Done()
}

// Take is for a driver that was given ctx with a query, and watches what it
// returns. It has to be given back where the query fails, because database/sql may
// wait for another connection then.
func Take(ctx context.Context) (context.Context, *Context) {
	c, ok := ctx.(*Context)
	if !ok {
		return ctx, nil
	}
	c.taken.Store(true)
	return c.Context, c
}

// GiveBack is for a nil Context, too.
func (c *Context) GiveBack() {
	if c != nil {
		c.taken.Store(false)
	}
}
