package migrate

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy/internal/pause"
)

// What the beginning of a script says instead of going on. The server quotes it
// in its error, because it is no boolean.
const (
	refusedCLI     = "tenancy: the Atlas CLI"
	refusedLocked  = "tenancy: locked"
	refusedChanged = "tenancy: revisions changed"
)

// orRefuse is SQL that fails where a CASE has chosen what to say. It is an
// expression, and not a DO block, which takes the server as long as a short migration.
func orRefuse(cases string) string { return "(CASE " + cases + " ELSE 'on' END)::boolean" }

// script is a plan as one message. Its parts are counted to find the one that failed.
type script struct {
	parts []part
}

// part is one statement of a script.
type part struct {
	text  string
	of    *file // nil for what the runner adds
	at    int   // index of the statement in the file
	looks bool  // says by failing that the place is locked, or not in the plan's state
}

func (s *script) add(text string) { s.parts = append(s.parts, part{text: text}) }

func (s *script) look(text string) { s.parts = append(s.parts, part{text: text, looks: true}) }

// lookError is the error of a part that looks.
type lookError struct {
	error

	code, message string // the server's
}

func (e lookError) Unwrap() error { return e.error }

// String joins the parts. The line break is for statements that end in a comment.
func (s *script) String() string {
	var b strings.Builder
	for _, p := range s.parts {
		b.WriteString(p.text)
		b.WriteString(partEnd)
	}
	return b.String()
}

const partEnd = "\n;\n"

// script writes a plan for a place: a transaction that looks at the state under the lock.
func (e *postgresEngine) script(p *place, made *plan, locks string) *script {
	s := &script{}
	s.add("BEGIN ISOLATION LEVEL READ COMMITTED")
	s.look(e.settings(p) + ", " + locks)
	if made.from.recorded {
		s.look(unchanged(p.schema, made.from))
	} else {
		s.look(postgresRevisions) // fails if they are there by now, or the schema is not
	}
	for _, f := range made.files {
		for i, statement := range f.statements[f.applied:] {
			s.parts = append(s.parts, part{text: strings.TrimSuffix(statement.text, ";"), of: f.file, at: f.applied + i})
		}
	}
	s.add(insertRevisions(made.files))
	s.add("COMMIT")
	return s
}

// settings are for the transaction only. One statement costs less than four.
func (e *postgresEngine) settings(p *place) string {
	set := fmt.Sprintf("SELECT set_config('search_path', %s, true), set_config('lock_timeout', '%d', true)",
		literal(identifier(p.schema)), milliseconds(e.config.LockTimeout))
	if p.later {
		set += ", set_config('synchronous_commit', 'off', true)"
	}
	if e.config.StatementTimeout > 0 {
		set += fmt.Sprintf(", set_config('statement_timeout', '%d', true)", milliseconds(e.config.StatementTimeout))
	}
	// The owner of tables with forced row-level security would change no rows, without a word. Now it is an error.
	return set + ", set_config('row_security', 'off', true)"
}

// locks takes the place's lock, after the one that keeps the CLI out.
func locks(schema, cli, refused string) string {
	return orRefuse(fmt.Sprintf("WHEN NOT %s THEN %s WHEN NOT pg_try_advisory_xact_lock(%d) THEN %s",
		cli, literal(refused), LockKey(schema), literal(refusedLocked)))
}

// unchanged looks at the revisions again, in a statement of its own: it sees what
// was committed before the lock was there. A path can lead elsewhere than it says,
// as one with a name that is too long does. Each operator and function has its
// price for the server, which reads and plans this for every tenant.
func unchanged(schema string, from *state) string {
	same := "count(*) = 0"
	if from.text != "" {
		same = revisionsText + " = " + literal(from.text)
	}
	return fmt.Sprintf("SELECT %s FROM %s",
		orRefuse(fmt.Sprintf("WHEN (current_schema() = %s AND %s) IS NOT TRUE THEN %s", literal(schema), same, literal(refusedChanged))), revisionsTable)
}

// insertRevisions records files as the Atlas CLI does. The server keeps the time.
func insertRevisions(files []pending) string {
	var b strings.Builder
	b.WriteString("INSERT INTO " + revisionsTable + " (" + strings.Join(revisionColumns(), ", ") + ") VALUES ")
	for i, f := range files {
		if i > 0 {
			b.WriteString(", ")
		}
		n := len(f.statements)
		fmt.Fprintf(&b, "(%s, %s, 2, %d, %d, now(), (extract(epoch FROM clock_timestamp() - now()) * 1e9)::bigint, '', '', %s, 'null', %s)",
			literal(f.Version()), literal(f.Desc()), n, n, literal(f.hash), literal(operator))
	}
	if !slices.ContainsFunc(files, func(f pending) bool { return f.revision != nil }) {
		return b.String()
	}
	b.WriteString(" ON CONFLICT (version) DO UPDATE SET applied = EXCLUDED.applied, total = EXCLUDED.total, executed_at = EXCLUDED.executed_at," +
		" execution_time = EXCLUDED.execution_time, error = '', error_stmt = '', hash = EXCLUDED.hash, partial_hashes = 'null'," +
		" operator_version = EXCLUDED.operator_version")
	return b.String()
}

// lockTries is how often a tenant is tried whose tables are locked.
const lockTries = 3

// awaitLock is between two tries, the first of which is 0. It fails when the context has ended.
func awaitLock(ctx context.Context, logger *slog.Logger, try int) error {
	logger.InfoContext(ctx, "migrate: waiting for a lock", "try", try+1)
	return pause.For(ctx, time.Duration(try+1)*50*time.Millisecond)
}

// transact sends a plan as one message. It is not ended by the context: it is
// one transaction, and the timeouts bound it.
func (e *postgresEngine) transact(ctx context.Context, p *place, made *plan) error {
	err := e.patiently(ctx, p, e.script(p, made, locks(p.schema, fmt.Sprintf("pg_try_advisory_xact_lock_shared(%d)", cliLock), refusedCLI)))
	if refused(err, refusedCLI) { // or another run holds it with a CLI that waits, which takes longer to find out
		err = e.patiently(ctx, p, e.script(p, made, locks(p.schema, withoutCLI("pg_try_advisory_xact_lock_shared"), refusedLocked)))
	}
	switch {
	case refused(err, refusedLocked):
		return ErrLocked
	case refused(err, refusedChanged) || lookFailed(err, "42P01", "42P07"): // the table is gone, or there already
		return errChanged
	case lookFailed(err, "3F000"):
		return errMissing
	default:
		return err
	}
}

// patiently sends a script, and again while its tables are locked.
func (e *postgresEngine) patiently(ctx context.Context, p *place, s *script) (err error) {
	for try := range lockTries {
		if err = e.send(context.WithoutCancel(ctx), p.db, s); !e.locked(err) {
			break
		}
		if awaitLock(ctx, e.config.Logger.With("tenant", p.tenant), try) != nil {
			break
		}
	}
	return err
}

// refused reports whether a script's beginning said so.
func refused(err error, what string) bool {
	var failed lookError
	return errors.As(err, &failed) && failed.code == "22P02" && strings.Contains(failed.message, what)
}

func lookFailed(err error, codes ...string) bool {
	var failed lookError
	return errors.As(err, &failed) && slices.Contains(codes, failed.code)
}

func (e *postgresEngine) send(ctx context.Context, db *sql.DB, s *script) error {
	conn, err := db.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close() //nolint:errcheck // it only gives the connection back
	return conn.Raw(func(driverConn any) error {
		std, ok := driverConn.(*stdlib.Conn)
		if !ok {
			return errNotPgx(driverConn)
		}
		return sendTo(ctx, std.Conn().PgConn(), s)
	})
}

// sendTo counts what the server answers. What it says of a failed statement goes
// by the number of those before it, or by the position in the whole message if it could not read that.
func sendTo(ctx context.Context, conn *pgconn.PgConn, s *script) error {
	message := s.String()
	results := conn.Exec(ctx, message)
	done := 0
	for results.NextResult() {
		if _, err := results.ResultReader().Close(); err != nil {
			break
		}
		done++
	}
	err := results.Close()
	if err == nil {
		return nil
	}
	if !conn.IsClosed() && conn.TxStatus() != 'I' {
		if _, rollback := conn.Exec(ctx, "ROLLBACK").ReadAll(); rollback != nil {
			err = errors.Join(err, rollback)
		}
	}
	var failed *pgconn.PgError
	if errors.As(err, &failed) {
		if done == 0 && failed.Position > 0 {
			done = s.partAt(int(failed.Position))
		}
		switch {
		case done >= len(s.parts):
		case s.parts[done].of != nil:
			return &statementError{file: s.parts[done].of, at: s.parts[done].at, err: err}
		case s.parts[done].looks:
			return lookError{err, failed.Code, failed.Message}
		}
	}
	return err
}

// partAt finds the part that holds a position, in characters from 1.
func (s *script) partAt(position int) int {
	end := 0
	for i, p := range s.parts {
		if end += len([]rune(p.text)) + len(partEnd); position <= end {
			return i
		}
	}
	return len(s.parts)
}
