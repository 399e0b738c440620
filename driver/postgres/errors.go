package postgres

import (
	"context"
	"database/sql/driver"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/entenancy/tenancy"
)

// The meanings that an error of this package can have beside those of package
// tenancy. Test for them with [errors.Is]. Errors of the server are in the
// chain as [*pgconn.PgError].
var (
	// ErrBusy means that the connection is still reading the rows of another
	// query: close those first, or use another connection.
	ErrBusy = errors.New("postgres: the connection has open rows")

	// ErrRefused means that the SQL would leave its tenant behind, and was not
	// sent. The package comment lists what is refused.
	ErrRefused = errors.New("postgres: not with a tenant in the context")

	// ErrNeedsSystem means that the statement cannot run in any transaction, not
	// even an implicit one. It needs a System scope, and no transaction.
	ErrNeedsSystem = errors.New("postgres: the statement needs a System scope and no transaction")

	// ErrSystem means that a System scope came to a connector that refuses them.
	ErrSystem = errors.New("postgres: this connector serves tenants only: a System scope needs a role that sees all rows " +
		"(driver.Config.System, or TENANCY_DATABASE_SYSTEM_URL with a Manager)")

	// ErrTransaction means that the transaction cannot go on: it is over, or it
	// was begun or ended behind the back of database/sql.
	ErrTransaction = errors.New("postgres: the transaction cannot be used")
)

// PostgreSQL's error codes, from appendix A of its manual.
const (
	codeFeatureNotSupported   = "0A000"
	codeInvalidStatement      = "26000"
	codeDuplicateStatement    = "42P05"
	codeUndefinedTable        = "42P01"
	codeUndefinedFunction     = "42883"
	codeDatatypeMismatch      = "42804"
	codeInvalidSchema         = "3F000"
	codeActiveTransaction     = "25001"
	codeInsufficientPrivilege = "42501"
	codeAdminShutdown         = "57P01"
	codeIdleSessionTimeout    = "57P05"
	codeUniqueViolation       = "23505"
	codeDivisionByZero        = "22012"
	classIntegrity            = "23"
)

// isAnothersRow reports that row-level security refused a row: a policy's WITH
// CHECK, told by the function that raises it because messages are translated, or
// our trigger, whose message is not.
func isAnothersRow(server *pgconn.PgError) bool {
	return server.Code == codeInsufficientPrivilege &&
		(server.Routine == "ExecWithCheckOptions" || strings.HasPrefix(server.Message, "row-level security: "))
}

// isMissingTable reports that a table is not there, and not that the statement
// speaks of one that it does not list, such as o in SELECT o.id FROM orders. Both have
// one code. They are told by the function that raises them, because messages are translated.
func isMissingTable(server *pgconn.PgError) bool {
	return server.Code == codeUndefinedTable && server.Routine != "errorMissingRTE" && server.Routine != "transformLockingClause"
}

// notRun marks the error of a statement that cannot have begun to run.
type notRun struct{ error }

func (e notRun) Unwrap() error { return e.error }

// argumentError keeps an argument's value out of the message. The cause, which
// may show it, can be unwrapped.
type argumentError struct {
	message string
	cause   error
}

func (e *argumentError) Error() string { return e.message }
func (e *argumentError) Unwrap() error { return e.cause }

func isNotRun(err error) bool { return errors.As(err, new(notRun)) }

func argumentFailed(args []any, parameters int, cause error) error {
	if parameters >= 0 && parameters != len(args) {
		return fmt.Errorf("postgres: the statement has %d parameters and was given %d arguments", parameters, len(args))
	}
	message := "postgres: an argument cannot be encoded"
	var index int
	if _, err := fmt.Sscanf(cause.Error(), "failed to encode args[%d]:", &index); err == nil && index < len(args) {
		message = fmt.Sprintf("postgres: argument $%d cannot be encoded: no %T for this parameter", index+1, args[index])
	}
	return &argumentError{message, cause}
}

// outcome turns an error of the wire into the caller's. It returns
// [driver.ErrBadConn], on which database/sql tries another connection, only
// where nothing ran and trying again makes sense.
func (c *conn) outcome(ctx context.Context, w way, err error) error {
	if err == nil {
		return nil
	}
	var unsent notRun
	harmless := errors.As(err, &unsent)
	if harmless {
		err = unsent.error
	}
	if harmless && !w.inTx && ctx.Err() == nil && c.pgx.IsClosed() {
		return driver.ErrBadConn
	}
	return explain(w, err)
}

// explain says of what the server refused what the caller can do about it.
func explain(w way, err error) error {
	server := serverError(err)
	switch {
	case server == nil:
		return err
	case w.at.schema == noTables && isMissingTable(server):
		return fmt.Errorf("postgres: %w: %s has a database of its own: of the home it reaches what is named with its schema, "+
			"in functions and triggers too (ALTER FUNCTION ... SET search_path): %w", tenancy.ErrCrossTenant, w.at.tenant(), err)
	case w.at.schema != "" && (isMissingTable(server) || server.Code == codeInvalidSchema):
		return fmt.Errorf("postgres: %w: %s: %w", tenancy.ErrNotProvisioned, w.at.tenant(), err)
	case isAnothersRow(server):
		return fmt.Errorf("postgres: %w: %w", tenancy.ErrCrossTenant, err)
	case !w.inTx && server.Code == codeActiveTransaction:
		return fmt.Errorf("%w: %w", ErrNeedsSystem, err)
	}
	return err
}

func serverError(err error) *pgconn.PgError {
	if err == nil {
		return nil
	}
	var server *pgconn.PgError
	if errors.As(err, &server) {
		return server
	}
	return nil
}

// isStale reports that a prepared statement no longer fits the tables it was
// prepared for, and that it has not begun to run.
func isStale(err error) bool {
	server := serverError(err)
	if server == nil {
		return false
	}
	switch server.Code {
	case codeFeatureNotSupported:
		return server.Routine == "RevalidateCachedQuery" // "cached plan must not change result type"
	case codeUndefinedFunction, codeDatatypeMismatch:
		return server.Where == "" // from the statement itself, and not from a function that it called
	}
	return false
}

// isLost reports that the server does not have a prepared statement of ours, or
// has it though it should not: a pooler has given us another server connection.
func isLost(err error) bool {
	server := serverError(err)
	return server != nil && (server.Code == codeInvalidStatement || server.Code == codeDuplicateStatement) &&
		strings.Contains(server.Message, statementPrefix)
}

// isGoodbye reports the last words of a server that was told to end the session.
func isGoodbye(err error) bool {
	server := serverError(err)
	return server != nil && (server.Code == codeAdminShutdown || server.Code == codeIdleSessionTimeout)
}

func refused(what, instead string) error {
	return fmt.Errorf("%w: %s: %s", ErrRefused, what, instead)
}

func noScope(err error) error {
	return fmt.Errorf("postgres: nothing was sent: %w", err)
}

// crossTenant names neither side: one must not learn of the other.
func crossTenant() error {
	return fmt.Errorf("postgres: the transaction began under another scope than the statement's: %w", tenancy.ErrCrossTenant)
}
