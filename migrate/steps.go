package migrate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	atlas "ariga.io/atlas/sql/migrate"
)

func revisionColumns() []string {
	return []string{
		"version", "description", "type", "applied", "total", "executed_at", "execution_time",
		"error", "error_stmt", "hash", "partial_hashes", "operator_version",
	}
}

// begun is the error in a revision whose next statement, which is in error_stmt,
// has been begun. It stays there when the runner does not live to see the end.
const begun = "tenancy: begun, and not known to be done"

// steps executes a file statement by statement, and records each.
type steps struct {
	engine engine
	conn   *sql.Conn
	file   *file
	record *atlas.Revision
	was    *atlas.Revision // what is on record, nil for nothing
	start  time.Time
	logger *slog.Logger
}

// newSteps goes on where a file was left.
func newSteps(e engine, conn *sql.Conn, f pending) *steps {
	s := &steps{engine: e, conn: conn, file: f.file, was: f.revision, start: time.Now(), logger: slog.New(slog.DiscardHandler)}
	if f.revision == nil {
		s.record = &atlas.Revision{Version: f.Version(), Description: f.Desc(), Type: atlas.RevisionTypeExecute}
	} else {
		kept := *f.revision
		kept.PartialHashes = append([]string(nil), f.revision.PartialHashes...)
		s.record = &kept
	}
	s.record.Total, s.record.Hash, s.record.OperatorVersion = len(f.statements), f.hash, operator
	return s
}

// run executes what is left of the file. It is not ended by the context: a tenant
// that was begun is finished.
func (s *steps) run(ctx context.Context) error {
	doubt := s.record.Error == begun
	if s.record.Applied >= len(s.file.statements) { // it has none, or what was left of it was taken out or done by hand
		s.complete()
		return s.write(ctx, s.conn)
	}
	if err := s.settings(ctx); err != nil {
		return err
	}
	if !doubt {
		s.intend()
		if err := s.write(ctx, s.conn); err != nil {
			return err
		}
	}
	for s.record.Applied < len(s.file.statements) {
		if err := s.step(ctx, doubt); err != nil {
			return err
		}
		doubt = false
	}
	return nil
}

// step executes the next statement. With doubt, it may have been executed before.
func (s *steps) step(ctx context.Context, doubt bool) error {
	next := s.file.statements[s.record.Applied]
	text, words := next.text, wordsOf(s.engine.syntax(), next.text)
	if doubt = doubt && !changesRows(text); doubt { // rows never change without the record of it
		if err := s.engine.tidy(ctx, s.conn, text); err != nil {
			return s.at(err)
		}
		if !next.one || !repeatable(s.engine.syntax(), words) {
			return s.at(ErrInDoubt)
		}
	}
	executed, err := s.patiently(ctx, text, words)
	if s.engine.busy(err) {
		err = fmt.Errorf("%w: %w", ErrLocked, err)
	}
	switch {
	case executed || errors.Is(err, ErrLocked) || doubt && s.engine.locked(err): // which leaves the doubt as it was
		return s.at(err)
	case doubt && s.engine.again(effectOf(words), err):
		s.done()
		return s.at(s.write(ctx, s.conn))
	case doubt && !validates(text): // where the error tells that it was not done
		return s.at(fmt.Errorf("%w: tried again, it failed: %w", ErrInDoubt, err))
	default:
		if tidied := s.engine.tidy(ctx, s.conn, text); tidied != nil {
			err = errors.Join(err, tidied)
		}
		return s.failed(ctx, err)
	}
}

// patiently executes a statement, and again while what it is about is locked.
func (s *steps) patiently(ctx context.Context, text, words string) (executed bool, err error) {
	if !slices.ContainsFunc(s.file.statements, setsTimeout) {
		if err := s.engine.limit(ctx, s.conn, words); err != nil {
			return false, err
		}
	}
	for try := range lockTries {
		executed, err = s.execute(ctx, text)
		if executed || !s.engine.locked(err) || !s.undone(text) {
			return executed, err
		}
		if tidied := s.engine.tidy(ctx, s.conn, text); tidied != nil {
			return false, errors.Join(err, tidied)
		}
		if awaitLock(ctx, s.logger.With("file", s.file.Name()), try) != nil {
			break
		}
	}
	return false, fmt.Errorf("migrate: others had it locked each of %d times, and it was not executed: see who they are, and run again: %w", lockTries, err)
}

// setsTimeout finds what a file sets itself, which is meant then.
func setsTimeout(one statement) bool {
	return firstWord(one.text) == "SET" && strings.Contains(strings.ToLower(one.text), "lock_timeout")
}

// undone reports whether a statement that has failed has left nothing behind: it does not
// call a procedure, which may have ended transactions, nor is it in one that the file has begun.
func (s *steps) undone(text string) bool {
	if slices.ContainsFunc(s.file.statements, func(one statement) bool { return endsTransaction(firstWord(one.text)) }) {
		return false
	}
	return changesRows(text) || slices.Contains([]string{"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE", "COMMENT", "GRANT", "REVOKE"}, firstWord(text))
}

// execute executes a statement and records that it is done.
func (s *steps) execute(ctx context.Context, text string) (executed bool, err error) {
	if s.engine.together(text) {
		if err = s.inTransaction(ctx, text); !nested(err) {
			return err == nil, err
		}
	}
	if _, err = s.conn.ExecContext(ctx, text); err != nil {
		return false, err
	}
	s.done()
	return true, s.write(ctx, s.conn)
}

func (s *steps) inTransaction(ctx context.Context, text string) (err error) {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	record, was := *s.record, s.was
	defer func() {
		if err != nil {
			*s.record, s.was = record, was
		}
	}()
	s.done()
	// The record comes first: who else is at the file waits then, or has been first.
	if err = s.write(ctx, tx); err == nil {
		_, err = tx.ExecContext(ctx, text)
	}
	if err == nil {
		err = s.write(ctx, tx) // and again, with how long it took
	}
	if err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}

// intend records that the next statement is begun, unless the record of it is in its transaction.
func (s *steps) intend() {
	s.record.Error, s.record.ErrorStmt = "", ""
	if text := s.file.statements[s.record.Applied].text; !s.engine.together(text) {
		s.record.Error, s.record.ErrorStmt = begun, text
	}
}

// done records that a statement was executed, and what comes next.
func (s *steps) done() {
	s.record.PartialHashes = append(s.record.PartialHashes, s.file.statements[s.record.Applied].mark)
	s.record.Applied++
	if s.record.Applied < len(s.file.statements) {
		s.intend()
		return
	}
	s.complete()
}

// complete records that nothing of the file is left.
func (s *steps) complete() {
	s.record.Error, s.record.ErrorStmt, s.record.PartialHashes = "", "", nil
}

// failed records why a statement failed, so that it is known not to be in doubt.
func (s *steps) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	failure := s.at(err)
	s.record.Error, s.record.ErrorStmt = err.Error(), s.file.statements[s.record.Applied].text
	return errors.Join(failure, s.forcedAgain(ctx), s.write(ctx, s.conn))
}

func (s *steps) at(err error) error {
	if err == nil {
		return nil
	}
	return &statementError{file: s.file, at: min(s.record.Applied, len(s.file.statements)-1), err: err}
}

func (s *steps) write(ctx context.Context, q querier) error {
	s.record.ExecutionTime += time.Since(s.start)
	s.start = time.Now()
	if err := s.engine.write(ctx, q, s.was, s.record); err != nil {
		return err
	}
	now := *s.record
	s.was = &now
	return nil
}

// overwrite writes a row as the Atlas CLI does, whatever is there.
func overwrite(ctx context.Context, e engine, q querier, v *atlas.Revision) error {
	values, err := revisionValues(e, v)
	if err == nil {
		_, err = q.ExecContext(ctx, e.upsert(revisionsTable, revisionColumns(), 1), values...)
	}
	return err
}

// revisionValues are those of revisionColumns.
func revisionValues(e engine, v *atlas.Revision) ([]any, error) {
	hashes, err := json.Marshal(v.PartialHashes)
	return []any{
		v.Version, v.Description, int64(v.Type), v.Applied, v.Total, e.now(), int64(v.ExecutionTime), //nolint:gosec // two bits
		v.Error, v.ErrorStmt, v.Hash, string(hashes), v.OperatorVersion,
	}, err
}

// changesRows reports whether a statement can be in a transaction on every database.
func changesRows(text string) bool {
	switch firstWord(text) {
	case "INSERT", "UPDATE", "DELETE", "REPLACE", "WITH", "SELECT":
		return true
	default:
		return false
	}
}
