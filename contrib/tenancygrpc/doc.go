// Package tenancygrpc carries tenants through gRPC: a server finds the tenant of
// each call by the gate of package middleware, and a client sends its own.
//
//	gate, err := middleware.NewGate(store, middleware.Header(tenancygrpc.MetadataKey), middleware.Config{
//		Excluded: []string{"/grpc.health.v1.Health/"},
//	})
//	...
//	server := grpc.NewServer(
//		grpc.ChainUnaryInterceptor(tenancygrpc.UnaryServerInterceptor(gate)),
//		grpc.ChainStreamInterceptor(tenancygrpc.StreamServerInterceptor(gate)),
//	)
//
// The methods get the tenant in their context, and so do the interceptors that
// come after.
//
//	conn, err := grpc.NewClient(target,
//		grpc.WithChainUnaryInterceptor(tenancygrpc.UnaryClientInterceptor(tenancygrpc.MetadataKey)),
//		grpc.WithChainStreamInterceptor(tenancygrpc.StreamClientInterceptor(tenancygrpc.MetadataKey)),
//	)
//
// # What the gate sees
//
// A call as the HTTP/2 request that it is: a POST whose path is the method's
// full name, which is what Config.Excluded goes by; the metadata as headers; the
// authority as the host; and the peer's address and TLS state.
//
// # What a refused client is told
//
//	NotFound           there is no tenant that the call could be for: for all
//	                   strangers the same, as in package middleware
//	PermissionDenied   the tenant is suspended; only a member is told so
//	ResourceExhausted  the call is one too many, with a RetryInfo
//	Unavailable        nobody could say
//
// # A name can change hands
//
// An identifier is free once its tenant is renamed or erased. A client may not
// know yet, such as one whose context or stream began before; so it sends the
// tenant's id beside the identifier, and the gate refuses the call if the
// identifier has become another tenant's. Clients that send no id are served as
// the tenant that has the identifier now.
//
// Client and server need tenants of the same ids for that, as those of one
// registry: where each has a registry of its own, every call is refused as one
// that is for no tenant. A client there sends the identifier alone, by an
// interceptor of its own:
//
//	tenant, err := tenancy.FromContext(ctx)
//	...
//	ctx = metadata.AppendToOutgoingContext(ctx, tenancygrpc.MetadataKey, tenant.Identifier)
//
// # A name is no proof
//
// The metadata says which tenant a call is for. That the caller may act for it
// is for Config.Authorize to say, about a caller that an interceptor before this
// one has authenticated, or a client certificate.
package tenancygrpc
