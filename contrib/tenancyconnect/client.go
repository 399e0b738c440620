package tenancyconnect

import (
	"context"
	"fmt"
	"net/http"
	"net/url"

	"connectrpc.com/connect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// NewClientInterceptor returns an interceptor that sends the identifier of the
// tenant in a call's context as the given header, and no other value in it.
// Beside it goes the tenant's id, as [middleware.UIDHeaderName]: if the identifier
// has become another tenant's, a gate that reads it with [middleware.Header]
// refuses the call. A call without a tenant in its context, or in a System scope, is not made: it
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
		tenant, err := tenantOf(ctx)
		if err != nil {
			return nil, err
		}
		c.name(req.Header(), tenant)
		return next(ctx, req)
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (c *client) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return func(ctx context.Context, spec connect.Spec) connect.StreamingClientConn {
		tenant, err := tenantOf(ctx)
		if err != nil {
			return &notMade{spec: spec, header: http.Header{}, err: err}
		}
		conn := next(ctx, spec)
		c.name(conn.RequestHeader(), tenant)
		return &named{StreamingClientConn: conn, client: c, tenant: tenant}
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (*client) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return next
}

// name says in a call's headers whom it is for.
func (c *client) name(h http.Header, tenant tenancy.Tenant) {
	h.Set(middleware.UIDHeaderName, url.PathEscape(string(tenant.ID)))
	h.Set(c.header, tenant.Identifier)
}

// tenantOf returns the tenant in ctx, which has an identifier.
func tenantOf(ctx context.Context) (tenancy.Tenant, error) {
	tenant, err := tenancy.FromContext(ctx)
	if err == nil {
		err = tenancy.ValidateIdentifier(tenant.Identifier)
	}
	if err != nil {
		return tenancy.Tenant{}, connect.NewError(connect.CodeFailedPrecondition, fmt.Errorf("tenancyconnect: the call is not made: %w", err))
	}
	return tenant, nil
}
