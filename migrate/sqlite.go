package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"regexp"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"

	"github.com/entenancy/tenancy/internal/sqltext"
)

// sqliteEngine is the engine of SQLite, where a place is a file.
type sqliteEngine struct{}

func (*sqliteEngine) name(_, table string) string { return identifier(table) }
func (*sqliteEngine) plain(string) []any          { return nil }
func (*sqliteEngine) text(column string) string   { return "CAST(" + column + " AS TEXT)" }
func (*sqliteEngine) now() any                    { return sqliteTime(time.Now()) }
func (*sqliteEngine) transactional() bool         { return true }
func (*sqliteEngine) syntax() sqltext.Syntax      { return sqltext.SQLite }
func (*sqliteEngine) question(int) string         { return "?" }
func sqliteTime(t time.Time) string               { return t.UTC().Format("2006-01-02 15:04:05.999999999-07:00") }

func (e *sqliteEngine) upsert(table string, columns []string, rows int) string {
	return onConflict(e.question, table, columns, rows)
}

func (*sqliteEngine) present(ctx context.Context, q querier, schemas []string) (map[string]*state, error) {
	recorded, err := names(ctx, q, "SELECT name FROM sqlite_master WHERE type = 'table' AND name = '"+revisionsTable+"'")
	states := map[string]*state{}
	for _, schema := range schemas {
		states[schema] = &state{exists: true, recorded: len(recorded) > 0}
	}
	return states, err
}

func (*sqliteEngine) filled(ctx context.Context, q querier, schemas []string) (map[string]bool, error) {
	found, err := names(ctx, q, `SELECT name FROM sqlite_master WHERE type IN ('table', 'view') AND name <> '`+revisionsTable+
		`' AND name NOT LIKE `+ownTables+` AND name NOT LIKE 'sqlite\_%' ESCAPE '\'`)
	filled := map[string]bool{}
	for _, schema := range schemas {
		filled[schema] = len(found) > 0
	}
	return filled, err
}

func (*sqliteEngine) createRevisions(ctx context.Context, q querier) error {
	_, err := q.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS `atlas_schema_revisions` (`version` text NOT NULL, `description` text NOT NULL, "+
		"`type` integer NOT NULL DEFAULT (2), `applied` integer NOT NULL DEFAULT (0), `total` integer NOT NULL DEFAULT (0), "+
		"`executed_at` datetime NOT NULL, `execution_time` integer NOT NULL, `error` text NULL, `error_stmt` text NULL, `hash` text NOT NULL, "+
		"`partial_hashes` json NULL, `operator_version` text NOT NULL, PRIMARY KEY (`version`))")
	return err
}

// transact runs a plan's files in one transaction, which is the lock of the file.
func (e *sqliteEngine) transact(ctx context.Context, p *place, made *plan) (err error) {
	ctx = context.WithoutCancel(ctx)
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return err
	}
	// Not discarded: a database in memory would go with its connection.
	defer func() { err = errors.Join(err, conn.Close()) }()
	var enforced int
	if err := conn.QueryRowContext(ctx, "PRAGMA foreign_keys").Scan(&enforced); err != nil {
		return err
	}
	// Within a transaction this would do nothing, and a table that is made anew would lose the rows that point to it.
	if _, err := conn.ExecContext(ctx, "PRAGMA foreign_keys = off"); err != nil {
		return err
	}
	defer func() {
		_, restored := conn.ExecContext(ctx, fmt.Sprintf("PRAGMA foreign_keys = %d", enforced))
		err = errors.Join(err, restored)
	}()
	if _, err := conn.ExecContext(ctx, "BEGIN IMMEDIATE"); err != nil {
		return err
	}
	err = e.execute(ctx, conn, made)
	if err == nil {
		// Somebody who reads keeps it from the file, and it leaves the transaction as it was.
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		err = errors.Join(err, rollBack(ctx, conn))
	}
	return err
}

// rollBack ends a transaction, unless SQLite has done so itself, as it does where the disk is full.
func rollBack(ctx context.Context, conn *sql.Conn) error {
	_, err := conn.ExecContext(ctx, "ROLLBACK")
	if err != nil && strings.Contains(err.Error(), "no transaction is active") {
		return nil
	}
	return err
}

func (e *sqliteEngine) execute(ctx context.Context, conn *sql.Conn, made *plan) error {
	if err := e.unchanged(ctx, conn, made.from); err != nil {
		return err
	}
	before, err := violations(ctx, conn)
	if err != nil {
		return err
	}
	if err := e.createRevisions(ctx, conn); err != nil {
		return err
	}
	for _, f := range made.files {
		start := time.Now()
		for i, statement := range f.statements[f.applied:] {
			if _, err := conn.ExecContext(ctx, statement.text); err != nil {
				return &statementError{file: f.file, at: f.applied + i, err: err}
			}
		}
		s := newSteps(e, conn, f)
		s.record.Applied, s.record.PartialHashes, s.record.Error, s.record.ErrorStmt = len(f.statements), nil, "", ""
		s.record.ExecutionTime += time.Since(start)
		if err := overwrite(ctx, e, conn, s.record); err != nil {
			return err
		}
	}
	after, err := violations(ctx, conn)
	if err == nil && after > before {
		err = fmt.Errorf("migrate: the migrations leave %d rows that point to nothing", after-before)
	}
	return err
}

// unchanged looks under the lock whether the state is what the plan was made for.
func (e *sqliteEngine) unchanged(ctx context.Context, conn *sql.Conn, from *state) error {
	r := Runner{engine: e}
	now, err := r.look(ctx, conn, &place{})
	if err == nil && now.key() != from.key() {
		err = errChanged
	}
	return err
}

// violations counts the rows whose foreign keys point to nothing.
func violations(ctx context.Context, conn *sql.Conn) (n int, err error) {
	err = conn.QueryRowContext(ctx, "SELECT count(*) FROM pragma_foreign_key_check").Scan(&n)
	return n, err
}

// session begins no transaction: files that are executed this way are outside of them
// for a reason. What a file has set or begun on the connection does not outlast it: the
// connection may be the application's next, or the whole database where that is in memory.
func (*sqliteEngine) session(ctx context.Context, p *place) (*sql.Conn, func(), error) {
	conn, err := p.db.Conn(ctx)
	if err != nil {
		return nil, nil, err
	}
	var enforced int
	if err := conn.QueryRowContext(ctx, "PRAGMA foreign_keys").Scan(&enforced); err != nil {
		return nil, nil, errors.Join(err, conn.Close())
	}
	return conn, func() {
		ctx := context.WithoutCancel(ctx)
		_, _ = conn.ExecContext(ctx, "ROLLBACK") // fails where nothing was begun
		_, _ = conn.ExecContext(ctx, fmt.Sprintf("PRAGMA foreign_keys = %d", enforced))
		_ = conn.Close()
	}, nil
}

// write claims what it writes: of two runs at one file, which nothing locks from one
// statement to the next, one finds that the record is not what it has left there. It
// goes away then, as from a lock. A process that was killed leaves nothing but the record.
func (e *sqliteEngine) write(ctx context.Context, q querier, was, v *atlas.Revision) error {
	values, err := revisionValues(e, v)
	if err != nil {
		return err
	}
	columns := revisionColumns()
	query := "INSERT INTO " + revisionsTable + " (" + strings.Join(columns, ", ") + ") VALUES (?" + strings.Repeat(", ?", len(columns)-1) + ") ON CONFLICT DO NOTHING"
	if was != nil {
		query = "UPDATE " + revisionsTable + " SET " + strings.Join(columns, " = ?, ") + " = ? WHERE version = ? AND applied = ? AND COALESCE(error, '') = ?"
		values = append(values, was.Version, was.Applied, was.Error)
	}
	result, err := q.ExecContext(ctx, query, values...)
	if e.busy(err) {
		return fmt.Errorf("%w: %w", ErrLocked, err)
	}
	if err != nil {
		return err
	}
	if n, err := result.RowsAffected(); err != nil || n == 1 {
		return err
	}
	return ErrLocked
}

// together is all that SQLite does not refuse, or ignore, within a transaction.
func (*sqliteEngine) together(text string) bool {
	switch firstWord(text) {
	case "PRAGMA", "VACUUM", "ATTACH", "DETACH", "BEGIN", "COMMIT", "END", "ROLLBACK", "SAVEPOINT", "RELEASE":
		return false
	default:
		return true
	}
}

// nested reports whether a transaction was not begun because the file has begun one
// itself, which the record is in then.
func nested(err error) bool {
	return err != nil && strings.Contains(err.Error(), "cannot start a transaction within a transaction")
}

// locked is what SQLite says when the driver's busy timeout has passed, and with a
// shared cache of a table.
var locked = regexp.MustCompile(`\bdatabase (table |schema )?is locked\b`)

// limit leaves it to the driver's busy timeout.
func (*sqliteEngine) limit(context.Context, *sql.Conn, string) error { return nil }
func (*sqliteEngine) locked(error) bool                              { return false }

func (*sqliteEngine) busy(err error) bool { return err != nil && locked.MatchString(err.Error()) }

// missing knows what SQLite says of a file that it may not make.
func (*sqliteEngine) missing(err error) bool {
	return err != nil && (errors.Is(err, errMissing) || strings.Contains(err.Error(), "unable to open database file"))
}

func (*sqliteEngine) guard(context.Context, *sql.DB) (*guard, error) {
	return &guard{release: func() {}}, nil
}

// again goes by SQLite's messages: it has one code for nearly all errors. A table that
// something else refers to is named with its schema, as in main.notes.
func (*sqliteEngine) again(of effect, err error) bool {
	text := err.Error()
	switch of {
	case creates:
		return strings.Contains(text, "already exists")
	case adds:
		return strings.Contains(text, "duplicate column name")
	case drops:
		return strings.Contains(text, "no such ") && !strings.Contains(text, ": main.")
	case removes:
		return strings.Contains(text, "no such column") && !strings.Contains(text, "error in ") // of a view that has the column
	default:
		return false
	}
}

func (*sqliteEngine) tidy(context.Context, *sql.Conn, string) error { return nil }
