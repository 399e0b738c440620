package storm

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io"
	"syscall"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
)

// wrong is an answer that must not be.
type wrong struct{ text string }

func (w wrong) Error() string { return w.text }

func wrongf(format string, args ...any) error { return wrong{fmt.Sprintf(format, args...)} }

// undone is an error of a transaction for which COMMIT was not sent.
type undone struct{ error }

func (u undone) Unwrap() error { return u.error }

// circumstances are what an operation may fail for, beside what happens to the
// server.
type circumstances struct {
	cancelled bool // its context was
	inTx      bool
	moved     bool // its tenant's record has changed since it was read
}

// meaning returns what an error that the storm explains means, or "".
func meaning(err error, c circumstances) string {
	code := ""
	if server := new(pgconn.PgError); errors.As(err, &server) {
		code = server.Code
		if code == "0A000" && server.Routine != "RevalidateCachedQuery" {
			return ""
		}
	}
	switch {
	case c.cancelled && (errors.Is(err, context.Canceled) || code == "57014" || errors.Is(err, sql.ErrTxDone)):
		return "cancelled"
	case code == "57P01" || code == "57P02":
		return "server shut down"
	case code == "57P03":
		return "server starting up"
	case code == "40001" || code == "40P01":
		return "gave way"
	case code == "0A000" && c.inTx:
		return "table altered in a transaction"
	case code != "":
		return ""
	case errors.Is(err, syscall.ECONNREFUSED):
		return "connection refused"
	case errors.Is(err, driver.ErrBadConn):
		return "bad connection"
	case isLost(err):
		return "connection lost"
	case c.moved && errors.Is(err, tenancy.ErrInvalidPlacement):
		return "tenant moved"
	}
	return ""
}

func isLost(err error) bool {
	for _, lost := range []error{io.EOF, io.ErrUnexpectedEOF, syscall.ECONNRESET, syscall.EPIPE, pgconn.ErrConnClosed} {
		if errors.Is(err, lost) {
			return true
		}
	}
	return false
}

// isCertain reports that what failed has changed nothing.
func isCertain(err error) bool {
	server := new(pgconn.PgError)
	if errors.As(err, &server) && server.Code != "57P01" && server.Code != "57P02" {
		return true
	}
	return errors.As(err, &undone{}) || errors.Is(err, driver.ErrBadConn) || errors.Is(err, syscall.ECONNREFUSED)
}
