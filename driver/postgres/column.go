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
	c := column{field: field, typeName: strconv.FormatUint(uint64(field.DataTypeOID), 10), value: textValue}
	known, ok := types.TypeForOID(field.DataTypeOID)
	if !ok {
		return c
	}
	c.typeName = strings.ToUpper(known.Name)
	if isIntrinsic(field.DataTypeOID) || isDocument(field.DataTypeOID) {
		c.value = func(source []byte) (driver.Value, error) {
			return known.Codec.DecodeDatabaseSQLValue(types, field.DataTypeOID, field.Format, source)
		}
	}
	return c
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

// isDocument reports the types whose text stdlib gives as bytes.
func isDocument(oid uint32) bool {
	return oid == pgtype.JSONOID || oid == pgtype.JSONBOID || oid == pgtype.XMLOID
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
