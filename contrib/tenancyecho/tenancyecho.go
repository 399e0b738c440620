package tenancyecho

import (
	"net/http"

	"github.com/labstack/echo/v4"
)

// Middleware returns the tenant handler that middleware.New has made as an echo
// middleware. What is inside of it runs for an active tenant, with the tenant in
// the context of c.Request(), or for a request that the tenant handler excludes.
// Every other request is answered as the tenant handler does it, and is no error
// to echo.
//
// What is inside keeps its errors, which echo's HTTPErrorHandler gets as they
// are, its panics and its response. When it is done, c.Request() is again what it
// was, so that middlewares around this one, and the HTTPErrorHandler, see no
// tenant. It is safe for concurrent use.
func Middleware(tenants func(http.Handler) http.Handler) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			outer := c.Request()
			defer c.SetRequest(outer) // c is used for other requests later
			var failed error
			tenants(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				c.SetRequest(r)
				failed = next(c)
			})).ServeHTTP(c.Response(), outer)
			return failed
		}
	}
}
