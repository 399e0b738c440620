package postgres

import (
	"context"
	"database/sql/driver"
	"fmt"
	"io"
	"reflect"

	"github.com/jackc/pgx/v5/stdlib"
)

// rows are the rows of a result.
type rows struct {
	result
	ctx     context.Context // of the trace
	columns []column
	names   []string // theirs, made when somebody asks
	// The first row is read before anybody asks for it, because the columns are
	// known from then on, and so that a failed query fails at once.
	ahead  bool
	closed bool
	err    error
}

var (
	_ driver.Rows                           = (*rows)(nil)
	_ driver.RowsColumnTypeDatabaseTypeName = (*rows)(nil)
	_ driver.RowsColumnTypeLength           = (*rows)(nil)
	_ driver.RowsColumnTypePrecisionScale   = (*rows)(nil)
	_ driver.RowsColumnTypeScanType         = (*rows)(nil)
)

// open goes to the first row of the result. It finishes that where there is none.
func (r *rows) open() error {
	r.ahead = r.first()
	if r.st != nil && len(r.st.columns) > 0 {
		r.columns = r.st.columns
	} else {
		for _, field := range r.reader.FieldDescriptions() {
			r.columns = append(r.columns, newColumn(r.c.pgx.TypeMap(), field))
		}
	}
	if r.ahead {
		return nil
	}
	r.closed = true
	tag, err := r.finish()
	if err == nil {
		r.c.connector.tracer.end(r.ctx, r.c.pgx, tag, nil)
	}
	return err
}

// Columns implements [driver.Rows]. As with stdlib, the slice is the same every
// time and of these rows alone, because database/sql hands it to the caller.
func (r *rows) Columns() []string {
	if r.names == nil {
		r.names = make([]string, len(r.columns))
		for i := range r.columns {
			r.names[i] = r.columns[i].field.Name
		}
	}
	return r.names
}

// Next implements [driver.Rows]. At the end it returns what the server says
// when the transaction ends, and [io.EOF] only if that is nothing bad.
func (r *rows) Next(dest []driver.Value) error {
	if !r.ahead && (r.closed || !r.reader.NextRow()) {
		if err := r.Close(); err != nil {
			return err
		}
		return io.EOF
	}
	r.ahead = false
	values := r.reader.Values()
	if len(values) != len(r.columns) {
		return fmt.Errorf("postgres: the row has %d columns, and the statement was prepared with %d", len(values), len(r.columns))
	}
	for i, source := range values {
		if source == nil {
			dest[i] = nil
			continue
		}
		var err error
		if dest[i], err = r.columns[i].value(source); err != nil {
			return fmt.Errorf("postgres: column %d, a %s: %w", i, r.columns[i].typeName, err)
		}
	}
	return nil
}

// Close implements [driver.Rows]. It reads the rows that nobody has asked for,
// and returns the same error every time.
func (r *rows) Close() error {
	if r.closed {
		return r.err
	}
	r.closed, r.ahead = true, false
	tag, err := r.finish()
	r.c.connector.tracer.end(r.ctx, r.c.pgx, tag, err)
	r.err = explain(r.w, err)
	return r.err
}

// ColumnTypeDatabaseTypeName implements [driver.RowsColumnTypeDatabaseTypeName].
func (r *rows) ColumnTypeDatabaseTypeName(index int) string { return r.columns[index].typeName }

// ColumnTypeLength implements [driver.RowsColumnTypeLength].
func (r *rows) ColumnTypeLength(index int) (int64, bool) { return r.columns[index].length() }

// ColumnTypePrecisionScale implements [driver.RowsColumnTypePrecisionScale].
func (r *rows) ColumnTypePrecisionScale(index int) (precision, scale int64, ok bool) {
	return r.columns[index].precisionScale()
}

// ColumnTypeScanType implements [driver.RowsColumnTypeScanType].
func (r *rows) ColumnTypeScanType(index int) reflect.Type { return r.columns[index].scanType() }

// plainRows are stdlib's, watched for their end: pgx alone could not tell a
// connection that is dead from one whose rows are open and that is dead.
type plainRows struct {
	*stdlib.Rows
	c *conn
}

// Close implements [driver.Rows].
func (r *plainRows) Close() error {
	r.c.reading = false
	return r.Rows.Close()
}
