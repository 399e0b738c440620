// Package middleware finds the tenant that an HTTP request is for, and lets
// handlers run for active tenants only. It is plain net/http, so it works with
// every router that is.
//
//	byHeader := middleware.Header(middleware.HeaderName)
//	tenants, err := middleware.New(store, byHeader, middleware.Config{Logger: logger})
//	...
//	mux.Handle("/orders", tenants(http.HandlerFunc(listOrders)))
//
// Below it, the tenant is in the context of the request:
//
//	func listOrders(w http.ResponseWriter, r *http.Request) {
//		orders, err := client.Order.Query().All(r.Context()) // this tenant's only
//		...
//	}
//
// What is to answer without a tenant, such as a health check or a CORS
// preflight, is mounted beside the tenant handler or around it, or named in
// Config.Excluded.
//
// # A name is no proof
//
// A resolver reads which tenant a request says it is for. Anyone can send any
// header, host, path or cookie: a name alone proves nothing. Who may act for a
// tenant is for Config.Authorize to say, which is given the caller, as the
// application's authentication or a signed token names it, and the tenant:
//
//	cfg.Principal = func(r *http.Request) any {
//		if user := session.UserOf(r); user != nil {
//			return user
//		}
//		return nil // nobody: Authorize is not asked
//	}
//	cfg.Authorize = func(ctx context.Context, user any, tenant tenancy.Tenant) error {
//		return members.Check(ctx, user.(*session.User), tenant.ID)
//	}
//
// Without it, the application has to see to it before a handler does anything.
//
// # A name can change hands
//
// A tenant that is renamed or erased gives its identifier free, and whoever takes
// it is named by all that named the tenant, signed tokens too. What goes by the
// id does not: JWTConfig.IDClaim, [Host] over the registry's domains, and a
// Resolution.ID of your own.
//
// # One answer to strangers
//
// A request that names no tenant, or names it wrongly, or names one that does
// not exist, or one that is suspended, deleted or not ready, or one that the
// caller may not act for, is answered with one and the same 404: same bytes,
// same headers, after the same single lookup. So nobody learns from an answer
// which tenants there are. A lookup that caches answers sooner for those that it
// has at hand, which a stranger can measure who asks often enough: Config.Probes
// keeps them from it. Only a caller that Authorize lets act for a
// suspended tenant is told so, with a 403. The application's log knows the
// reason, at debug level. If the lookup itself fails, the answer is a 503,
// whatever the request was. All are problem documents (RFC 9457), and none
// repeats anything of the request.
//
// # Caches
//
// A cache between client and server that knows responses by their URL alone
// would show one tenant what another was sent. So every response, the
// handler's too, has a Vary header with the request headers that the resolver
// reads (RFC 9110 §12.5.5). So it is with callers: where Config.Principal says
// who they are, Vary has the headers of Config.PrincipalVary, or a member's page
// would be a stranger's. A handler that changes Vary adds to it.
package middleware
