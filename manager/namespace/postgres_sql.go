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

// grants lets roles use a schema and what its owner will make in it.
func grants(schema string, roles []string) []string {
	if len(roles) == 0 {
		return nil
	}
	quoted := make([]string, len(roles))
	for i, role := range roles {
		quoted[i] = identifier(role)
	}
	to := " TO " + strings.Join(quoted, ", ")
	in := "ALTER DEFAULT PRIVILEGES IN SCHEMA " + identifier(schema) + " GRANT "
	return []string{
		"GRANT USAGE ON SCHEMA " + identifier(schema) + to,
		in + "SELECT, INSERT, UPDATE, DELETE ON TABLES" + to,
		in + "USAGE, SELECT ON SEQUENCES" + to,
	}
}

// verifyGrants fails where a role cannot use a schema or a table in it.
func verifyGrants(ctx context.Context, db *sql.DB, schema string, roles []string) error {
	for _, role := range roles {
		var usage bool
		var table string
		err := db.QueryRowContext(ctx, `SELECT has_schema_privilege($1, n.oid, 'USAGE'), COALESCE((
	SELECT min(c.relname) FROM pg_catalog.pg_class c WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'p')
		AND c.relname <> 'atlas_schema_revisions' AND c.relname NOT LIKE 'tenancy\_%'
		AND NOT (has_table_privilege($1, c.oid, 'SELECT') AND has_table_privilege($1, c.oid, 'INSERT')
			AND has_table_privilege($1, c.oid, 'UPDATE') AND has_table_privilege($1, c.oid, 'DELETE'))), '')
FROM pg_catalog.pg_namespace n WHERE n.nspname = $2`, role, schema).Scan(&usage, &table)
		switch {
		case err != nil:
			return fmt.Errorf("looking at the grants of role %q: %w", role, pgerror.WithoutConfig(err))
		case !usage:
			return fmt.Errorf("role %q has no USAGE of schema %q", role, schema)
		case table != "":
			return fmt.Errorf("role %q may not SELECT, INSERT, UPDATE and DELETE in table %q of schema %q", role, table, schema)
		}
	}
	return nil
}
