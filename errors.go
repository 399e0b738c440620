package tenancy

import (
	"errors"
	"fmt"
)

// The meanings that an error of this module can have. Test for them with
// [errors.Is]; the text around them says what happened and what to do.
var (
	// ErrNoTenant means that the context names neither a tenant nor a System scope.
	ErrNoTenant = errors.New("tenancy: no tenant in context: use tenancy.NewContext, or tenancy.System with a reason")

	// ErrNoReason means that System was called without saying why.
	ErrNoReason = errors.New("tenancy: System needs a reason")

	// ErrInactive means that the tenant exists but may not be served: it is
	// suspended, deleted or still being provisioned.
	ErrInactive = errors.New("tenancy: tenant is not active")

	// ErrUnauthenticated means that a request does not prove who has sent it: it
	// has no token or session, or one that does not hold.
	ErrUnauthenticated = errors.New("tenancy: request is not authenticated")

	// ErrCrossTenant means that an operation would have touched, linked or
	// revealed a row that belongs to another tenant.
	ErrCrossTenant = errors.New("tenancy: cross-tenant access")

	// ErrGlobalWrite means that a tenant tried to change an entity that all
	// tenants share. Such writes need a System scope.
	ErrGlobalWrite = errors.New("tenancy: global entities are read-only for tenants")

	// ErrNotInstalled means that the ent client was generated without the
	// entext extension, or with another version of it than this library's.
	ErrNotInstalled = errors.New("tenancy: entext extension is not installed")

	// ErrNotFound means that no tenant has the given id or identifier.
	ErrNotFound = errors.New("tenancy: tenant not found")

	// ErrExists means that the id or identifier is taken by another tenant.
	ErrExists = errors.New("tenancy: tenant already exists")

	// ErrInvalidID means that a text cannot be a tenant's id.
	ErrInvalidID = errors.New("tenancy: invalid tenant id")

	// ErrInvalidIdentifier means that a text cannot be a tenant's identifier.
	ErrInvalidIdentifier = errors.New("tenancy: invalid tenant identifier")

	// ErrInvalidTenant means that a tenant's record has a value that is not
	// one of the documented ones, such as an unknown status.
	ErrInvalidTenant = errors.New("tenancy: invalid tenant")

	// ErrInvalidPlacement means that a tenant's rows cannot be reached where its
	// record says that they are: a name or URL is missing or cannot be used, or
	// the driver in use does not do that kind of isolation.
	ErrInvalidPlacement = errors.New("tenancy: invalid tenant placement")

	// ErrNotProvisioned means that the place of the tenant is not complete: its
	// database, its schema, or a table that the statement names is not there.
	ErrNotProvisioned = errors.New("tenancy: tenant is not provisioned")

	// ErrBehind means that the tenant's tables are not at the version that the
	// program needs: its migration has not run yet, or has failed. Nothing was sent.
	ErrBehind = errors.New("tenancy: tenant's tables are behind the program")

	// ErrForeignNamespace means that the schema, database or file that was to be
	// a tenant's is there already and does not bear that tenant's mark. It was
	// not touched: find out whose it is.
	ErrForeignNamespace = errors.New("tenancy: namespace is not this tenant's")

	// ErrInvalidTransition means that a tenant may not go from its status to
	// the wanted one.
	ErrInvalidTransition = errors.New("tenancy: invalid status transition")

	// ErrConflict means that a tenant's record was changed by someone else
	// since it was read. Read it again, and make the change again.
	ErrConflict = errors.New("tenancy: tenant was changed meanwhile")

	// ErrTooManyTenants means that the registry holds as many tenants as it may.
	ErrTooManyTenants = errors.New("tenancy: too many tenants")

	// ErrInvalidQuery means that a listing or a search asks for what cannot be
	// meant: an unknown status or order, a damaged cursor, a text that is none.
	ErrInvalidQuery = errors.New("tenancy: invalid query")

	// ErrUnavailable means that the registry could not answer because of the
	// database below it: it is gone, refuses, or lacks the registry's tables.
	ErrUnavailable = errors.New("tenancy: registry is not available")

	// ErrInvalidLimit means that a rate limit or a quota asks for what cannot be
	// held: no rate, no period, an amount below one, a quota that nobody has set up.
	ErrInvalidLimit = errors.New("tenancy: invalid limit")

	// ErrLimiterUnavailable means that nobody could say whether a limit is
	// reached, because the Redis that counts is gone or refuses.
	ErrLimiterUnavailable = errors.New("tenancy: limiter is not available")

	// ErrQuotaExceeded means that a tenant has used up what it may have of
	// something. The error is a *quota.ExceededError, which says of what.
	ErrQuotaExceeded = errors.New("tenancy: quota exceeded")

	// ErrInvalidEntry means that an audit entry does not say what was done to what.
	ErrInvalidEntry = errors.New("tenancy: invalid audit entry")

	// ErrNotRecorded means that an audit entry is not in every sink that should
	// have it. What it was about should not be done, or be undone.
	ErrNotRecorded = errors.New("tenancy: audit entry was not recorded")

	// ErrInvalidEnvelope means that a text is no envelope that this application
	// has sealed, or not one for this purpose.
	ErrInvalidEnvelope = errors.New("tenancy: invalid envelope")

	// ErrUnknownEnvelopeKey means that an envelope names a key that this process does
	// not have: one that it has yet to be given or no longer has, or somebody else's.
	// It is an ErrInvalidEnvelope. Another process, or this one later, may open it.
	ErrUnknownEnvelopeKey = fmt.Errorf("%w: its key is not one of this process", ErrInvalidEnvelope)

	// ErrEnvelopeExpired means that an envelope was good once.
	ErrEnvelopeExpired = errors.New("tenancy: envelope has expired")
)
