package tenancygrpc_test

import (
	"context"
	"fmt"
	"log"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancygrpc"
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

func newGate() *middleware.Gate {
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(tenancygrpc.MetadataKey), middleware.Config{
		Excluded: []string{"/grpc.health.v1.Health/"},
	})
	if err != nil {
		log.Fatal(err)
	}
	return gate
}

func ExampleUnaryServerInterceptor() {
	gate := newGate()
	server := grpc.NewServer(
		grpc.ChainUnaryInterceptor(tenancygrpc.UnaryServerInterceptor(gate)),
		grpc.ChainStreamInterceptor(tenancygrpc.StreamServerInterceptor(gate)),
	)
	healthpb.RegisterHealthServer(server, health.NewServer()) // is served without a tenant
	fmt.Println(len(server.GetServiceInfo()))
	// Output: 1
}

func ExampleStreamServerInterceptor() {
	server := grpc.NewServer(grpc.ChainStreamInterceptor(tenancygrpc.StreamServerInterceptor(newGate())))
	defer server.Stop()
}

func ExampleUnaryClientInterceptor() {
	conn, err := grpc.NewClient("localhost:50051", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainUnaryInterceptor(tenancygrpc.UnaryClientInterceptor(tenancygrpc.MetadataKey)))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close() }()

	// The context has no tenant, so the call is not made.
	_, err = healthpb.NewHealthClient(conn).Check(context.Background(), &healthpb.HealthCheckRequest{})
	fmt.Println(err)
	// Output: tenancygrpc: the call is not made: tenancy: no tenant in context: use tenancy.NewContext, or tenancy.System with a reason
}

func ExampleStreamClientInterceptor() {
	conn, err := grpc.NewClient("localhost:50051", grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithChainStreamInterceptor(tenancygrpc.StreamClientInterceptor(tenancygrpc.MetadataKey)))
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
}
