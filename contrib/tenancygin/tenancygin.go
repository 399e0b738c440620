package tenancygin

import (
	"net/http"

	"github.com/gin-gonic/gin"
)

// Middleware returns the tenant handler that middleware.New has made as a gin
// middleware. The handlers after it run for an active tenant, with the tenant in
// the context of c.Request, or for a request that the tenant handler excludes.
// Every other request is answered as the tenant handler does it, and aborted.
//
// What the handlers do is theirs: c.Errors, panics, and the writer, which they
// get as it is. When they are done c.Request is again what it was, so that
// middlewares around this one see no tenant. It is safe for concurrent use.
func Middleware(tenants func(http.Handler) http.Handler) gin.HandlerFunc {
	return func(c *gin.Context) {
		outer := c.Request
		defer func() { c.Request = outer }() // c is used for other requests later
		rest := &handlers{c: c}
		tenants(rest).ServeHTTP(c.Writer, c.Request)
		if !rest.ran {
			c.Writer.WriteHeaderNow() // or gin adds a page of its own to a status without a body
			c.Abort()
		}
	}
}

// handlers are those that come after the middleware, for one request.
type handlers struct {
	c   *gin.Context
	ran bool
}

func (h *handlers) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	h.ran = true
	h.c.Request = r
	h.c.Next()
}
