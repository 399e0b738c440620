package tenancyconnect

import (
	"context"
	"fmt"
	"net/http"

	"connectrpc.com/connect"

	"github.com/entenancy/tenancy"
)

// NewClientInterceptor returns an interceptor that sends the identifier of the
// tenant in a call's context as the given header, and no other value in it. A
// call without a tenant in its context, or in a System scope, is not made: it
// fails with CodeFailedPrecondition and what [tenancy.FromContext] returns. Calls
// that are for no tenant need a client without it. It is safe for concurrent
// use, and does nothing in a server.
func NewClientInterceptor(header string) connect.Interceptor { return &client{header: header} }

type client struct{ header string }

// WrapUnary implements [connect.Interceptor].
func (c *client) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if !req.Spec().IsClient {
			return next(ctx, req)
		}
		identifier, err := identifier(ctx)
		if err != nil {
			return nil, err
		}
		req.Header().Set(c.header, identifier)
		return next(ctx, req)
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (c *client) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		identifier, err := identifier(ctx)
		if err != nil {
			return &notMade{spec: spec, header: http.Header{}, err: err}
		}
		conn := next(ctx, spec)
		conn.RequestHeader().Set(c.header, identifier)
		return &named{StreamingClientConn: conn, client: c, identifier: identifier}
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (*client) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// identifier returns that of the tenant in ctx.
func identifier(ctx context.Context) (string, error) {
	tenant, err := tenancy.FromContext(ctx)
	if err == nil {
		err = tenancy.ValidateIdentifier(tenant.Identifier)
	}
	if err != nil {
		return "", connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("tenancyconnect: the call is not made: %w", err))
	}
	return tenant.Identifier, nil
}
