package middleware_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"github.com/entenancy/tenancy"
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

func ExampleNew() {
	tenants, err := middleware.New(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	orders := tenants(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, err := tenancy.FromContext(r.Context())
		_, _ = fmt.Fprint(w, "orders of ", tenant.Name, " ", err)
	}))

	for _, identifier := range []string{"acme", "globex", "Acme"} {
		r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/orders", nil)
		r.Header.Set(middleware.HeaderName, identifier)
		w := httptest.NewRecorder()
		orders.ServeHTTP(w, r)
		fmt.Println(w.Code, w.Body)
	}
	// Output:
	// 200 orders of Acme Inc. <nil>
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
	// 404 {"type":"about:blank","title":"Not Found","status":404,"detail":"tenant not found"}
}

func ExampleHeader() {
	byHeader := middleware.Header("X-Account")
	r := httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/", nil)
	r.Header.Set("X-Account", "acme")
	resolution, err := byHeader.Resolve(r)
	fmt.Println(resolution.Identifier, err)

	r.Header.Add("X-Account", "globex")
	_, err = byHeader.Resolve(r)
	fmt.Println(err)

	_, err = middleware.New(oneTenant{}, middleware.Header("X Account"), middleware.Config{})
	fmt.Println(err)
	// Output:
	// acme <nil>
	// tenancy: invalid tenant identifier: the header was sent with different values
	// middleware: Header: name: not a header's name
}

// A router that takes paths apart has done what a resolver needs.
func ExampleResolverFunc() {
	byPathValue := middleware.ResolverFunc(func(r *http.Request) (middleware.Resolution, error) {
		return middleware.Resolution{Identifier: r.PathValue("tenant")}, nil
	})
	tenants, err := middleware.New(oneTenant{}, byPathValue, middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{tenant}/orders", tenants(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tenant, err := tenancy.FromContext(r.Context())
		_, _ = fmt.Fprint(w, "orders of ", tenant.Name, " ", err)
	})))

	w := httptest.NewRecorder()
	mux.ServeHTTP(w, httptest.NewRequestWithContext(context.Background(), http.MethodGet, "/acme/orders", nil))
	fmt.Println(w.Code, w.Body)
	// Output:
	// 200 orders of Acme Inc. <nil>
}
