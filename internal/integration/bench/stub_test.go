package bench_test

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"fmt"
	"io"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
)

// stub is a dialect.Driver without a database. It answers every SELECT with
// one order, or with a count, every INSERT with ids, and every other statement
// with one row affected.
type stub struct {
	// rows is how many ids an INSERT answers with.
	rows int
	// seen is told of every statement, if not nil.
	seen func(query string)
}

var _ dialect.Driver = (*stub)(nil)

func (*stub) Dialect() string { return dialect.SQLite }
func (*stub) Close() error    { return nil }

func (s *stub) Tx(context.Context) (dialect.Tx, error) { return stubTx{s}, nil }

// stubTx is a transaction of a stub.
type stubTx struct{ *stub }

func (stubTx) Commit() error   { return nil }
func (stubTx) Rollback() error { return nil }

func (s *stub) Exec(_ context.Context, query string, args, v any) error {
	if _, ok := args.([]any); !ok {
		return fmt.Errorf("stub: %T for arguments", args)
	}
	s.tell(query)
	switch v := v.(type) {
	case nil:
	case *sql.Result:
		*v = driver.RowsAffected(1)
	default:
		return fmt.Errorf("stub: %T for a result", v)
	}
	return nil
}

func (s *stub) Query(_ context.Context, query string, args, v any) error {
	bound, ok := args.([]any)
	if !ok {
		return fmt.Errorf("stub: %T for arguments", args)
	}
	rows, ok := v.(*entsql.Rows)
	if !ok {
		return fmt.Errorf("stub: %T for rows", v)
	}
	s.tell(query)
	rows.ColumnScanner = s.answer(query, len(bound))
	return nil
}

func (s *stub) tell(query string) {
	if s.seen != nil {
		s.seen(query)
	}
}

func (s *stub) answer(query string, bound int) *stubRows {
	switch {
	case strings.HasPrefix(query, "SELECT COUNT("):
		// As many as are asked for: all arguments but the tenant's are ids.
		return &stubRows{columns: []string{"count"}, row: []int64{int64(max(bound-1, 1))}, left: 1}
	case strings.HasPrefix(query, "INSERT "):
		return &stubRows{columns: []string{"id"}, row: []int64{1}, left: s.rows}
	default:
		return &stubRows{columns: []string{"id", "tenant_id", "note", "total"}, row: []int64{1, isText, isText, 1}, left: 1}
	}
}

// isText stands for a text in a row of a stub.
const isText = -1

// stubRows is the same row, a number of times.
type stubRows struct {
	columns []string
	row     []int64
	left    int
}

var _ entsql.ColumnScanner = (*stubRows)(nil)

func (r *stubRows) Columns() ([]string, error)              { return r.columns, nil }
func (r *stubRows) ColumnTypes() ([]*sql.ColumnType, error) { return nil, nil }
func (r *stubRows) NextResultSet() bool                     { return false }
func (r *stubRows) Err() error                              { return nil }
func (r *stubRows) Close() error                            { r.left = 0; return nil }

func (r *stubRows) Next() bool {
	r.left--
	return r.left >= 0
}

// Scan implements entsql.ColumnScanner.
func (r *stubRows) Scan(dest ...any) error {
	if len(dest) != len(r.row) {
		return io.ErrShortBuffer
	}
	for i, d := range dest {
		if err := scanStub(d, r.row[i]); err != nil {
			return err
		}
	}
	return nil
}

func scanStub(dest any, v int64) error {
	switch d := dest.(type) {
	case *sql.NullString:
		d.String, d.Valid = tenant, true
	case *sql.NullInt64:
		d.Int64, d.Valid = v, true
	case *int:
		*d = int(v)
	case *int64:
		*d = v
	default:
		return fmt.Errorf("stub: cannot scan into %T", dest)
	}
	return nil
}
