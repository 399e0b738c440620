package observe

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"

	"github.com/entenancy/tenancy"
)

// ErrorType names the kind of an error in one word, for logs and for labels of
// metrics: there are few, and none holds anything of the error's text. It is
//
//   - the name of the first of package tenancy's errors that it is, such as
//     "cross_tenant" for tenancy.ErrCrossTenant;
//   - "canceled" or "timeout" of a context that is over;
//   - what the error says itself, by a method ErrorType() string, in up to 32
//     lower-case letters and underscores: "rate_limited" for a request that the
//     middleware refuses as one too many;
//   - a PostgreSQL error's SQLSTATE, such as "23505" for a unique violation;
//   - "tx_done", "bad_connection", and otherwise "other".
//
// It is empty for nil.
func ErrorType(err error) string {
	if err == nil {
		return ""
	}
	for _, known := range errorTypes() {
		if errors.Is(err, known.err) {
			return known.name
		}
	}
	var kind interface{ ErrorType() string }
	if errors.As(err, &kind) && isKind(kind.ErrorType()) {
		return kind.ErrorType()
	}
	var server interface{ SQLState() string }
	if errors.As(err, &server) && isSQLState(server.SQLState()) {
		return server.SQLState()
	}
	return "other"
}

type errorType struct {
	err  error
	name string
}

// errorTypes are those with a name: all of package tenancy's, which a test sees
// to. What says least comes last: an error of a place that is missing is often one
// of the database as well, and an entry is not recorded because of something else.
func errorTypes() []errorType {
	return []errorType{
		{tenancy.ErrNotRecorded, "not_recorded"},
		{tenancy.ErrInvalidEntry, "invalid_entry"},
		{tenancy.ErrCrossTenant, "cross_tenant"},
		{tenancy.ErrNoTenant, "no_tenant"},
		{tenancy.ErrNoReason, "no_reason"},
		{tenancy.ErrInactive, "inactive"},
		{tenancy.ErrUnauthenticated, "unauthenticated"},
		{tenancy.ErrGlobalWrite, "global_write"},
		{tenancy.ErrNotInstalled, "not_installed"},
		{tenancy.ErrNotFound, "not_found"},
		{tenancy.ErrExists, "exists"},
		{tenancy.ErrInvalidPlacement, "invalid_placement"},
		{tenancy.ErrInvalidTenant, "invalid_tenant"},
		{tenancy.ErrForeignNamespace, "foreign_namespace"},
		{tenancy.ErrNotProvisioned, "not_provisioned"},
		{tenancy.ErrBehind, "behind"},
		{tenancy.ErrInvalidTransition, "invalid_transition"},
		{tenancy.ErrConflict, "conflict"},
		{tenancy.ErrTooManyTenants, "too_many_tenants"},
		{tenancy.ErrQuotaExceeded, "quota_exceeded"},
		{tenancy.ErrInvalidID, "invalid_id"},
		{tenancy.ErrInvalidIdentifier, "invalid_identifier"},
		{tenancy.ErrInvalidQuery, "invalid_query"},
		{tenancy.ErrInvalidLimit, "invalid_limit"},
		{tenancy.ErrUnknownEnvelopeKey, "unknown_envelope_key"},
		{tenancy.ErrInvalidEnvelope, "invalid_envelope"},
		{tenancy.ErrEnvelopeExpired, "envelope_expired"},
		{tenancy.ErrLimiterUnavailable, "limiter_unavailable"},
		{context.Canceled, "canceled"},
		{context.DeadlineExceeded, "timeout"},
		{sql.ErrTxDone, "tx_done"},
		{sqldriver.ErrBadConn, "bad_connection"},
		{tenancy.ErrUnavailable, "unavailable"},
	}
}

// isKind reports whether a text can be a kind of error and is no value of one.
func isKind(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'a' || c > 'z') && c != '_' {
			return false
		}
	}
	return s != "" && len(s) <= 32
}

// isSQLState reports whether a text has the form of one, five upper-case letters
// and digits: whatever else a driver returns is not a label.
func isSQLState(s string) bool {
	for i := range len(s) {
		if c := s[i]; (c < 'A' || c > 'Z') && (c < '0' || c > '9') {
			return false
		}
	}
	return len(s) == 5
}
