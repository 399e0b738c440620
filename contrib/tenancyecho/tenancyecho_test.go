package tenancyecho_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/labstack/echo/v4"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyecho"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
		tb.Helper()
		e := echo.New()
		e.HTTPErrorHandler = applicationErrors(e)
		e.Use(outermost(s.App), tenantsOf(tb, s))
		routes(e, s.App)
		server := httptest.NewServer(e)
		tb.Cleanup(server.Close)
		return server.URL
	})
}

// The same before echo has chosen a route.
func TestConformanceBeforeRouting(t *testing.T) {
	t.Parallel()
	middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
		tb.Helper()
		e := echo.New()
		e.HTTPErrorHandler = applicationErrors(e)
		e.Pre(outermost(s.App), tenantsOf(tb, s))
		routes(e, s.App)
		server := httptest.NewServer(e)
		tb.Cleanup(server.Close)
		return server.URL
	})
}

func tenantsOf(tb testing.TB, s middlewaretest.Setup) echo.MiddlewareFunc {
	tb.Helper()
	tenants, err := middleware.New(s.Lookup, s.Resolver, s.Config)
	if err != nil {
		tb.Fatal(err)
	}
	return tenancyecho.Middleware(tenants)
}

// applicationErrors knows the application's error by its identity.
func applicationErrors(e *echo.Echo) echo.HTTPErrorHandler {
	return func(err error, c echo.Context) {
		if errors.Is(err, middlewaretest.ErrApp) {
			_ = c.String(middlewaretest.StatusApp, err.Error())
			return
		}
		e.DefaultHTTPErrorHandler(err, c)
	}
}

// outermost is around the tenant handler.
func outermost(app *middlewaretest.App) echo.MiddlewareFunc {
	return func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			defer func() {
				if v := recover(); v != nil {
					app.Recovered(v)
					_ = c.NoContent(http.StatusInternalServerError)
				}
				app.Outside(c.Request().Context())
			}()
			return next(c)
		}
	}
}

// routes is the application.
func routes(e *echo.Echo, app *middlewaretest.App) {
	for _, path := range []string{"/tenant", "/health", "/health/live", "/healthcare"} {
		e.GET(path, func(c echo.Context) error {
			c.Response().Header().Add("Vary", "Accept-Language")
			return c.String(http.StatusOK, app.Tenant(c.Request().Context()))
		})
	}
	e.GET("/error", func(echo.Context) error { return middlewaretest.ErrApp })
	e.GET("/panic", func(echo.Context) error {
		app.Panic()
		return nil
	})
	e.GET("/stream", func(c echo.Context) error {
		c.Response().Header().Set("Content-Type", "text/event-stream")
		app.Stream(c.Request().Context(), c.Response(), http.NewResponseController(c.Response()).Flush)
		return nil
	})
}

// A resolver that takes the tenant out of the path goes around the application.
func TestTenantInPath(t *testing.T) {
	t.Parallel()
	byPath := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		identifier, rest, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/t/"), "/")
		return middleware.Resolution{Identifier: identifier, Path: "/" + rest}, nil
	})
	tenants, err := middleware.New(oneTenant{}, byPath, middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	e := echo.New()
	e.GET("/orders/:id", func(c echo.Context) error {
		tenant, err := tenancy.FromContext(c.Request().Context())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, tenant.Name+" "+c.Param("id"))
	})
	for path, want := range map[string]int{"/t/acme/orders/7": http.StatusOK, "/t/globex/orders/7": http.StatusNotFound} {
		w := httptest.NewRecorder()
		tenants(e).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want || want == http.StatusOK && w.Body.String() != "Acme Inc. 7" {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}
