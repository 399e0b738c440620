package tenancyfiber_test

import (
	"context"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/gofiber/fiber/v3"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyfiber"
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
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	app := fiber.New()
	app.Use("/*", tenancyfiber.Middleware(gate))
	app.Get("/orders", func(c fiber.Ctx) error {
		tenant, err := tenancy.FromContext(c.Context())
		if err != nil {
			return err
		}
		return c.SendString("orders of " + tenant.Name)
	})

	for _, identifier := range []string{"acme", "globex"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		r.Header.Set(middleware.HeaderName, identifier)
		response, err := app.Test(r)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		_ = response.Body.Close()
		fmt.Println(response.StatusCode, string(body))
	}
	// Output:
	// 200 orders of Acme Inc.
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
}
