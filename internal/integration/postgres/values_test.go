package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/driver/postgres"
)

// kinds are column types with a value each, as SQL.
func kinds() map[string]string {
	return map[string]string{
		"bool": "true", "int2": "-7", "int4": "70000", "int8": "9007199254740993", "float4": "1.1", "float8": "2.2e300",
		"numeric": "'12345678901234567890.123456789'", "numeric(10,2)": "1.5", "money": "'12.34'",
		"text": "'ä'", "varchar(20)": "'v'", "char(5)": "'c'", `"char"`: "'c'", "name": "'n'", "bytea": `'\x00ff'`,
		"uuid": "'0190d9b8-7c1e-7000-8000-000000000000'", "json": `'{"a": 1}'`, "jsonb": `'{"a": [1, null]}'`, "xml": "'<a/>'",
		"date": "'2024-02-29'", "time": "'01:02:03.000004'", "timetz": "'01:02:03+02'",
		"timestamp": "'2024-02-29 01:02:03.000004'", "timestamptz": "'2024-02-29 01:02:03.000004+02'", "interval": "'1 mon 2 days 03:04:05.6'",
		"inet": "'10.0.0.1/8'", "cidr": "'10.0.0.0/8'", "macaddr": "'08:00:2b:01:02:03'",
		"text[]": `'{a,"b c",NULL}'`, "int4[]": "'{1,NULL,3}'", "numeric[]": "'{1.5,2}'", "timestamptz[]": "'{2024-01-01 00:00:00+00}'",
		"int4range": "'[1,5)'", "tstzrange": "'[2024-01-01,2024-02-01)'", "int4multirange": "'{[1,2),[5,6)}'",
		"point": "'(1,2)'", "box": "'((0,0),(1,1))'", "bit(3)": "'101'", "varbit(8)": "'1011'", "tsvector": "'a b'", "tsquery": "'a & b'",
		"oid": "42", "xid": "'42'", "cid": "'42'", "tid": "'(1,2)'", "regclass": "'pg_class'", "pg_lsn": "'16/B374D848'", "hue": "'red'", "pair": "'(1,x)'",
	}
}

// special are values that have no counterpart in Go, or nearly none.
func special() map[string]string {
	return map[string]string{
		"date": "'infinity'", "timestamp": "'-infinity'", "timestamptz": "'infinity'", "float8": "'NaN'", "float4": "'-Infinity'",
		"numeric": "'NaN'", "text": "''", "bytea": "''", "text[]": "'{}'", "int4range": "'empty'",
	}
}

// TestValuesAreStdlibs compares what database/sql gets for each type, in every
// mode, with what it gets from stdlib alone.
func TestValuesAreStdlibs(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run(t, w.owner, "CREATE TYPE public.hue AS ENUM ('red')", "CREATE TYPE public.pair AS (a int, b text)")
	plain := stdlib.OpenDB(*w.config(t))
	t.Cleanup(func() { _ = plain.Close() })
	for name, config := range map[string]postgres.Config{"named": {}, "unnamed": {Unnamed: true}} {
		db := w.open(t, 1, config)
		t.Run(name, func(t *testing.T) {
			for _, values := range []map[string]string{kinds(), special()} {
				for kind, value := range values {
					for _, value := range []string{value, "NULL"} {
						query := fmt.Sprintf("SELECT %s::%s AS v WHERE $1 = 1", value, kind)
						want, got := look(t.Context(), plain, query), look(w.as(t, 0), db, query)
						if !reflect.DeepEqual(got, want) {
							t.Errorf("%s %s\n got %+v\nwant %+v", kind, value, got, want)
						}
					}
				}
			}
		})
	}
}

// bounds are the ends of what types can hold.
func bounds() map[string][]string {
	return map[string][]string{
		"bool": {"true", "false"}, "int2": {"'-32768'", "0", "32767"}, "int4": {"'-2147483648'", "-1", "2147483647"},
		"int8": {"'-9223372036854775808'", "255", "256", "9223372036854775807"}, "oid": {"0", "4294967295"}, "xid": {"'4294967295'"},
		"float4":      {"'NaN'", "'Infinity'", "'-0'", "3.4028235e38", "1e-45"},
		"float8":      {"'NaN'", "'-Infinity'", "'-0'", "1.7976931348623157e308", "5e-324"},
		"date":        {"'infinity'", "'-infinity'", "'0001-01-01'", "'1969-12-31'", "'4713-01-01 BC'", "'5874897-12-31'"},
		"timestamp":   {"'infinity'", "'-infinity'", "'1969-12-31 23:59:59.999999'", "'4713-01-01 BC'", "'294276-12-31 23:59:59.999999'"},
		"timestamptz": {"'infinity'", "'-infinity'", "'1969-12-31 23:59:59.999999+00'", "'4713-01-02 BC'", "'294276-12-31 00:00:00+00'"},
		"bytea":       {`'\xff'`, "''", `'\x0000'`}, "json": {"'[1]'", "'{}'"}, "jsonb": {"'[22]'", "'null'"}, "text": {"'a'", "''", "'b'"},
	}
}

// TestValuesOfManyRows compares whole columns with stdlib's. What a row has held
// must not change with the next, and a NULL in between must leave nothing behind.
func TestValuesOfManyRows(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	plain := stdlib.OpenDB(*w.config(t))
	t.Cleanup(func() { _ = plain.Close() })
	for name, config := range map[string]postgres.Config{"named": {}, "unnamed": {Unnamed: true}} {
		db := w.open(t, 1, config)
		t.Run(name, func(t *testing.T) {
			for kind, values := range bounds() {
				query := "SELECT NULL::" + kind + " AS v WHERE $1 = 1"
				for _, value := range values {
					query += fmt.Sprintf(" UNION ALL SELECT %s::%s UNION ALL SELECT NULL", value, kind)
				}
				want, got := lookAtColumn(t.Context(), plain, query), lookAtColumn(w.as(t, 0), db, query)
				if len(want) < 3 || !slices.Equal(got, want) {
					t.Errorf("%s\n got %q\nwant %q", kind, got, want)
				}
			}
		})
	}
}

// TestCodecsAreTheConnections has stdlib and the connector read by codecs that
// the application has registered.
func TestCodecsAreTheConnections(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	zone := time.FixedZone("test", 5*60*60+30*60)
	option := stdlib.OptionAfterConnect(func(_ context.Context, conn *pgx.Conn) error {
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamptz", OID: pgtype.TimestamptzOID, Codec: &pgtype.TimestamptzCodec{ScanLocation: zone}})
		conn.TypeMap().RegisterType(&pgtype.Type{Name: "timestamp", OID: pgtype.TimestampOID, Codec: &pgtype.TimestampCodec{ScanLocation: zone}})
		return nil
	})
	plain := stdlib.OpenDB(*w.config(t), option)
	t.Cleanup(func() { _ = plain.Close() })
	db := w.open(t, 1, postgres.Config{Stdlib: []stdlib.OptionOpenDB{option}})
	for _, kind := range []string{"timestamptz", "timestamp"} {
		query := "SELECT '2024-02-29 01:02:03.000004'::" + kind + " WHERE $1 = 1"
		want, got := lookAtColumn(t.Context(), plain, query), lookAtColumn(w.as(t, 0), db, query)
		if !strings.Contains(want[0], "test") || !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", kind, got, want)
		}
	}
}

// lookAtColumn returns the values of a column, and looks at them when all are there.
func lookAtColumn(ctx context.Context, db *sql.DB, query string) (seen []string) {
	rows, err := db.QueryContext(ctx, query, 1)
	if err != nil {
		return []string{err.Error()}
	}
	defer rows.Close()
	var values []any
	for rows.Next() {
		var value any
		if err := rows.Scan(&value); err != nil {
			value = err
		}
		values = append(values, value)
	}
	for _, value := range values {
		seen = append(seen, fmt.Sprintf("%T %#v", value, value))
	}
	return append(seen, fmt.Sprint(rows.Err()))
}

// TestColumnsAreTheCallers has a caller write to the names that it was given.
func TestColumnsAreTheCallers(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for range 2 { // the second time by the statement that the first has prepared
		rows, err := db.QueryContext(w.as(t, 0), "SELECT id, name FROM items WHERE id > $1", 0)
		must(t, err)
		columns, err := rows.Columns()
		must(t, err)
		if want := []string{"id", "name"}; !slices.Equal(columns, want) {
			t.Errorf("columns %q, want %q", columns, want)
		}
		clear(columns)
		must(t, rows.Close()) //nolint:sqlclosecheck // The connection is needed for the next.
		must(t, rows.Err())
	}
}

// seen is all that database/sql says of a value.
type seen struct {
	Any                                   string
	String, Bytes, Null, Int, Float, Time string
	Bool, NullInt, NullTime, NullBool     string
	Name, Type, Scan, Length, Scale       string
	Error                                 string
}

func look(ctx context.Context, db *sql.DB, query string) (s seen) {
	rows, err := db.QueryContext(ctx, query, 1)
	if err != nil {
		s.Error = err.Error()
		return s
	}
	defer rows.Close()
	types, err := rows.ColumnTypes()
	if err != nil || !rows.Next() {
		s.Error = fmt.Sprint("no row: ", err, rows.Err())
		return s
	}
	length, hasLength := types[0].Length()
	precision, scale, hasScale := types[0].DecimalSize()
	s.Name, s.Type, s.Scan = types[0].Name(), types[0].DatabaseTypeName(), types[0].ScanType().String()
	s.Length, s.Scale = fmt.Sprint(length, hasLength), fmt.Sprint(precision, scale, hasScale)

	var value any
	s.Any = scan(rows, &value)
	s.String, s.Bytes, s.Null = scan(rows, new(string)), scan(rows, new([]byte)), scan(rows, new(sql.NullString))
	s.Int, s.Float, s.Time = scan(rows, new(int64)), scan(rows, new(float64)), scan(rows, new(sql.Null[any]))
	s.Bool, s.NullInt, s.NullBool = scan(rows, new(bool)), scan(rows, new(sql.NullInt64)), scan(rows, new(sql.NullBool))
	s.NullTime = scan(rows, new(sql.NullTime))
	if rows.Next() || rows.Err() != nil {
		s.Error = fmt.Sprint("after the row: ", rows.Err())
	}
	return s
}

// scan describes what becomes of a value in dest, or why it will not go there.
func scan(rows *sql.Rows, dest any) string {
	if err := rows.Scan(dest); err != nil {
		return "error: " + err.Error()
	}
	value := reflect.ValueOf(dest).Elem().Interface()
	return fmt.Sprintf("%T %#v", value, value)
}

func TestStatementsWithoutColumns(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, config := range map[string]postgres.Config{"named": {}, "unnamed": {Unnamed: true}} {
		t.Run(name, func(t *testing.T) {
			db := w.open(t, 1, config)
			ctx := w.as(t, 0)
			rows, err := db.QueryContext(ctx, "UPDATE items SET name = name WHERE id = $1", 1)
			must(t, err)
			columns, err := rows.Columns()
			must(t, err)
			if len(columns) != 0 || rows.Next() {
				t.Errorf("an UPDATE has columns %q", columns)
			}
			must(t, rows.Err())
			must(t, rows.Close()) //nolint:sqlclosecheck // The connection is needed before the test is over.
			must(t, count(ctx, db, ""))

			// A cursor's columns are not known when FETCH is prepared.
			tx, err := db.BeginTx(ctx, nil)
			must(t, err)
			_, err = tx.ExecContext(ctx, "DECLARE c CURSOR FOR SELECT name, id FROM items")
			must(t, err)
			for range 2 {
				var name string
				var id int64
				must(t, tx.QueryRowContext(ctx, "FETCH c").Scan(&name, &id))
				if name != string(w.tenants[0].ID) {
					t.Errorf("fetched a row of %s", name)
				}
			}
			must(t, tx.Commit())
		})
	}
}

// TestCursorsOfOneName has a FETCH of the same text from cursors with other columns,
// in transactions on one connection.
func TestCursorsOfOneName(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	for _, number := range []int{0, sharedTenants} {
		ctx := w.as(t, number)
		for _, fetch := range []string{"FETCH 1 FROM c", "/* a */ fetch next from c"} {
			for range 2 {
				var id int64
				var name string
				inTx(ctx, t, db, "DECLARE c CURSOR FOR SELECT id FROM items", func(tx *sql.Tx) { must(t, tx.QueryRowContext(ctx, fetch).Scan(&id)) })
				inTx(ctx, t, db, "DECLARE c CURSOR FOR SELECT name, id FROM items", func(tx *sql.Tx) { must(t, tx.QueryRowContext(ctx, fetch).Scan(&name, &id)) })
				inTx(ctx, t, db, "DECLARE c CURSOR FOR SELECT name FROM items", func(tx *sql.Tx) { must(t, tx.QueryRowContext(ctx, fetch).Scan(&name)) })
				inTx(ctx, t, db, "DECLARE c CURSOR FOR SELECT id FROM items", func(tx *sql.Tx) { must(t, count(ctx, tx, "MOVE NEXT IN c")) })
				if name != string(w.tenants[number].ID) {
					t.Errorf("fetched a row of %q", name)
				}
			}
		}
	}
	ctx := system(t)
	for _, columns := range []string{"1", "'a', 2", "'a'"} {
		inTx(ctx, t, db, "DECLARE c CURSOR FOR SELECT "+columns, func(tx *sql.Tx) { must(t, count(ctx, tx, "FETCH 1 FROM c")) })
	}
	nothingStays(t, db)
}

// inTx runs a statement and what comes after it in a transaction.
func inTx(ctx context.Context, tb testing.TB, db *sql.DB, first string, then func(*sql.Tx)) {
	tb.Helper()
	tx, err := db.BeginTx(ctx, nil)
	must(tb, err)
	_, err = tx.ExecContext(ctx, first)
	must(tb, err)
	then(tx)
	must(tb, tx.Commit())
}
