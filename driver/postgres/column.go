package postgres

import (
	"database/sql/driver"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgtype"
)

// column is one of a result. It shows to database/sql what stdlib's would: the
// values, their types, and the formats that they travel in.
type column struct {
	field    pgconn.FieldDescription
	typeName string
	value    func(source []byte) (driver.Value, error)
}

func newColumn(types *pgtype.Map, field pgconn.FieldDescription) column {
	c := column{field: field, typeName: strconv.FormatUint(uint64(field.DataTypeOID), 10), value: newValue(types, field)}
	if known, ok := types.TypeForOID(field.DataTypeOID); ok {
		c.typeName = strings.ToUpper(known.Name)
	}
	return c
}

// newValue returns what reads the values of a column. It goes by the types that
// stdlib scans into, with the codecs of the connection.
func newValue(types *pgtype.Map, field pgconn.FieldDescription) func([]byte) (driver.Value, error) {
	switch field.DataTypeOID {
	case pgtype.BoolOID:
		return scanned(types, field, func(v bool) (driver.Value, error) { return v, nil })
	case pgtype.Int2OID:
		return scanned(types, field, func(v int16) (driver.Value, error) { return int64(v), nil })
	case pgtype.Int4OID:
		return scanned(types, field, func(v int32) (driver.Value, error) { return int64(v), nil })
	case pgtype.Int8OID:
		return scanned(types, field, func(v int64) (driver.Value, error) { return v, nil })
	case pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID:
		return scanned(types, field, pgtype.Uint32.Value)
	case pgtype.Float4OID:
		return scanned(types, field, func(v float32) (driver.Value, error) { return float64(v), nil })
	case pgtype.Float8OID:
		return scanned(types, field, func(v float64) (driver.Value, error) { return v, nil })
	case pgtype.DateOID:
		return scanned(types, field, pgtype.Date.Value)
	case pgtype.TimestampOID:
		return scanned(types, field, pgtype.Timestamp.Value)
	case pgtype.TimestamptzOID:
		return scanned(types, field, pgtype.Timestamptz.Value)
	case pgtype.ByteaOID, pgtype.JSONOID, pgtype.JSONBOID, pgtype.XMLOID:
		return scanned(types, field, func(v []byte) (driver.Value, error) { return v, nil })
	}
	return textValue
}

// scanned scans into one T for all values of a column, by a plan that is made
// once. The column belongs to a connection, which reads one result at a time.
func scanned[T any](types *pgtype.Map, field pgconn.FieldDescription, value func(T) (driver.Value, error)) func([]byte) (driver.Value, error) {
	target := new(T)
	plan := types.PlanScan(field.DataTypeOID, field.Format, target)
	return func(source []byte) (driver.Value, error) {
		if err := plan.Scan(source, target); err != nil {
			return nil, err
		}
		return value(*target)
	}
}

// textValue is the value of all other types: what psql would show.
func textValue(source []byte) (driver.Value, error) { return string(source), nil }

// resultFormat asks for the binary format where a [driver.Value] can hold the
// type, and for text elsewhere.
func resultFormat(oid uint32) int16 {
	if isIntrinsic(oid) {
		return pgtype.BinaryFormatCode
	}
	return pgtype.TextFormatCode
}

func isIntrinsic(oid uint32) bool {
	switch oid {
	case pgtype.BoolOID, pgtype.ByteaOID,
		pgtype.Int2OID, pgtype.Int4OID, pgtype.Int8OID, pgtype.OIDOID, pgtype.XIDOID, pgtype.CIDOID,
		pgtype.Float4OID, pgtype.Float8OID,
		pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		return true
	}
	return false
}

// typmodHeader is the size of the header that PostgreSQL adds to a type modifier.
const typmodHeader = 4

func (c *column) length() (int64, bool) {
	switch c.field.DataTypeOID {
	case pgtype.TextOID, pgtype.ByteaOID:
		return math.MaxInt64, true
	case pgtype.VarcharOID, pgtype.BPCharOID:
		return int64(c.field.TypeModifier - typmodHeader), true
	case pgtype.VarbitOID:
		return int64(c.field.TypeModifier), true
	}
	return 0, false
}

func (c *column) precisionScale() (precision, scale int64, ok bool) {
	if c.field.DataTypeOID != pgtype.NumericOID {
		return 0, 0, false
	}
	modifier := int64(c.field.TypeModifier - typmodHeader)
	return modifier >> 16 & 0xffff, modifier & 0xffff, true
}

func (c *column) scanType() reflect.Type {
	switch c.field.DataTypeOID {
	case pgtype.BoolOID:
		return reflect.TypeFor[bool]()
	case pgtype.Int2OID:
		return reflect.TypeFor[int16]()
	case pgtype.Int4OID:
		return reflect.TypeFor[int32]()
	case pgtype.Int8OID:
		return reflect.TypeFor[int64]()
	case pgtype.Float4OID:
		return reflect.TypeFor[float32]()
	case pgtype.Float8OID, pgtype.NumericOID:
		return reflect.TypeFor[float64]()
	case pgtype.DateOID, pgtype.TimestampOID, pgtype.TimestamptzOID:
		return reflect.TypeFor[time.Time]()
	case pgtype.ByteaOID:
		return reflect.TypeFor[[]byte]()
	}
	return reflect.TypeFor[string]()
}
