package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
)

// PrepareContext implements [driver.ConnPrepareContext]. It sends nothing, and
// so needs no tenant: a statement can be prepared once and run for all of them.
// Mistakes in the text show when it is run.
func (c *conn) PrepareContext(_ context.Context, sql string) (driver.Stmt, error) {
	return &prepared{c: c, sql: sql}, nil
}

// Prepare implements [driver.Conn].
func (c *conn) Prepare(sql string) (driver.Stmt, error) {
	return c.PrepareContext(context.Background(), sql)
}

// prepared runs its text as if it had been given to the connection.
type prepared struct {
	c   *conn
	sql string
}

func (*prepared) Close() error  { return nil }
func (*prepared) NumInput() int { return -1 } // the server counts

func (s *prepared) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	return s.c.ExecContext(ctx, s.sql, args)
}

func (s *prepared) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	return s.c.QueryContext(ctx, s.sql, args)
}

var errNoContext = errors.New("postgres: only the methods that take a context have a tenant")

func (*prepared) Exec([]driver.Value) (driver.Result, error) { return nil, errNoContext }
func (*prepared) Query([]driver.Value) (driver.Rows, error)  { return nil, errNoContext }
