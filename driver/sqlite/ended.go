package sqlite

import (
	"context"
	"database/sql"
	"fmt"
	"strings"
)

// ended finds out whether SQLite has rolled the transaction back because of the
// statement that has failed, as it does with a write that is interrupted, whose disk
// is full, or that says ON CONFLICT ROLLBACK. Without a word it would commit what
// follows statement by statement.
//
// There is no other way to ask that every driver has: a BEGIN fails within a
// transaction, and nowhere else. One that does not is left open. Nothing is sent
// into it, and it is there for the caller's Rollback to end. Where other rows are open
// the interrupt is theirs, too, and the BEGIN's: nobody can be sure then.
func (s session) ended(cause error) (sure bool, ended error) {
	err := s.exec(context.Background(), "BEGIN") // the context of the statement may be over
	if err == nil {
		return true, fmt.Errorf("sqlite: SQLite rolled the transaction back when a statement of it failed: %w: %w", sql.ErrTxDone, cause)
	}
	return strings.Contains(err.Error(), "within a transaction"), nil
}
