package tenancygrpc

import (
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/durationpb"

	"github.com/entenancy/tenancy/middleware"
)

// refused returns the status of a call that is not served.
func refused(r *middleware.Refusal) error {
	told := status.New(code(r.Reason), r.Problem().Detail)
	if r.Reason == middleware.ReasonLimited {
		retry := &errdetails.RetryInfo{RetryDelay: durationpb.New(r.RetryAfter)}
		if detailed, err := told.WithDetails(retry); err == nil {
			told = detailed
		}
	}
	return told.Err()
}

func code(reason middleware.Reason) codes.Code {
	switch reason {
	case middleware.ReasonSuspended:
		return codes.PermissionDenied
	case middleware.ReasonLimited:
		return codes.ResourceExhausted
	case middleware.ReasonUnavailable:
		return codes.Unavailable
	default:
		return codes.NotFound
	}
}
