package tenancyconnect

import (
	"errors"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entenancy/tenancy/middleware"
)

// refused returns the error of a call that is not served. Its headers are the
// gate's, but for those of the body, which is connect's.
func refused(a *middleware.Admission) error {
	told := connect.NewError(code(a.Refusal.Reason), errors.New(a.Refusal.Problem().Detail))
	header := a.Header()
	header.Del("Content-Type")
	header.Del("Content-Length")
	addHeader(told.Meta(), header)
	if a.Refusal.Reason == middleware.ReasonLimited {
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(a.Refusal.RetryAfter)}
		if detail, err := connect.NewErrorDetail(retry); err == nil {
			told.AddDetail(detail)
		}
	}
	return told
}

func code(reason middleware.Reason) connect.Code {
	switch reason {
	case middleware.ReasonSuspended:
		return connect.CodePermissionDenied
	case middleware.ReasonLimited:
		return connect.CodeResourceExhausted
	case middleware.ReasonUnavailable:
		return connect.CodeUnavailable
	default:
		return connect.CodeNotFound
	}
}
