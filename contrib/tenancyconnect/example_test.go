package tenancyconnect_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyconnect"
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

// newOrders is a service as connect's generator makes one, with one procedure.
func newOrders() *httptest.Server {
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	const procedure = "/shop.v1.Orders/List"
	return httptest.NewServer(connect.NewUnaryHandler(procedure,
		func(ctx context.Context, _ *connect.Request[emptypb.Empty]) (*connect.Response[wrapperspb.StringValue], error) {
			tenant, err := tenancy.FromContext(ctx)
			if err != nil {
				return nil, err
			}
			return connect.NewResponse(wrapperspb.String("orders of " + tenant.Name)), nil
		},
		connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate)),
	))
}

func ExampleNewServerInterceptor() {
	server := newOrders()
	defer server.Close()

	client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](http.DefaultClient, server.URL+"/shop.v1.Orders/List")
	_, err := client.CallUnary(context.Background(), connect.NewRequest(&emptypb.Empty{}))
	fmt.Println(err)
	// Output: not_found: tenant not found
}

func ExampleNewClientInterceptor() {
	server := newOrders()
	defer server.Close()

	client := connect.NewClient[emptypb.Empty, wrapperspb.StringValue](http.DefaultClient, server.URL+"/shop.v1.Orders/List",
		connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName)))
	ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "42", Identifier: "acme"})
	response, err := client.CallUnary(ctx, connect.NewRequest(&emptypb.Empty{}))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(response.Msg.GetValue())
	// Output: orders of Acme Inc.
}
