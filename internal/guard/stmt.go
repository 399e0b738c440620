package guard

import (
	"context"
	"database/sql/driver"
	"errors"
)

// stmt is a prepared statement. Its text is looked at each time that it is run:
// who runs it may be another than who has prepared it, and the transaction over.
type stmt struct {
	driver.Stmt
	conn  *Conn
	query string
}

// converter is a stmt whose inner one has a converter. It is a type of its own,
// since database/sql converts arguments in another way where there is one.
type converter struct {
	*stmt
	columns driver.ColumnConverter //nolint:staticcheck // drivers have it
}

// ColumnConverter implements [driver.ColumnConverter].
func (c converter) ColumnConverter(index int) driver.ValueConverter {
	return c.columns.ColumnConverter(index)
}

func newStmt(c *Conn, inner driver.Stmt, query string) driver.Stmt {
	s := &stmt{inner, c, query}
	if columns, ok := inner.(driver.ColumnConverter); ok { //nolint:staticcheck // drivers have it
		return converter{s, columns}
	}
	return s
}

// ExecContext implements [driver.StmtExecContext].
func (s *stmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if err := s.conn.pass(ctx, s.query); err != nil {
		return nil, err
	}
	result, err := s.exec(ctx, args)
	return result, s.conn.failed(err)
}

func (s *stmt) exec(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	if inner, ok := s.Stmt.(driver.StmtExecContext); ok {
		return inner.ExecContext(ctx, args)
	}
	values, err := valuesOf(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Exec(values) //nolint:staticcheck // every driver has it
}

// QueryContext implements [driver.StmtQueryContext].
func (s *stmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if err := s.conn.pass(ctx, s.query); err != nil {
		return nil, err
	}
	return s.conn.watch(s.find(ctx, args))
}

func (s *stmt) find(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	if inner, ok := s.Stmt.(driver.StmtQueryContext); ok {
		return inner.QueryContext(ctx, args)
	}
	values, err := valuesOf(ctx, args)
	if err != nil {
		return nil, err
	}
	return s.Stmt.Query(values) //nolint:staticcheck // every driver has it
}

// CheckNamedValue implements [driver.NamedValueChecker]. Where the statement does
// not check, the connection does, as for database/sql.
func (s *stmt) CheckNamedValue(value *driver.NamedValue) error {
	if inner, ok := s.Stmt.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(value)
	}
	return s.conn.CheckNamedValue(value)
}

// valuesOf does what database/sql does for a statement that takes no context.
func valuesOf(ctx context.Context, args []driver.NamedValue) ([]driver.Value, error) {
	values := make([]driver.Value, len(args))
	for i, arg := range args {
		if arg.Name != "" {
			return nil, errors.New("guard: the database's driver has no named parameters")
		}
		values[i] = arg.Value
	}
	return values, ctx.Err()
}
