package tenancygrpc_test

import (
	"context"
	"errors"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancygrpc"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]style{"unary": unary, "streamed": streamed} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			middlewaretest.RunRPC(t, func(tb testing.TB, s middlewaretest.Setup) middlewaretest.Call {
				tb.Helper()
				services := map[string]orders{middlewaretest.Procedure: application(s.App), middlewaretest.OpenProcedure: application(s.App)}
				return caller(serve(tb, services, newServer(tb, s)), call)
			})
		})
	}
}

// newServer has an interceptor around the one under test, and that one.
func newServer(tb testing.TB, s middlewaretest.Setup) *grpc.Server {
	tb.Helper()
	gate, err := middleware.NewGate(s.Lookup, s.Resolver, s.Config)
	if err != nil {
		tb.Fatal(err)
	}
	return grpc.NewServer(
		grpc.ChainUnaryInterceptor(func(ctx context.Context, req any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
			defer s.App.Outside(ctx)
			return next(ctx, req)
		}, tenancygrpc.UnaryServerInterceptor(gate)),
		grpc.ChainStreamInterceptor(func(srv any, stream grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
			defer s.App.Outside(stream.Context())
			return next(srv, stream)
		}, tenancygrpc.StreamServerInterceptor(gate)),
	)
}

// A client's tenant reaches the server, and nothing else that was to be sent in its place.
func TestClient(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(tenancygrpc.MetadataKey), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(tenancygrpc.UnaryServerInterceptor(gate)), grpc.StreamInterceptor(tenancygrpc.StreamServerInterceptor(gate)),
	)
	called := 0
	conn := serve(t, map[string]orders{middlewaretest.Procedure: func(ctx context.Context, _ string) (string, error) {
		called++
		md, _ := metadata.FromIncomingContext(ctx)
		if len(md.Get("x-other")) != 1 {
			t.Error("the call's other metadata is lost")
		}
		tenant, err := tenancy.FromContext(ctx)
		return tenant.Name, err
	}}, server,
		grpc.WithUnaryInterceptor(tenancygrpc.UnaryClientInterceptor(tenancygrpc.MetadataKey)),
		grpc.WithStreamInterceptor(tenancygrpc.StreamClientInterceptor(tenancygrpc.MetadataKey)),
	)
	acme, _ := oneTenant{}.ByIdentifier(t.Context(), "acme")
	md := metadata.Pairs("X-Tenant-ID", "globex", "x-other", "kept")
	for name, call := range map[string]style{"unary": unary, "streamed": streamed} {
		sent := metadata.NewOutgoingContext(tenancy.NewContext(t.Context(), acme), md)
		if got, _, err := call(sent, conn, middlewaretest.Procedure, ""); err != nil || got != "Acme Inc." {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		before := called
		for want, ctx := range map[error]context.Context{
			tenancy.ErrNoTenant:          metadata.NewOutgoingContext(t.Context(), md),
			tenancy.ErrNoReason:          tenancy.System(t.Context(), ""),
			tenancy.ErrInactive:          tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "1", Identifier: "acme", Status: tenancy.StatusSuspended}),
			tenancy.ErrInvalidIdentifier: tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "1"}),
		} {
			if _, _, err := call(ctx, conn, middlewaretest.Procedure, ""); !errors.Is(err, want) {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		}
		if called != before {
			t.Errorf("%s: a call without a tenant was made", name)
		}
	}
}

// anybody is a registry in which every identifier is one tenant's.
type anybody struct{ oneTenant }

func (anybody) ByIdentifier(_ context.Context, identifier string) (tenancy.Tenant, error) {
	return tenancy.Tenant{ID: "a ü/%", Identifier: identifier, Status: tenancy.StatusActive}, nil
}

// A client's tenant is known by its id as well: the one that has its identifier
// by now is not meant.
func TestClientOfATenantThatWasRenamed(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(anybody{}, middleware.Header(tenancygrpc.MetadataKey), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer(
		grpc.UnaryInterceptor(tenancygrpc.UnaryServerInterceptor(gate)), grpc.StreamInterceptor(tenancygrpc.StreamServerInterceptor(gate)),
	)
	conn := serve(t, map[string]orders{middlewaretest.Procedure: func(ctx context.Context, _ string) (string, error) {
		tenant, err := tenancy.FromContext(ctx)
		return string(tenant.ID), err
	}}, server,
		grpc.WithUnaryInterceptor(tenancygrpc.UnaryClientInterceptor(tenancygrpc.MetadataKey)),
		grpc.WithStreamInterceptor(tenancygrpc.StreamClientInterceptor(tenancygrpc.MetadataKey)),
	)
	for name, call := range map[string]style{"unary": unary, "streamed": streamed} {
		for id, want := range map[tenancy.ID]codes.Code{"a ü/%": codes.OK, "1": codes.NotFound} {
			ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id, Identifier: "acme"})
			if want == codes.OK {
				ctx = metadata.AppendToOutgoingContext(ctx, middleware.UIDHeaderName, "42") // in whose place the client's goes
			}
			if got, _, err := call(ctx, conn, middlewaretest.Procedure, ""); status.Code(err) != want || err == nil && got != string(id) {
				t.Errorf("%s: the client is for %q: got %q, %v", name, id, got, err)
			}
		}
	}
}
