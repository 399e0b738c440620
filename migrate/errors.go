package migrate

import (
	"errors"
	"fmt"
)

// The meanings that an error of this package can have beside those of package
// tenancy. Test for them with [errors.Is].
var (
	// ErrDirectory means that a migration directory cannot be used: a file does
	// not match atlas.sum, or cannot be read as statements.
	ErrDirectory = errors.New("migrate: invalid migration directory")

	// ErrNoVersion means that neither directory has a file of a version that was named.
	ErrNoVersion = errors.New("migrate: no directory has a version")

	// ErrEdited means that a file was changed after it was applied, or that one
	// was added or removed before it. Put the files back as they were, and make the
	// change in a new one.
	ErrEdited = errors.New("migrate: an applied migration was changed")

	// ErrOrder means that a file was added before one that is applied already.
	// Give it a version after it.
	ErrOrder = errors.New("migrate: a migration was added out of order")

	// ErrMissingFile means that files are pending behind a migration that was applied and
	// that the directory does not have: of a branch that was not merged, say. Put its file
	// back; what was applied elsewhere would never get to new tenants. It also means that a
	// directory begins with a checkpoint after what a place has: what was before it is missing.
	ErrMissingFile = errors.New("migrate: an applied migration is not in the directory")

	// ErrDirty means that a place has tables and no record of migrations. Baseline
	// says which migrations they stand for.
	ErrDirty = errors.New("migrate: tables without revisions: a baseline is needed")

	// ErrLocked means that another runner or the Atlas CLI is at work, and was
	// for as long as the run has waited.
	ErrLocked = errors.New("migrate: locked by another run")

	// ErrPooler means that a file outside of transactions, a baseline or a repair
	// was asked for through a pooler of connections such as PgBouncer, where a
	// statement may be executed in another tenant's schema. Connect to the server.
	ErrPooler = errors.New("migrate: this needs a connection to the server itself, and not to a pooler")

	// ErrInDoubt means that a run ended within a statement that may or may not
	// have been executed. Look, and say so with Repair.
	ErrInDoubt = errors.New("migrate: nobody knows whether a statement was executed: look, then call Repair")

	// ErrUnconfirmed means that migrations were applied to a tenant, and that a crash
	// of the server may have taken them back, or that the connection was lost by
	// which the run would know. Run again: the tenant is at the old version or at the new.
	ErrUnconfirmed = errors.New("migrate: applied, and not known to be on the server's disk")

	// ErrStopped means that a run was given up because something failed: the home,
	// which comes before the tenants, a tenant of a wave, or too many tenants. The
	// error says which. Tenants that it had not begun are as they were.
	ErrStopped = errors.New("migrate: stopped")
)

// The reasons to give a run up, beside a wave.
var (
	errHomeFailed = fmt.Errorf("%w: the home comes before the tenants, and failed", ErrStopped)
	errTooMany    = fmt.Errorf("%w: too many tenants failed", ErrStopped)
)

// errChanged means that the state of a place is not what the plan was made for.
var errChanged = errors.New("migrate: the revisions changed since they were read")

// errMissing means that the schema is not there.
var errMissing = errors.New("migrate: there is no such schema")

// PartialError says that a run has not brought every tenant up to date, or that
// Drift has not looked at every tenant. It unwraps to the errors of the tenants and
// to the reason for an early end.
type PartialError struct {
	// Failures are the tenants that failed, in the order in which they did.
	Failures []Result
	// Cause is why the run ended before all tenants were tried: [ErrStopped], an
	// error of Config.Tenants, or the context's. It is nil if all were.
	Cause error
}

// Error names the first failure, and how many there are.
func (e *PartialError) Error() string {
	switch {
	case len(e.Failures) == 0:
		return fmt.Sprintf("migrate: the run ended early: %v", e.Cause)
	case e.Cause != nil:
		return fmt.Sprintf("migrate: %d failed, first %s: %v; the run ended early: %v",
			len(e.Failures), e.Failures[0].who(), e.Failures[0].Err, e.Cause)
	default:
		return fmt.Sprintf("migrate: %d failed, first %s: %v", len(e.Failures), e.Failures[0].who(), e.Failures[0].Err)
	}
}

// Unwrap returns the errors of the failures and the cause.
func (e *PartialError) Unwrap() []error {
	all := make([]error, 0, len(e.Failures)+1)
	for _, failure := range e.Failures {
		all = append(all, failure.Err)
	}
	if e.Cause != nil {
		all = append(all, e.Cause)
	}
	return all
}

// statementError is the error of one statement of a file.
type statementError struct {
	file *file
	at   int // index of the statement
	err  error
}

func (e *statementError) Error() string {
	return fmt.Sprintf("%s:%d: %v", e.file.Name(), e.file.statements[e.at].line, e.err)
}

func (e *statementError) Unwrap() error { return e.err }

// errNoTenants means that a fleet was asked for, and nobody said which.
var errNoTenants = errors.New("migrate: Config.Tenants is missing")
