package tenancyfiber_test

import (
	"bufio"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gofiber/fiber/v3"
	"github.com/gofiber/fiber/v3/middleware/adaptor"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyfiber"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
		tb.Helper()
		gate, err := middleware.NewGate(s.Lookup, s.Resolver, s.Config)
		if err != nil {
			tb.Fatal(err)
		}
		app := fiber.New(fiber.Config{ErrorHandler: applicationErrors})
		app.Use("/*", outermost(s.App), tenancyfiber.Middleware(gate))
		routes(app, s.App)
		return listen(tb, app)
	})
}

// listen serves the application until the test is over.
func listen(tb testing.TB, app *fiber.App) string {
	tb.Helper()
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- app.Listener(listener, fiber.ListenConfig{DisableStartupMessage: true}) }()
	tb.Cleanup(func() {
		if err := errors.Join(app.Shutdown(), <-ended); err != nil {
			tb.Error(err)
		}
	})
	return "http://" + listener.Addr().String()
}

func applicationErrors(c fiber.Ctx, err error) error {
	if errors.Is(err, middlewaretest.ErrApp) {
		return c.Status(middlewaretest.StatusApp).SendString(err.Error())
	}
	return fiber.DefaultErrorHandler(c, err)
}

// outermost is around the tenant handler.
func outermost(app *middlewaretest.App) fiber.Handler {
	return func(c fiber.Ctx) (err error) {
		defer func() {
			if v := recover(); v != nil {
				app.Recovered(v)
				err = fiber.ErrInternalServerError
			}
			app.Outside(c.Context())
		}()
		return c.Next()
	}
}

// routes is the application.
func routes(to *fiber.App, app *middlewaretest.App) {
	for _, path := range []string{"/tenant", "/health", "/health/live", "/healthcare"} {
		to.Get(path, func(c fiber.Ctx) error {
			c.Vary("Accept-Language")
			return c.SendString(app.Tenant(c.Context()))
		})
	}
	to.Get("/error", func(fiber.Ctx) error { return middlewaretest.ErrApp })
	to.Get("/panic", func(fiber.Ctx) error {
		app.Panic()
		return nil
	})
	to.Get("/stream", func(c fiber.Ctx) error {
		c.Set("Content-Type", "text/event-stream")
		ctx := c.Context() // c is another request's when the lines are written
		return c.SendStreamWriter(func(w *bufio.Writer) { app.Stream(ctx, w, w.Flush) })
	})
}

// What net/http refuses to understand, because two readers may understand it
// differently, is refused here too, and what it takes names the same host.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	byHost := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		identifier, _, _ := strings.Cut(r.Host, ".")
		return middleware.Resolution{Identifier: identifier}, nil
	})
	gate, err := middleware.NewGate(oneTenant{}, byHost, middleware.Config{Excluded: []string{"/health"}})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.Use("/*", tenancyfiber.Middleware(gate))
	app.All("/*", func(c fiber.Ctx) error {
		tenant, err := tenancy.FromContext(c.Context())
		return c.SendString(fmt.Sprint(tenant.Identifier, " ", err))
	})
	address := strings.TrimPrefix(listen(t, app), "http://")
	for request, want := range map[string]int{
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":                                   http.StatusOK,
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost: acme.example.com\r\n\r\n":         http.StatusBadRequest,
		"GET / HTTP/1.1\r\nhost: globex.example.com\r\nHOST: acme.example.com\r\n\r\n":       http.StatusBadRequest,
		"GET http://acme.example.com/ HTTP/1.1\r\nHost: globex.example.com\r\n\r\n":          http.StatusOK,
		"GET http://globex.example.com/ HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":          http.StatusNotFound,
		"GET /%zz HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":                                http.StatusBadRequest,
		"GET /HEALTH HTTP/1.1\r\nHost: globex.example.com\r\n\r\n":                           http.StatusNotFound,
		"GET //health HTTP/1.1\r\nHost: globex.example.com\r\n\r\n":                          http.StatusNotFound,
		"GET / HTTP/1.1\r\nHost: globex.example.com\r\nX-Forwarded-Host: acme.e.com\r\n\r\n": http.StatusNotFound,

		"GET * HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":       http.StatusOK,
		"GET * HTTP/1.1\r\nHost: globex.example.com\r\n\r\n":     http.StatusNotFound,
		"OPTIONS * HTTP/1.1\r\nHost: globex.example.com\r\n\r\n": http.StatusNotFound,
		"GET orders HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":  http.StatusBadRequest,
		"GET ?a HTTP/1.1\r\nHost: acme.example.com\r\n\r\n":      http.StatusBadRequest,

		"GET / HTTP/1.0\r\n\r\n":                                                         http.StatusNotFound,
		"GET / HTTP/1.1\r\n\r\n":                                                         http.StatusBadRequest,
		"GET http://acme.example.com/ HTTP/1.1\r\n\r\n":                                  http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.x@example.com\r\n\r\n":                             http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.<b>\"\r\n\r\n":                                     http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\nX-Tenant-ID : globex\r\n\r\n":       http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost : globex.example.com\r\n\r\n":  http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost : acme.example.com\r\n\r\n":                              http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\nHost\t: globex.example.com\r\n\r\n": http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.example.com\r\nX: a\r\n Host: globex\r\n\r\n":      http.StatusBadRequest,
		"GET / HTTP/1.1\r\nHost: acme.example.com:443\r\nX-A: b\r\n\r\n":                 http.StatusOK,
	} {
		if got, _ := answer(t, address, request); got != want {
			t.Errorf("%q: got %d, want %d", request, got, want)
		}
	}
}

// A request that was not read from a connection has the host that it was made with.
func TestRequestsThroughTheAdaptor(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Subdomain("example.com"), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.Use("/*", tenancyfiber.Middleware(gate))
	app.Get("/", func(c fiber.Ctx) error {
		tenant, err := tenancy.FromContext(c.Context())
		return c.SendString(fmt.Sprint(tenant.Identifier, " ", err))
	})
	for host, want := range map[string]int{
		"acme.example.com": http.StatusOK, "globex.example.com": http.StatusNotFound,
		"": http.StatusBadRequest, "acme.x@example.com": http.StatusBadRequest,
	} {
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Host = host
		w := httptest.NewRecorder()
		adaptor.FiberApp(app)(w, r)
		if w.Code != want {
			t.Errorf("%q: got %d %s, want %d", host, w.Code, w.Body, want)
		}
	}
}

// A fiber.Ctx is no context with the tenant: it fails closed.
func TestFiberCtxAsContext(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	app := fiber.New()
	app.Get("/", tenancyfiber.Middleware(gate), func(c fiber.Ctx) error {
		if tenant, err := tenancy.FromContext(c); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Errorf("got %v, %v", tenant, err)
		}
		return nil
	})
	r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
	r.Header.Set(middleware.HeaderName, "acme")
	response, err := app.Test(r)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Errorf("got %v, %v", response, err)
	}
	_ = response.Body.Close()
}
