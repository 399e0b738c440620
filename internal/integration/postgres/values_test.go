package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"reflect"
	"testing"

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
