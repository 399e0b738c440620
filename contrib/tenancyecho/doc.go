// Package tenancyecho runs the tenant handler of package middleware inside of an
// echo application:
//
//	tenants, err := middleware.New(store, middleware.Header(middleware.HeaderName), middleware.Config{})
//	...
//	orders := e.Group("/orders", tenancyecho.Middleware(tenants))
//	orders.GET("/:id", func(c echo.Context) error {
//		order, err := client.Order.Get(c.Request().Context(), c.Param("id")) // this tenant's only
//		...
//	})
//
// The context of c.Request() has the tenant. Work that goes on when the request
// is over gets tenancy.Detach of it.
//
// # Tenants in paths
//
// echo chooses the route by the path as it came, and a middleware cannot change
// that. A resolver that takes the tenant out of the path comes before echo,
// which is a handler of net/http like any other:
//
//	http.ListenAndServe(addr, tenants(e))
package tenancyecho
