package noninterference

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"slices"
	"strings"

	"entgo.io/ent/dialect/sql/sqlgraph"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
)

// outcome is how an operation came to its end.
type outcome string

const (
	ended      outcome = "ended" // with an answer, which can be that of a constraint
	cancelled  outcome = "cancelled"
	lost       outcome = "connection lost"
	contention outcome = "gave way to another transaction"
	unexpected outcome = "unexpected"
)

// classify says what an error of a step means.
func (t *tenant) classify(err error, s step) (outcome, string) {
	switch {
	case s.fault.cancels() && isCancelled(err):
		return cancelled, ""
	case t.mayLose(err):
		return lost, ""
	case t.run.mayWait(err):
		return contention, ""
	case ent.IsNotFound(err):
		return ended, notFound
	case errors.Is(err, tenancy.ErrCrossTenant), sqlgraph.IsForeignKeyConstraintError(err):
		return ended, refused
	case sqlgraph.IsUniqueConstraintError(err):
		return ended, notUnique
	case ent.IsConstraintError(err):
		return ended, connected
	}
	return unexpected, ""
}

// isCancelled reports that a context's end ended an operation. A transaction
// may notice it later than the statement.
func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || hasCode(err, "57014") || isLost(err) ||
		strings.Contains(err.Error(), "interrupted") || strings.Contains(err.Error(), "context canceled")
}

// isLost reports that a connection is gone.
func isLost(err error) bool {
	var network net.Error
	return errors.Is(err, driver.ErrBadConn) || errors.Is(err, mysql.ErrInvalidConn) || errors.Is(err, sql.ErrConnDone) ||
		errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.As(err, &network) || hasCode(err, "57P01") || hasNumber(err, 1927) ||
		slices.ContainsFunc([]string{"conn closed", "bad connection", "invalid connection", "unexpected EOF", "broken pipe", "reset by peer", "terminating connection", sql.ErrTxDone.Error()}, func(text string) bool {
			return strings.Contains(err.Error(), text)
		})
}

// isContention reports that the database ended a transaction or statement in
// favour of another that holds a lock.
func isContention(err error) bool {
	return hasCode(err, "40001") || hasCode(err, "40P01") || hasNumber(err, 1213) || hasNumber(err, 1205) || hasNumber(err, 1020) ||
		strings.Contains(err.Error(), "database is locked")
}

func hasCode(err error, code string) bool {
	var server *pgconn.PgError
	return errors.As(err, &server) && server.Code == code
}

func hasNumber(err error, number uint16) bool {
	var server *mysql.MySQLError
	return errors.As(err, &server) && server.Number == number
}
