package namespace

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/internal/pgerror"
)

// The codes by which a script says what it found.
const (
	codeForeign = "TNFOR"
	codeGone    = "TNGON"
)

const dollarQuote = "$tenancy$"

// lockKey is migrate.LockKey of a variable, in SQL.
const lockKey = "('x' || encode(substr(sha256(convert_to('tenancy:migrate:' || %s, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint"

func identifier(name string) string { return pgx.Identifier{name}.Sanitize() }

func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// script runs PL/pgSQL as one message and one transaction, with nothing of the
// search path in reach. What it puts into tenancy.result is returned.
func script(ctx context.Context, db *sql.DB, declare, body string) (result string, err error) {
	text := "SELECT set_config('search_path', 'pg_catalog', true), set_config('tenancy.result', '', true), set_config('lock_timeout', '10s', true);\n" +
		"DO " + dollarQuote + " DECLARE " + declare + "\nBEGIN\n" + body + "\nEND " + dollarQuote + ";\n" +
		"SELECT current_setting('tenancy.result')"
	err = onConn(ctx, db, func(conn *pgx.Conn) error {
		results, err := conn.PgConn().Exec(ctx, text).ReadAll()
		if err == nil {
			result = string(results[len(results)-1].Rows[0][0])
		}
		return err
	})
	return result, err
}

// onConn lends pgx's own connection.
func onConn(ctx context.Context, db *sql.DB, do func(*pgx.Conn) error) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return pgerror.WithoutConfig(err)
	}
	defer conn.Close() //nolint:errcheck // it only gives the connection back
	return conn.Raw(func(driverConn any) error {
		std, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return fmt.Errorf("the database has to be opened with pgx' stdlib, and is a %T", driverConn)
		}
		return do(std.Conn())
	})
}

func hasCode(err error, codes ...string) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && slices.Contains(codes, failed.Code)
}

// undone reports whether an error is the server's answer to a statement, which it has
// taken back, and not the end of the session, of which that may be unknown.
func undone(err error) bool {
	var failed *pgconn.PgError
	return errors.As(err, &failed) && failed.SeverityUnlocalized == "ERROR"
}

// refused reports whether the server has not begun with a statement, by the classes of
// what it looks at first: the state of the transaction, the right to it and what it is
// for, and who else is at that. DROP DATABASE deletes files before it is over, which no
// error brings back.
func refused(err error) bool {
	var failed *pgconn.PgError
	return undone(err) && errors.As(err, &failed) && len(failed.Code) == 5 && slices.Contains([]string{"25", "42", "55"}, failed.Code[:2])
}

func nothingDropped(err error) error { return fmt.Errorf("%w: %w", ErrNothingDropped, err) }

func raise(code string) string {
	return "RAISE EXCEPTION 'tenancy' USING ERRCODE = '" + code + "';"
}

// isSpareMark is the condition that a comment is the mark of a spare.
func isSpareMark(comment string) string {
	return startsWith(comment, markSpare)
}

// isSpare is the condition that a column has a name that Names.isSpare accepts.
func isSpare(column string, names Names) string {
	return fmt.Sprintf("%s AND length(%s) = %d", startsWith(column, names.spares()), column, names.spareLength())
}

// startsWith is the condition that a column begins with a text.
func startsWith(column, text string) string {
	return fmt.Sprintf("left(%s, %d) = %s", column, len(text), literal(text))
}

// grantsDeclare declares what grants needs.
const grantsDeclare = "statement text;"

// grants is PL/pgSQL that lets roles use a schema, what its owner will make in it, and
// what is there already: a spare has its tables, and may be from before a role was
// named. Done again, it changes nothing.
func grants(schema string, roles []string) string {
	if len(roles) == 0 {
		return ""
	}
	quoted, names := make([]string, len(roles)), make([]string, len(roles))
	for i, role := range roles {
		quoted[i], names[i] = identifier(role), literal(role)
	}
	to := " TO " + strings.Join(quoted, ", ") + ";\n"
	in := "ALTER DEFAULT PRIVILEGES IN SCHEMA " + identifier(schema) + " GRANT "
	return "GRANT USAGE ON SCHEMA " + identifier(schema) + to +
		in + tableRights + " ON TABLES" + to +
		in + sequenceRights + " ON SEQUENCES" + to +
		fmt.Sprintf(grantExisting+revokeRevisions, literal(schema), strings.Join(names, ", "))
}

// The rights of who serves requests.
const (
	tableRights    = "SELECT, INSERT, UPDATE, DELETE"
	sequenceRights = "USAGE, SELECT"
)

// grantExisting grants what a role lacks in what the owner of a schema has made there.
const grantExisting = `FOR statement IN
	SELECT format(CASE c.relkind WHEN 'S' THEN 'GRANT ` + sequenceRights + ` ON SEQUENCE' ELSE 'GRANT ` + tableRights + ` ON' END || ' %%s TO %%I', c.oid::regclass, r.name)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(ARRAY[%[2]s]) r (name)
	WHERE n.nspname = %[1]s AND pg_has_role(c.relowner, 'USAGE') AND CASE
		WHEN c.relkind = 'S' THEN NOT (has_sequence_privilege(r.name, c.oid, 'USAGE') AND has_sequence_privilege(r.name, c.oid, 'SELECT'))
		WHEN c.relkind IN ('r', 'p', 'v', 'm', 'f') THEN ` + isServed + ` AND NOT (` + mayServe + `)
	END
LOOP EXECUTE statement; END LOOP;
`

// recordRights are those with which a role could hold up a tenant's migrations, or have
// them run again.
const recordRights = "INSERT, UPDATE, DELETE, TRUNCATE"

// revokeRevisions takes from roles what default privileges give them of the record of
// migrations: one role serves all schemas, so that SQL of any tenant could write it.
const revokeRevisions = `FOR statement IN
	SELECT format('REVOKE ` + recordRights + ` ON %%s FROM %%I', c.oid::regclass, r.name)
	FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace, unnest(ARRAY[%[2]s]) r (name)
	WHERE n.nspname = %[1]s AND pg_has_role(c.relowner, 'USAGE') AND ` + mayRecord + `
LOOP EXECUTE statement; END LOOP;
`

// mayRecord is the condition that a pg_class c is the record of migrations, and that a role
// r may write it without being its owner.
const mayRecord = `c.relname = 'atlas_schema_revisions' AND NOT pg_has_role(r.name, c.relowner, 'MEMBER')
	AND has_table_privilege(r.name, c.oid, '` + recordRights + `')`

// isServed is the condition that a pg_class c is not one that migrations keep for themselves.
const isServed = `c.relname <> 'atlas_schema_revisions' AND left(c.relname, 8) <> 'tenancy_'`

// mayServe is the condition that a role r has its rights in a table c.
const mayServe = `has_table_privilege(r.name, c.oid, 'SELECT') AND has_table_privilege(r.name, c.oid, 'INSERT')
	AND has_table_privilege(r.name, c.oid, 'UPDATE') AND has_table_privilege(r.name, c.oid, 'DELETE')`

// verifyGrants fails where a role cannot use a schema or a table in it, or may write the
// record of its migrations.
func verifyGrants(ctx context.Context, db *sql.DB, schema string, roles []string) error {
	for _, role := range roles {
		var usage, records bool
		var table string
		err := db.QueryRowContext(ctx, `SELECT has_schema_privilege(r.name, n.oid, 'USAGE'), COALESCE((
	SELECT min(c.relname) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p') AND `+isServed+` AND NOT (`+mayServe+`)), ''),
	EXISTS (SELECT FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND `+mayRecord+`)
FROM pg_catalog.pg_namespace n, CAST($1 AS name) AS r (name) WHERE n.nspname = $2`, role, schema).Scan(&usage, &table, &records)
		switch {
		case err != nil:
			return fmt.Errorf("looking at the grants of role %q: %w", role, pgerror.WithoutConfig(err))
		case !usage:
			return fmt.Errorf("role %q has no USAGE of schema %q", role, schema)
		case table != "":
			return fmt.Errorf("role %q may not SELECT, INSERT, UPDATE and DELETE in table %q of schema %q", role, table, schema)
		case records:
			return fmt.Errorf("role %q may write the record of migrations of schema %q: REVOKE "+recordRights+" ON %s.atlas_schema_revisions FROM %s, and from the roles by which it has them",
				role, schema, identifier(schema), identifier(role))
		}
	}
	return nil
}
