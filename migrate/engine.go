package migrate

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// revisionsTable is Atlas' name for where it records what was applied.
const revisionsTable = "atlas_schema_revisions"

// isVersion tells revisions apart from a row that the Atlas CLI keeps beside them.
func isVersion(version string) bool { return !strings.HasPrefix(version, ".") }

// ownTables is LIKE for the tables of this library, which are no tenant's. It says what
// escapes, because a backslash does not on a MySQL with NO_BACKSLASH_ESCAPES.
const ownTables = `'tenancy!_%' ESCAPE '!'`

// operator is who Atlas' records name.
const operator = "entenancy/tenancy"

// querier is a database, a connection or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
	ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error)
}

// engine is what differs between databases.
type engine interface {
	// name qualifies a table. An empty schema is the one that a connection is in.
	name(schema, table string) string
	// present tells which of the schemas exist, and have a table of revisions.
	present(ctx context.Context, q querier, schemas []string) (map[string]*state, error)
	// filled tells which of the schemas have other tables. It is asked only where no
	// revisions are, because it looks at all tables of the database.
	filled(ctx context.Context, q querier, schemas []string) (map[string]bool, error)
	// plain passes a query that has no arguments and is not worth preparing.
	plain(query string) []any
	// text turns a column into text that any driver can scan.
	text(column string) string
	// createRevisions makes the table in the place that the connection is in.
	createRevisions(ctx context.Context, q querier) error
	// upsert is a statement that writes rows of a table whose first column is its key.
	upsert(table string, columns []string, rows int) string
	// now is the time as an argument.
	now() any

	// transact applies a plan's files in one transaction, where there are such
	// transactions. It fails with errChanged, ErrLocked and errMissing.
	transact(ctx context.Context, p *place, plan *plan) error
	// session lends a connection that is in a place and has the lock of it, until
	// release is called. It fails with ErrLocked. On SQLite there is no such lock, and
	// write makes up for it.
	session(ctx context.Context, p *place) (conn *sql.Conn, release func(), err error)
	// write records a revision in the place that the connection is in, in which was is on
	// record, or nothing where it is nil. Without a lock, it fails with ErrLocked where
	// something else is on record by now.
	write(ctx context.Context, q querier, was, v *atlas.Revision) error
	// together reports whether a statement and the record of it can be one transaction.
	together(text string) bool
	// busy reports whether an error means that another connection is at work, and that
	// the statement has done nothing.
	busy(err error) bool
	// limit has the statements of a session from here on wait for a lock for as long as
	// one whose words are given may.
	limit(ctx context.Context, conn *sql.Conn, words string) error
	// locked reports whether an error means that a statement has waited for a lock in
	// vain, and that it was undone. It may be worth another try.
	locked(err error) bool
	// missing reports whether an error means that a place is not there.
	missing(err error) bool
	// syntax is that of the statements.
	syntax() sqltext.Syntax
	// again reports whether the error of a statement with an effect means that it was
	// executed before: that what it creates is there, or that what it drops is not. That
	// something which it only refers to is not there says nothing.
	again(of effect, err error) bool
	// tidy removes what a failed statement left behind.
	tidy(ctx context.Context, conn *sql.Conn, text string) error
	// guard keeps the Atlas CLI out until it is released.
	guard(ctx context.Context, db *sql.DB) (*guard, error)
	// transactional reports whether DDL can be in transactions.
	transactional() bool
}

// asynchronous is an engine whose transactions in the home need not wait for the disk.
type asynchronous interface {
	// confirm fails if the server may have lost, or may still lose, what was committed
	// since the guard was taken.
	confirm(ctx context.Context, db *sql.DB, g *guard) error
}

// guard is what keeps the Atlas CLI out.
type guard struct {
	conn    *sql.Conn // whose session has the lock, nil where there is none
	release func()
}

func newEngine(c *Config) (engine, error) {
	switch c.Directory.dialect {
	case dialect.Postgres:
		return &postgresEngine{config: c}, nil
	case dialect.MySQL:
		return &mysqlEngine{config: c}, nil
	case dialect.SQLite:
		return &sqliteEngine{}, nil
	default:
		return nil, fmt.Errorf("migrate: unsupported dialect %q", c.Directory.dialect)
	}
}

// release undoes what a session has, rather than leave that to the server, which
// takes its time over a connection that was closed. Then the connection is discarded.
func release(ctx context.Context, conn *sql.Conn, undo string) func() {
	return func() {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), undo) // the end of the session undoes it too
		discard(conn)
	}
}

// discard closes a connection for good, and with it all that its session has.
func discard(conn *sql.Conn) {
	_ = conn.Raw(func(any) error { return sqldriver.ErrBadConn }) // what it returns is what it was told
	_ = conn.Close()                                              // closed already
}

// onConflict is upsert where it is standard SQL.
func onConflict(bind func(n int) string, table string, columns []string, rows int) string {
	sets := make([]string, 0, len(columns))
	for _, column := range columns[1:] {
		sets = append(sets, column+" = EXCLUDED."+column)
	}
	var b strings.Builder
	b.WriteString("INSERT INTO " + table + " (" + strings.Join(columns, ", ") + ") VALUES ")
	for n := range rows * len(columns) {
		switch {
		case n == 0:
			b.WriteString("(")
		case n%len(columns) == 0:
			b.WriteString("), (")
		default:
			b.WriteString(", ")
		}
		b.WriteString(bind(n + 1))
	}
	b.WriteString(") ON CONFLICT (" + columns[0] + ") DO UPDATE SET " + strings.Join(sets, ", "))
	return b.String()
}

// scanOne scans the one row of a query.
func scanOne(ctx context.Context, q querier, query string, into ...any) (err error) {
	rows, err := q.QueryContext(ctx, query)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	if !rows.Next() {
		return errors.Join(rows.Err(), sql.ErrNoRows)
	}
	return rows.Scan(into...)
}

// literal quotes a text for databases in which a backslash is nothing special.
func literal(s string) string { return "'" + strings.ReplaceAll(s, "'", "''") + "'" }

// milliseconds rounds up, so that no timeout becomes none.
func milliseconds(d time.Duration) int64 { return max(1, d.Milliseconds()) }
