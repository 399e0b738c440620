package postgres

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/google/uuid"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/schema"
)

// canary is a tenant that does not exist, and another one that it tries to reach.
type canary struct{ self, other tenancy.ID }

// newCanaries returns one for each type of tenant column.
func newCanaries() (map[schema.ColumnType]canary, error) {
	all := make(map[schema.ColumnType]canary)
	for columnType, random := range map[schema.ColumnType]func() (tenancy.ID, error){
		schema.String: randomUUID, schema.UUID: randomUUID, schema.Int64: randomNumber,
	} {
		self, err := random()
		if err != nil {
			return nil, err
		}
		other, err := random()
		if err != nil {
			return nil, err
		}
		all[columnType] = canary{self, other}
	}
	return all, nil
}

func randomUUID() (tenancy.ID, error) {
	id, err := uuid.NewRandom()
	return tenancy.ID(id.String()), err
}

func randomNumber() (tenancy.ID, error) {
	var b [8]byte
	_, err := rand.Read(b[:])
	return tenancy.ID(strconv.FormatUint(binary.BigEndian.Uint64(b[:])>>1, 10)), err
}

func (c canary) context(ctx context.Context) context.Context {
	return tenancy.NewContext(ctx, tenancy.Tenant{ID: c.self, Identifier: "canary", Isolation: tenancy.IsolationRLS})
}

// stop is a condition that fails for the first row that it is asked about.
// PostgreSQL asks it after the policies, since it might leak a row, and about
// each row, since it is volatile. It names no column, for otherwise the policy
// for SELECT would apply to an UPDATE and a DELETE too.
const stop = "1 / (random() * 0)::int = 1"

// attempt is something that must not succeed.
type attempt struct {
	what string
	sql  string
	args []any
	// hit reports whether an outcome means that it did.
	hit func(rows int64, err error) bool
}

// attempts tries to get at other tenants' rows in each table whose tenant column
// has a type, in a transaction of a tenant who has none.
func (v *verification) attempts(ctx context.Context, tx dialect.ExecQuerier, columnType schema.ColumnType, c canary) error {
	// The price of a check must not grow with a table that has an index for it. Where
	// there is none the plan counts as so dear then that the server would compile it.
	if err := exec(ctx, tx, "SELECT set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true)"); err != nil {
		return err
	}
	if err := exec(ctx, tx, "SAVEPOINT before"); err != nil {
		return err
	}
	return v.each(func(t verifiedTable) error {
		if t.ColumnType != columnType && (t.ColumnType != "" || columnType != schema.String) {
			return nil
		}
		insert, err := insertNulls(ctx, tx, t)
		if err != nil {
			return err
		}
		var succeeded []string
		for _, a := range attemptsOn(t, insert, string(c.other)) {
			hit, err := try(ctx, tx, a)
			if err != nil {
				return err
			}
			if hit {
				succeeded = append(succeeded, a.what)
			}
		}
		if len(succeeded) > 0 {
			v.problem("table %s: row-level security does not hold for this role: a tenant can %s another's rows", t.name, strings.Join(succeeded, ", "))
		}
		return nil
	})
}

func attemptsOn(t verifiedTable, insert, other string) []attempt {
	reached := func(_ int64, err error) bool { return codeOf(err) == codeDivisionByZero }
	return []attempt{
		{"read", "SELECT FROM " + t.name + " LIMIT 1", nil, func(rows int64, err error) bool { return err == nil && rows > 0 }},
		{"insert", insert, []any{other}, func(_ int64, err error) bool {
			// Policies come before constraints: one that speaks is a policy that did not.
			return err == nil || strings.HasPrefix(codeOf(err), classIntegrity)
		}},
		{"update", fmt.Sprintf("UPDATE %s SET %s = $1::text%s WHERE %s", t.name, quoteIdentifier(t.TenantColumn), cast(t.ColumnType), stop), []any{other}, reached},
		{"delete", "DELETE FROM " + t.name + " WHERE " + stop, nil, reached},
	}
}

// insertNulls returns the insert of a row with another's tenant and null in all
// other columns, so that no default calls a sequence.
func insertNulls(ctx context.Context, tx dialect.ExecQuerier, t verifiedTable) (string, error) {
	var columns, values []string
	err := query(ctx, tx, `
		SELECT a.attname FROM pg_catalog.pg_attribute a
		WHERE a.attrelid = $1 AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' AND a.attidentity <> 'a'`,
		func(rows *entsql.Rows) error {
			var column string
			err := rows.Scan(&column)
			columns = append(columns, quoteIdentifier(column))
			if column == t.TenantColumn {
				values = append(values, "$1::text"+cast(t.ColumnType))
			} else {
				values = append(values, "NULL")
			}
			return err
		}, t.oid)
	return "INSERT INTO " + t.name + " (" + strings.Join(columns, ", ") + ") VALUES (" + strings.Join(values, ", ") + ")", err
}

// try makes an attempt and undoes it. The error is of an attempt that says
// nothing, because the server was prevented from refusing it.
func try(ctx context.Context, tx dialect.ExecQuerier, a attempt) (hit bool, err error) {
	rows := int64(0)
	outcome := query(ctx, tx, a.sql, func(*entsql.Rows) error { rows++; return nil }, a.args...)
	if outcome != nil && isNoAnswer(codeOf(outcome)) {
		return false, outcome
	}
	return a.hit(rows, outcome), exec(ctx, tx, "ROLLBACK TO SAVEPOINT before")
}

// isNoAnswer reports a code, "" for none, of what has nothing to do with the
// statement: a transaction that lost to another, a lock or a resource that could
// not be had, an operator, a fault.
func isNoAnswer(code string) bool {
	return code == "" || slices.Contains([]string{"08", "40", "53", "55", "57", "58", "XX"}, code[:2])
}

// codeOf is the server's code for an error, "" for one that is not the server's.
func codeOf(err error) string {
	if server := serverError(err); server != nil {
		return server.Code
	}
	return ""
}
