// Package tenancyconnect carries tenants through connect: a server finds the
// tenant of each call by the gate of package middleware, and a client sends its own.
//
//	gate, err := middleware.NewGate(store, middleware.Header(middleware.HeaderName), middleware.Config{})
//	...
//	mux.Handle(ordersv1connect.NewOrdersHandler(&orders{},
//		connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate))))
//
// The procedures get the tenant in their context, and so do the interceptors
// that come after.
//
//	client := ordersv1connect.NewOrdersClient(http.DefaultClient, url,
//		connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName)))
//
// # What the gate sees
//
// What connect shows of a call to an interceptor, in all of its protocols: the
// method, the procedure as the path, which is what Config.Excluded goes by, the
// headers and the peer's address. Not the host: for resolvers by host, put the
// gate's own Handler around connect's, whose refusals are then problem documents.
//
// # What a refused client is told
//
//	CodeNotFound           there is no tenant that the call could be for: for all
//	                       strangers the same, as in package middleware
//	CodePermissionDenied   the tenant is suspended; only a member is told so
//	CodeResourceExhausted  the call is one too many, with a RetryInfo
//	CodeUnavailable        nobody could say
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
//	req.Header().Set(middleware.HeaderName, tenant.Identifier)
//
// # A name is no proof
//
// The header says which tenant a call is for. That the caller may act for it is
// for Config.Authorize to say, about a caller that an interceptor or handler
// before this one has authenticated.
package tenancyconnect
