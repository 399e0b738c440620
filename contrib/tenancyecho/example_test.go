package tenancyecho_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/labstack/echo/v4"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyecho"
	"github.com/entenancy/tenancy/middleware"
)

// oneTenant is a registry for the examples. An application has a registry.Store.
type oneTenant struct{}

func (oneTenant) ByIdentifier(_ context.Context, identifier string) (tenancy.Tenant, error) {
	if identifier != "acme" {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return tenancy.Tenant{ID: "42", Identifier: "acme", Name: "Acme Inc.", Status: tenancy.StatusActive}, nil
}

func (t oneTenant) ByID(ctx context.Context, id tenancy.ID) (tenancy.Tenant, error) {
	if id != "42" {
		return tenancy.Tenant{}, tenancy.ErrNotFound
	}
	return t.ByIdentifier(ctx, "acme")
}

func ExampleMiddleware() {
	tenants, err := middleware.New(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	e := echo.New()
	e.GET("/orders", func(c echo.Context) error {
		tenant, err := tenancy.FromContext(c.Request().Context())
		if err != nil {
			return err
		}
		return c.String(http.StatusOK, "orders of "+tenant.Name)
	}, tenancyecho.Middleware(tenants))

	for _, identifier := range []string{"acme", "globex"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		r.Header.Set(middleware.HeaderName, identifier)
		w := httptest.NewRecorder()
		e.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 orders of Acme Inc.
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
}
