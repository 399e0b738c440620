// Package tenancygin runs the tenant handler of package middleware inside of a
// gin engine:
//
//	tenants, err := middleware.New(store, middleware.Header(middleware.HeaderName), middleware.Config{})
//	...
//	orders := engine.Group("/orders", tenancygin.Middleware(tenants))
//	orders.GET("/:id", func(c *gin.Context) {
//		order, err := client.Order.Get(c.Request.Context(), c.Param("id")) // this tenant's only
//		...
//	})
//
// # Which context has the tenant
//
// That of c.Request. A gin.Context that is given as a context.Context has it
// too, if engine.ContextWithFallback is set; without, it has no tenant, and all
// that needs one fails with tenancy.ErrNoTenant. Work that goes on when the
// request is over gets tenancy.Detach(c.Request.Context()).
//
// # Tenants in paths
//
// gin has chosen the route before a middleware runs. A resolver that takes the
// tenant out of the path comes before it, around the whole engine, which is a
// handler of net/http like any other:
//
//	http.ListenAndServe(addr, tenants(engine))
package tenancygin
