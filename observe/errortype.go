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

// errorTypes are those with a name. What says least comes last: an error of a
// place that is missing is often one of the database as well.
func errorTypes() []errorType {
	return []errorType{
		{tenancy.ErrCrossTenant, "cross_tenant"},
		{tenancy.ErrNoTenant, "no_tenant"},
		{tenancy.ErrNoReason, "no_reason"},
		{tenancy.ErrInactive, "inactive"},
		{tenancy.ErrGlobalWrite, "global_write"},
		{tenancy.ErrNotInstalled, "not_installed"},
		{tenancy.ErrNotFound, "not_found"},
		{tenancy.ErrExists, "exists"},
		{tenancy.ErrInvalidPlacement, "invalid_placement"},
		{tenancy.ErrNotProvisioned, "not_provisioned"},
		{tenancy.ErrInvalidTransition, "invalid_transition"},
		{tenancy.ErrConflict, "conflict"},
		{tenancy.ErrTooManyTenants, "too_many_tenants"},
		{tenancy.ErrQuotaExceeded, "quota_exceeded"},
		{tenancy.ErrLimiterUnavailable, "limiter_unavailable"},
		{context.Canceled, "canceled"},
		{context.DeadlineExceeded, "timeout"},
		{sql.ErrTxDone, "tx_done"},
		{sqldriver.ErrBadConn, "bad_connection"},
		{tenancy.ErrUnavailable, "unavailable"},
	}
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
