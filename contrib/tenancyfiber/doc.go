// Package tenancyfiber finds the tenant of each request to a fiber application,
// by the gate of package middleware:
//
//	gate, err := middleware.NewGate(store, middleware.Header(middleware.HeaderName), middleware.Config{})
//	...
//	app.Use("/*", tenancyfiber.Middleware(gate))
//	app.Get("/orders/:id", func(c fiber.Ctx) error {
//		order, err := client.Order.Get(c.Context(), c.Params("id")) // this tenant's only
//		...
//	})
//
// # Before every route
//
// Say "/*" to app.Use. Without it, a middleware runs for targets that begin with
// a slash only (fiber v3.1.0), while the routes "/*" and "*" match all others
// too, such as that of "GET * HTTP/1.1": they are served without the gate then.
// For part of an application, give the gate to a group whose prefix is a whole
// segment, and have no route of another group match what is below it:
//
//	orders := app.Group("/orders", tenancyfiber.Middleware(gate))
//
// # Which context has the tenant
//
// That of c.Context(). A fiber.Ctx that is given as a context.Context has none,
// and all that needs one fails with tenancy.ErrNoTenant. What is written by
// c.SendStreamWriter runs when the handler has returned, and c with it is
// another request's by then: take the context before.
//
//	ctx := c.Context()
//	return c.SendStreamWriter(func(w *bufio.Writer) { ... ctx ... })
//
// fasthttp does not say when a client has gone: the context is not cancelled by
// it. The tenant in the context, the principal and what the gate has looked up
// share no memory with the request, and stay what they are when it is over.
//
// # Tenants in paths
//
// Routes say where the tenant is, since fiber goes by the path as it came, and
// the gate's resolver says so once more:
//
//	gate, err := middleware.NewGate(store, middleware.Path("/t"), cfg)
//	app.Group("/t/:tenant", tenancyfiber.Middleware(gate)).Get("/orders", listOrders)
package tenancyfiber
