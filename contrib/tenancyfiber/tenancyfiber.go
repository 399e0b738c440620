package tenancyfiber

import (
	"net/http"

	"github.com/gofiber/fiber/v3"

	"github.com/entenancy/tenancy/middleware"
)

// Middleware returns a fiber middleware that lets the handlers after it run for
// an active tenant, with the tenant in c.Context(), or for a request that the
// gate excludes. Every other request is answered as the gate's own handler in
// net/http does it, and is no error to fiber. A request whose target, Host or
// field names net/http would refuse is [fiber.ErrBadRequest]. The package comment
// says how to put it before every route.
//
// Trailers are no headers to the gate, as in net/http: of a request whose body
// comes in chunks it sees the headers that were sent before the body. Nor does it
// see headers then that a middleware before this one has put in, except for
// cookies; one that has authenticated the caller says so in c.Context().
//
// What the handlers do is theirs: their errors, which fiber's ErrorHandler gets
// as they are, and their panics. When they are done c.Context() is again what it
// was, so that middlewares around this one, and the ErrorHandler, see no tenant.
// It is safe for concurrent use. The gate must not be nil.
func Middleware(gate *middleware.Gate) fiber.Handler {
	return func(c fiber.Ctx) error {
		r, err := request(c)
		if err != nil {
			return fiber.ErrBadRequest
		}
		a := gate.Admit(r)
		addHeader(c, a.Header())
		if a.Refusal != nil {
			return c.Status(a.Refusal.Problem().Status).Send(a.Refusal.Body())
		}
		defer c.SetContext(r.Context())
		c.SetContext(a.Request.Context())
		return c.Next()
	}
}

// addHeader adds to what is there of Vary, and replaces the rest.
func addHeader(c fiber.Ctx, h http.Header) {
	for name, values := range h {
		if name == fiber.HeaderVary {
			c.Vary(values...)
			continue
		}
		for _, value := range values {
			c.Set(name, value)
		}
	}
}
