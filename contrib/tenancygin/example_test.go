package tenancygin_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gin-gonic/gin"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancygin"
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
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.GET("/orders", tenancygin.Middleware(tenants), func(c *gin.Context) {
		tenant, err := tenancy.FromContext(c.Request.Context())
		if err != nil {
			_ = c.AbortWithError(http.StatusInternalServerError, err)
			return
		}
		c.String(http.StatusOK, "orders of "+tenant.Name)
	})

	for _, identifier := range []string{"acme", "globex"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		r.Header.Set(middleware.HeaderName, identifier)
		w := httptest.NewRecorder()
		engine.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 orders of Acme Inc.
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
}
