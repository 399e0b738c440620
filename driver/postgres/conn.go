package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgproto3"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/internal/nowatch"
)

// moment is how long a connection that was just used is taken to be alive still.
// Where all connections are busy, none rests for longer, and to look at each before
// each statement is a system call of the few that a statement takes.
const moment = time.Millisecond

// conn is one connection to the server. database/sql uses it from one goroutine
// at a time.
type conn struct {
	connector  *Connector
	std        *stdlib.Conn
	pgx        *pgx.Conn
	statements *statements
	setters    [2]setter        // for the id, and for the id and the search path
	id, path   []byte           // their values: buffers, kept for the next statement
	values     [][]byte         // of both
	bind       pgproto3.Bind    // of a setter
	execute    pgproto3.Execute // of its one row
	ear        *ear
	rested     time.Time // since when nobody has it
	encoder    pgx.ExtendedQueryBuilder
	tx         *transaction // nil outside of one
	reading    bool         // rows are open
	// spent says that a System scope has left something on the connection, which
	// would be there for a tenant. It serves System scopes of whoever has it, and nobody after.
	spent bool
}

var (
	_ driver.Conn               = (*conn)(nil)
	_ driver.ConnBeginTx        = (*conn)(nil)
	_ driver.ConnPrepareContext = (*conn)(nil)
	_ driver.ExecerContext      = (*conn)(nil)
	_ driver.NamedValueChecker  = (*conn)(nil)
	_ driver.Pinger             = (*conn)(nil)
	_ driver.QueryerContext     = (*conn)(nil)
	_ driver.SessionResetter    = (*conn)(nil)
	_ driver.Validator          = (*conn)(nil)
)

func newConn(connector *Connector, std *stdlib.Conn) *conn {
	return &conn{
		connector:  connector,
		std:        std,
		pgx:        std.Conn(),
		statements: newStatements(connector.config),
		setters:    newSetters(),
		id:         []byte{}, // nil would be NULL
		execute:    pgproto3.Execute{MaxRows: 1},
		ear:        newEar(std.Conn().PgConn().Conn()),
	}
}

func (c *conn) wire() *pgconn.PgConn { return c.pgx.PgConn() }

// inServerTx reports what the server last said: whether a transaction is open.
func (c *conn) inServerTx() bool { return c.wire().TxStatus() != 'I' }

// way is how one statement gets to the server.
type way struct {
	at    place
	inTx  bool   // in a transaction of BeginTx
	begin string // goes ahead, where BEGIN has not been sent
	set   bool   // the settings go ahead
}

// admit says which way a statement under ctx goes, if it may. It sends nothing.
func (c *conn) admit(ctx context.Context) (way, error) {
	at, err := c.connector.placeOf(ctx)
	if err == nil {
		err = c.clean(at)
	}
	if err != nil {
		return way{}, err
	}
	if c.tx != nil {
		return c.tx.admit(at)
	}
	if err := c.idle(); err != nil {
		return way{}, err
	}
	if c.inServerTx() && !at.system {
		return way{}, fmt.Errorf("%w: it was begun by SQL text in a System scope", ErrTransaction)
	}
	return way{at: at, set: !at.system}, nil
}

// clean refuses a tenant what a System scope has left on the connection: a
// temporary table would take its rows, and a role of SET ROLE show it others'.
func (c *conn) clean(at place) error {
	if !c.spent || at.system {
		return nil
	}
	return refused("a System scope has left settings or objects of the session on this connection", "take another one for the tenant")
}

// idle reports whether a statement can be sent now. It never calls a busy
// connection bad: database/sql would close it and wait for its rows for ever.
func (c *conn) idle() error {
	switch {
	case c.reading, c.wire().IsBusy():
		return ErrBusy
	case c.pgx.IsClosed():
		return driver.ErrBadConn
	}
	return nil
}

// QueryContext implements [driver.QueryerContext]. pgx watches the context until
// the rows are closed.
func (c *conn) QueryContext(ctx context.Context, sql string, named []driver.NamedValue) (driver.Rows, error) {
	ctx, taken := nowatch.Take(ctx)
	opened, err := c.queryContext(ctx, sql, named)
	if err != nil {
		taken.GiveBack()
	}
	return opened, err
}

func (c *conn) queryContext(ctx context.Context, sql string, named []driver.NamedValue) (driver.Rows, error) {
	w, err := c.admit(ctx)
	if err != nil {
		return nil, err
	}
	if w.at.system {
		return c.plainQuery(ctx, sql, named)
	}
	call, err := c.newCall(ctx, sql, named)
	if err != nil {
		return nil, err
	}
	ctx = c.connector.tracer.start(ctx, c.pgx, sql, call.args)
	opened, err := c.query(ctx, w, call)
	if err != nil {
		c.connector.tracer.end(ctx, c.pgx, pgconn.CommandTag{}, err)
		return nil, c.outcome(ctx, w, err)
	}
	return opened, nil
}

func (c *conn) query(ctx context.Context, w way, call call) (*rows, error) {
	opened := &rows{ctx: ctx}
	err := c.run(ctx, w, call, &opened.result)
	if err == nil {
		err = opened.open()
	}
	if err != nil {
		return nil, err
	}
	return opened, nil
}

// ExecContext implements [driver.ExecerContext]. Without arguments, the text
// may hold several statements, which share one transaction.
func (c *conn) ExecContext(ctx context.Context, sql string, named []driver.NamedValue) (driver.Result, error) {
	w, err := c.admit(ctx)
	if err != nil {
		return nil, err
	}
	if w.at.system {
		return c.plainExec(ctx, sql, named)
	}
	call, err := c.newCall(ctx, sql, named)
	if err != nil {
		return nil, err
	}
	ctx = c.connector.tracer.start(ctx, c.pgx, sql, call.args)
	tag, err := c.exec(ctx, w, call)
	c.connector.tracer.end(ctx, c.pgx, tag, err)
	if err != nil {
		return nil, c.outcome(ctx, w, err)
	}
	return driver.RowsAffected(tag.RowsAffected()), nil
}

func (c *conn) exec(ctx context.Context, w way, call call) (pgconn.CommandTag, error) {
	if len(call.args) == 0 {
		return c.script(ctx, w, call.text())
	}
	var r result
	if err := c.run(ctx, w, call, &r); err != nil {
		return pgconn.CommandTag{}, err
	}
	return r.finish()
}

// plainQuery is stdlib's way, for a System scope.
func (c *conn) plainQuery(ctx context.Context, sql string, named []driver.NamedValue) (driver.Rows, error) {
	c.spent = c.spent || stays(sql)
	opened, err := c.std.QueryContext(ctx, sql, c.plainArgs(sql, named))
	if err != nil {
		return nil, err
	}
	std, ok := opened.(*stdlib.Rows)
	if !ok {
		return opened, nil
	}
	c.reading = true
	return &plainRows{Rows: std, c: c}, nil
}

func (c *conn) plainExec(ctx context.Context, sql string, named []driver.NamedValue) (driver.Result, error) {
	c.spent = c.spent || stays(sql)
	return c.std.ExecContext(ctx, sql, c.plainArgs(sql, named))
}

// plainArgs has pgx do without prepared statements where we do, and without one of a
// cursor, for which it remembers the columns as well.
func (c *conn) plainArgs(sql string, named []driver.NamedValue) []driver.NamedValue {
	if !c.connector.unnamed.Load() && !isOfCursor(sql) {
		return named
	}
	return append([]driver.NamedValue{{Value: pgx.QueryExecModeExec}}, named...)
}

// CheckNamedValue implements [driver.NamedValueChecker]: pgx takes any value.
func (c *conn) CheckNamedValue(*driver.NamedValue) error { return nil }

// Ping implements [driver.Pinger]. It needs no tenant.
func (c *conn) Ping(ctx context.Context) error {
	if err := c.idle(); err != nil {
		return err
	}
	return c.std.Ping(ctx)
}

// ResetSession implements [driver.SessionResetter]: it is called before a
// connection from the pool is used, and refuses one that is dead.
func (c *conn) ResetSession(ctx context.Context) error {
	c.tx, c.reading = nil, false
	if c.spent || c.pgx.IsClosed() || c.inServerTx() {
		return driver.ErrBadConn
	}
	if time.Since(c.rested) > moment && !c.alive(ctx) {
		return driver.ErrBadConn
	}
	return c.std.ResetSession(ctx)
}

// alive looks at an idle connection.
func (c *conn) alive(ctx context.Context) bool {
	switch c.ear.listen() {
	case lineDead:
		return false
	case lineSpeaking: // it may be the server's farewell
		return c.wire().Ping(ctx) == nil
	default:
		return true
	}
}

// IsValid implements [driver.Validator]: it is called before a connection goes
// back to the pool.
func (c *conn) IsValid() bool {
	c.rested = time.Now()
	return !c.spent && !c.pgx.IsClosed() && !c.wire().IsBusy() && !c.inServerTx()
}

// Close implements [driver.Conn].
func (c *conn) Close() error { return c.std.Close() }
