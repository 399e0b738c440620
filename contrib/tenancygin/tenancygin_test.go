package tenancygin_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/gin-gonic/gin"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancygin"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	middlewaretest.Run(t, func(tb testing.TB, s middlewaretest.Setup) string {
		tb.Helper()
		tenants, err := middleware.New(s.Lookup, s.Resolver, s.Config)
		if err != nil {
			tb.Fatal(err)
		}
		engine := newEngine()
		engine.Use(outermost(s.App), applicationErrors, tenancygin.Middleware(tenants))
		routes(engine, s.App)
		server := httptest.NewServer(engine)
		tb.Cleanup(server.Close)
		return server.URL
	})
}

func newEngine() *gin.Engine {
	gin.SetMode(gin.TestMode)
	return gin.New()
}

// outermost is around the tenant handler.
func outermost(app *middlewaretest.App) gin.HandlerFunc {
	return func(c *gin.Context) {
		defer func() {
			if v := recover(); v != nil {
				app.Recovered(v)
				c.AbortWithStatus(http.StatusInternalServerError)
			}
			app.Outside(c.Request.Context())
		}()
		c.Next()
	}
}

// applicationErrors answers what handlers have added to c.Errors.
func applicationErrors(c *gin.Context) {
	c.Next()
	if err := c.Errors.Last(); err != nil {
		c.String(middlewaretest.StatusApp, err.Error())
	}
}

// routes is the application.
func routes(engine *gin.Engine, app *middlewaretest.App) {
	for _, path := range []string{"/tenant", "/health", "/health/live", "/healthcare"} {
		engine.GET(path, func(c *gin.Context) {
			c.Writer.Header().Add("Vary", "Accept-Language")
			c.String(http.StatusOK, app.Tenant(c.Request.Context()))
		})
	}
	engine.GET("/error", func(c *gin.Context) { _ = c.Error(middlewaretest.ErrApp) })
	engine.GET("/panic", func(*gin.Context) { app.Panic() })
	engine.GET("/stream", func(c *gin.Context) {
		c.Header("Content-Type", "text/event-stream")
		app.Stream(c.Request.Context(), c.Writer, http.NewResponseController(c.Writer).Flush)
	})
}

// A gin.Context is a context with the tenant only where gin is told so, and
// otherwise one without.
func TestGinContextAsContext(t *testing.T) {
	t.Parallel()
	tenants, err := middleware.New(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, fallback := range []bool{true, false} {
		engine := newEngine()
		engine.ContextWithFallback = fallback
		engine.GET("/", tenancygin.Middleware(tenants), func(c *gin.Context) {
			if tenant, err := tenancy.FromContext(c); (err == nil) != fallback {
				t.Errorf("fallback %v: got %v, %v", fallback, tenant, err)
			}
			if tenant, err := tenancy.FromContext(c.Copy().Request.Context()); err != nil || tenant.Identifier != "acme" {
				t.Errorf("fallback %v: a copy has %v, %v", fallback, tenant, err)
			}
		})
		w := httptest.NewRecorder()
		r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/", nil)
		r.Header.Set(middleware.HeaderName, "acme")
		if engine.ServeHTTP(w, r); w.Code != http.StatusOK {
			t.Errorf("fallback %v: got %d", fallback, w.Code)
		}
	}
}

// A refused request is refused, whatever comes after the middleware.
func TestRefusedIsAborted(t *testing.T) {
	t.Parallel()
	tenants, err := middleware.New(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		engine := newEngine()
		engine.Use(func(c *gin.Context) {
			c.Next()
			if !c.IsAborted() || !c.Writer.Written() || c.Writer.Status() != http.StatusNotFound {
				t.Errorf("aborted %v, written %v, status %d", c.IsAborted(), c.Writer.Written(), c.Writer.Status())
			}
		}, tenancygin.Middleware(tenants), func(*gin.Context) { t.Error("the handler ran") })
		engine.Handle(method, "/")
		for _, path := range []string{"/", "/nowhere"} {
			engine.ServeHTTP(httptest.NewRecorder(), httptest.NewRequestWithContext(t.Context(), method, path, nil))
		}
	}
}

// A resolver that takes the tenant out of the path goes around the engine.
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
	engine := newEngine()
	engine.GET("/orders/:id", func(c *gin.Context) {
		tenant, err := tenancy.FromContext(c.Request.Context())
		c.String(http.StatusOK, "%s %s %v", tenant.Name, c.Param("id"), err)
	})
	for path, want := range map[string]int{"/t/acme/orders/7": http.StatusOK, "/t/globex/orders/7": http.StatusNotFound} {
		w := httptest.NewRecorder()
		tenants(engine).ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodGet, path, nil))
		if w.Code != want || want == http.StatusOK && w.Body.String() != "Acme Inc. 7 <nil>" {
			t.Errorf("%s: got %d %s", path, w.Code, w.Body)
		}
	}
}
