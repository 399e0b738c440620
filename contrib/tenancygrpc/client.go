package tenancygrpc

import (
	"context"
	"fmt"
	"net/url"

	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// MetadataKey is the key that a tenant's identifier travels under, unless an
// application has another. To HTTP it is the header middleware.HeaderName.
const MetadataKey = "x-tenant-id"

// UnaryClientInterceptor sends the identifier of the tenant in a call's context
// as metadata under key, and no other value under it. Beside it goes the tenant's
// id, as middleware.UIDHeaderName: if the identifier has become another tenant's,
// a gate that reads it with middleware.Header refuses the call. A call without a tenant in
// its context, or in a System scope, is not made: it fails with what
// [tenancy.FromContext] returns. Calls that are for no tenant need a connection
// without this interceptor. It is safe for concurrent use.
func UnaryClientInterceptor(key string) grpc.UnaryClientInterceptor {
	return func(
		ctx context.Context, method string, req, reply any, conn *grpc.ClientConn, invoke grpc.UnaryInvoker, opts ...grpc.CallOption,
	) error {
		ctx, err := outgoing(ctx, key)
		if err != nil {
			return err
		}
		return invoke(ctx, method, req, reply, conn, opts...)
	}
}

// StreamClientInterceptor does for streams what UnaryClientInterceptor does for
// other calls.
func StreamClientInterceptor(key string) grpc.StreamClientInterceptor {
	return func(
		ctx context.Context, desc *grpc.StreamDesc, conn *grpc.ClientConn, method string, open grpc.Streamer, opts ...grpc.CallOption,
	) (grpc.ClientStream, error) {
		ctx, err := outgoing(ctx, key)
		if err != nil {
			return nil, err
		}
		return open(ctx, desc, conn, method, opts...)
	}
}

// outgoing returns a context whose metadata names the tenant.
func outgoing(ctx context.Context, key string) (context.Context, error) {
	tenant, err := tenancy.FromContext(ctx)
	if err == nil {
		err = tenancy.ValidateIdentifier(tenant.Identifier)
	}
	if err != nil {
		return nil, fmt.Errorf("tenancygrpc: the call is not made: %w", err)
	}
	md, ok := metadata.FromOutgoingContext(ctx)
	if !ok {
		md = metadata.MD{}
	}
	md.Set(middleware.UIDHeaderName, url.PathEscape(string(tenant.ID)))
	md.Set(key, tenant.Identifier)
	return metadata.NewOutgoingContext(ctx, md), nil
}
