package guard

import (
	"database/sql/driver"
	"errors"
	"io"
	"reflect"
)

// rows are those of a query within a transaction. Where a driver runs a query only
// when it is read, as one with RETURNING, reading it is what fails.
type rows struct {
	driver.Rows
	conn *Conn
}

// watch returns the outcome of a query, looking after what comes of it.
func (c *Conn) watch(inner driver.Rows, err error) (driver.Rows, error) {
	if err != nil {
		return nil, c.failed(err)
	}
	if !c.inTx || c.Ended == nil {
		return inner, nil
	}
	return &rows{inner, c}, nil
}

// Next implements [driver.Rows].
func (r *rows) Next(dest []driver.Value) error { return r.read(r.Rows.Next(dest)) }

func (r *rows) read(err error) error {
	if errors.Is(err, io.EOF) {
		return err
	}
	return r.conn.failed(err)
}

// HasNextResultSet implements [driver.RowsNextResultSet]. This and what follows do
// for rows that lack a method what database/sql does.
func (r *rows) HasNextResultSet() bool {
	inner, ok := r.Rows.(driver.RowsNextResultSet)
	return ok && inner.HasNextResultSet()
}

// NextResultSet implements [driver.RowsNextResultSet].
func (r *rows) NextResultSet() error {
	if inner, ok := r.Rows.(driver.RowsNextResultSet); ok {
		return r.read(inner.NextResultSet())
	}
	return io.EOF
}

// ColumnTypeScanType implements [driver.RowsColumnTypeScanType].
func (r *rows) ColumnTypeScanType(index int) reflect.Type {
	if inner, ok := r.Rows.(driver.RowsColumnTypeScanType); ok {
		return inner.ColumnTypeScanType(index)
	}
	return reflect.TypeFor[any]()
}

// ColumnTypeDatabaseTypeName implements [driver.RowsColumnTypeDatabaseTypeName].
func (r *rows) ColumnTypeDatabaseTypeName(index int) string {
	if inner, ok := r.Rows.(driver.RowsColumnTypeDatabaseTypeName); ok {
		return inner.ColumnTypeDatabaseTypeName(index)
	}
	return ""
}

// ColumnTypeLength implements [driver.RowsColumnTypeLength].
func (r *rows) ColumnTypeLength(index int) (length int64, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypeLength); has {
		return inner.ColumnTypeLength(index)
	}
	return 0, false
}

// ColumnTypeNullable implements [driver.RowsColumnTypeNullable].
func (r *rows) ColumnTypeNullable(index int) (nullable, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypeNullable); has {
		return inner.ColumnTypeNullable(index)
	}
	return false, false
}

// ColumnTypePrecisionScale implements [driver.RowsColumnTypePrecisionScale].
func (r *rows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	if inner, has := r.Rows.(driver.RowsColumnTypePrecisionScale); has {
		return inner.ColumnTypePrecisionScale(index)
	}
	return 0, 0, false
}
