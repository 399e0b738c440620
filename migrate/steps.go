package migrate

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
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
	start  time.Time
}

// newSteps goes on where a file was left.
func newSteps(e engine, conn *sql.Conn, f pending) *steps {
	s := &steps{engine: e, conn: conn, file: f.file, start: time.Now()}
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
	if s.record.Applied < len(s.file.statements) && !doubt {
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
	if len(s.file.statements) == 0 {
		return s.write(ctx, s.conn)
	}
	return nil
}

// step executes the next statement. With doubt, it may have been executed before.
func (s *steps) step(ctx context.Context, doubt bool) error {
	text := s.file.statements[s.record.Applied].text
	if changesRows(text) { // then the record of it is in its transaction, and there is no doubt
		return s.failed(ctx, s.inTransaction(ctx, text))
	}
	words := wordsOf(s.engine.syntax(), text)
	if doubt {
		if err := s.engine.tidy(ctx, s.conn, text); err != nil {
			return s.at(err)
		}
		if !repeatable(words) {
			return s.at(ErrInDoubt)
		}
	}
	_, err := s.conn.ExecContext(ctx, text)
	switch {
	case err == nil || doubt && s.engine.again(effectOf(words), err):
		s.done()
		return s.at(s.write(ctx, s.conn))
	case doubt:
		return s.at(fmt.Errorf("%w: tried again, it failed: %w", ErrInDoubt, err))
	default:
		if tidied := s.engine.tidy(ctx, s.conn, text); tidied != nil {
			err = errors.Join(err, tidied)
		}
		return s.failed(ctx, err)
	}
}

func (s *steps) inTransaction(ctx context.Context, text string) error {
	tx, err := s.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if _, err := tx.ExecContext(ctx, text); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	before := *s.record
	s.done()
	if err := s.write(ctx, tx); err != nil {
		*s.record = before
		return errors.Join(err, tx.Rollback())
	}
	if err := tx.Commit(); err != nil {
		*s.record = before
		return err
	}
	return nil
}

// intend records that the next statement is begun.
func (s *steps) intend() {
	s.record.Error, s.record.ErrorStmt = begun, s.file.statements[s.record.Applied].text
}

// done records that a statement was executed, and what comes next.
func (s *steps) done() {
	s.record.PartialHashes = append(s.record.PartialHashes, s.file.statements[s.record.Applied].mark)
	s.record.Applied++
	if s.record.Applied < len(s.file.statements) {
		s.intend()
		return
	}
	s.record.Error, s.record.ErrorStmt, s.record.PartialHashes = "", "", nil
}

// failed records why a statement failed, so that it is known not to be in doubt.
func (s *steps) failed(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	failure := s.at(err)
	s.record.Error, s.record.ErrorStmt = err.Error(), s.file.statements[s.record.Applied].text
	return errors.Join(failure, s.write(ctx, s.conn))
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
	return writeRevision(ctx, s.engine, q, s.record)
}

// writeRevision writes a row as the Atlas CLI does.
func writeRevision(ctx context.Context, e engine, q querier, v *atlas.Revision) error {
	hashes, err := json.Marshal(v.PartialHashes)
	if err != nil {
		return err
	}
	_, err = q.ExecContext(ctx, e.upsert(revisionsTable, revisionColumns(), 1),
		v.Version, v.Description, int64(v.Type), v.Applied, v.Total, e.now(), int64(v.ExecutionTime), //nolint:gosec // two bits
		v.Error, v.ErrorStmt, v.Hash, string(hashes), v.OperatorVersion)
	return err
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
