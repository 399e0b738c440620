package tenancyconnect_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyconnect"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		call style
		opts []connect.ClientOption
	}{
		"connect unary":    {unary, nil},
		"connect streamed": {streamed, nil},
		"gRPC unary":       {unary, []connect.ClientOption{connect.WithGRPC()}},
		"gRPC-Web":         {streamed, []connect.ClientOption{connect.WithGRPCWeb()}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			middlewaretest.RunRPC(t, func(tb testing.TB, s middlewaretest.Setup) middlewaretest.Call {
				tb.Helper()
				gate, err := middleware.NewGate(s.Lookup, s.Resolver, s.Config)
				if err != nil {
					tb.Fatal(err)
				}
				services := map[string]orders{middlewaretest.Procedure: application(s.App), middlewaretest.OpenProcedure: application(s.App)}
				server := serve(tb, services, connect.WithInterceptors(outermost{s.App}, tenancyconnect.NewServerInterceptor(gate)))
				return caller(server, test.call, test.opts...)
			})
		})
	}
}

// outermost is around the interceptor under test.
type outermost struct{ app *middlewaretest.App }

func (o outermost) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		defer o.app.Outside(ctx)
		return next(ctx, req)
	}
}

func (o outermost) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (o outermost) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		defer o.app.Outside(ctx)
		return next(ctx, conn)
	}
}

// Caches keep responses of GET calls: those say what they depend on.
func TestVary(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, map[string]orders{middlewaretest.Procedure: whoAmI}, connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate)))
	for _, identifier := range []string{"acme", "globex"} {
		req := connect.NewRequest(wrapperspb.String(""))
		req.Header().Set(middleware.HeaderName, identifier)
		_, s, err := unary(t.Context(), server, middlewaretest.Procedure, req, connect.WithHTTPGet())
		var told *connect.Error
		if errors.As(err, &told) {
			s.header = told.Meta()
			if s.header.Get("Cache-Control") != "no-store" {
				t.Errorf("%s: Cache-Control is %q", identifier, s.header.Get("Cache-Control"))
			}
		}
		if got := strings.Join(s.header.Values("Vary"), ","); !strings.Contains(strings.ToLower(got), "x-tenant-id") {
			t.Errorf("%s: Vary is %q", identifier, got)
		}
	}
}

func whoAmI(ctx context.Context, _ string) (string, error) {
	tenant, err := tenancy.FromContext(ctx)
	return tenant.Name, err
}

// A client's tenant reaches the server, and nothing else that was to be sent in its place.
func TestClient(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	called := 0
	server := serve(t, map[string]orders{middlewaretest.Procedure: func(ctx context.Context, text string) (string, error) {
		called++
		return whoAmI(ctx, text)
	}}, connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate)))
	client := connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName))
	acme, _ := oneTenant{}.ByIdentifier(t.Context(), "acme")
	for name, call := range map[string]style{"unary": unary, "streamed": streamed} {
		req := func() *connect.Request[text] {
			req := connect.NewRequest(wrapperspb.String(""))
			req.Header().Set(middleware.HeaderName, "globex")
			return req
		}
		got, _, err := call(tenancy.NewContext(t.Context(), acme), server, middlewaretest.Procedure, req(), client)
		if err != nil || got != "Acme Inc." {
			t.Errorf("%s: got %q, %v", name, got, err)
		}
		before := called
		for want, ctx := range map[error]context.Context{
			tenancy.ErrNoTenant:          t.Context(),
			tenancy.ErrNoReason:          tenancy.System(t.Context(), ""),
			tenancy.ErrInvalidIdentifier: tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "1"}),
		} {
			_, _, err := call(ctx, server, middlewaretest.Procedure, req(), client)
			if !errors.Is(err, want) || connect.CodeOf(err) != connect.CodeFailedPrecondition {
				t.Errorf("%s: got %v, want %v", name, err, want)
			}
		}
		if called != before {
			t.Errorf("%s: a call without a tenant was made", name)
		}
	}
}

// One client's stream may be closed without a message: its headers are right even so.
func TestClientStreamWithoutMessage(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const procedure = "/middlewaretest.Orders/Put"
	mux := http.NewServeMux()
	mux.Handle(procedure, connect.NewClientStreamHandler(procedure,
		func(ctx context.Context, _ *connect.ClientStream[text]) (*connect.Response[text], error) {
			out, err := whoAmI(ctx, "")
			return connect.NewResponse(wrapperspb.String(out)), err
		}, connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate))))
	server := start(t, mux)
	client := connect.NewClient[text, text](server.Client(), server.URL+procedure,
		connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName)))

	acme, _ := oneTenant{}.ByIdentifier(t.Context(), "acme")
	stream := client.CallClientStream(tenancy.NewContext(t.Context(), acme))
	stream.RequestHeader().Set(middleware.HeaderName, "globex")
	if got, err := stream.CloseAndReceive(); err != nil || got.Msg.GetValue() != "Acme Inc." {
		t.Errorf("got %v, %v", got, err)
	}
	if _, err := client.CallClientStream(t.Context()).CloseAndReceive(); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("without a tenant: %v", err)
	}
}
