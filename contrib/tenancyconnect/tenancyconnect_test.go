package tenancyconnect_test

import (
	"context"
	"errors"
	"fmt"
	"io"
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

// A procedure's error says what it depends on, like every response, and is
// otherwise the client's and the outer interceptors' as it is.
func TestVaryOfAnError(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	sentinel := connect.NewError(connect.CodeOutOfRange, errors.New("no such page"))
	sentinel.Meta().Set("X-Page", "none")
	detail, err := connect.NewErrorDetail(wrapperspb.String("the last page is 7"))
	if err != nil {
		t.Fatal(err)
	}
	sentinel.AddDetail(detail)
	notModified := connect.NewNotModifiedError(http.Header{"Etag": {`"1"`}})
	upstream := connect.NewWireError(connect.CodeAborted, errors.New("try again"))
	upstream.Meta().Set("Set-Cookie", "session=another")
	for name, test := range map[string]struct {
		err     error
		code    connect.Code
		message string
		details int
		header  map[string]string
	}{
		"a shared one":   {sentinel, connect.CodeOutOfRange, "no such page", 1, map[string]string{"X-Page": "none"}},
		"wrapped":        {fmt.Errorf("page 9: %w", sentinel), connect.CodeOutOfRange, "no such page", 1, map[string]string{"X-Page": "none"}},
		"of no code":     {io.ErrUnexpectedEOF, connect.CodeUnknown, "unexpected EOF", 0, nil},
		"cancelled":      {fmt.Errorf("db: %w", context.Canceled), connect.CodeCanceled, "db: context canceled", 0, nil},
		"late":           {context.DeadlineExceeded, connect.CodeDeadlineExceeded, "context deadline exceeded", 0, nil},
		"not modified":   {notModified, connect.CodeUnknown, "HTTP 304: not modified", 0, map[string]string{"Etag": `"1"`}},
		"of an upstream": {upstream, connect.CodeAborted, "try again", 0, map[string]string{"Set-Cookie": ""}},
	} {
		outside := &errorsSeen{}
		server := serve(t, map[string]orders{middlewaretest.Procedure: func(context.Context, string) (string, error) { return "", test.err }},
			connect.WithInterceptors(outside, tenancyconnect.NewServerInterceptor(gate)))
		req := connect.NewRequest(wrapperspb.String(""))
		req.Header().Set(middleware.HeaderName, "acme")
		_, _, err := unary(t.Context(), server, middlewaretest.Procedure, req, connect.WithHTTPGet())
		var told *connect.Error
		if !errors.As(err, &told) || told.Code() != test.code || told.Message() != test.message || len(told.Details()) != test.details {
			t.Errorf("%s: got %v", name, err)
			continue
		}
		if got := strings.ToLower(strings.Join(told.Meta().Values("Vary"), ",")); strings.Count(got, "x-tenant-id") != 1 {
			t.Errorf("%s: Vary is %q", name, got)
		}
		for header, want := range test.header {
			if got := strings.Join(told.Meta().Values(header), ","); got != want {
				t.Errorf("%s: %s is %q, want %q", name, header, got, want)
			}
		}
		if !errors.Is(outside.last, test.err) {
			t.Errorf("%s: an outer interceptor gets %v", name, outside.last)
		}
	}
	if len(sentinel.Meta()) != 1 || len(notModified.Meta()) != 1 {
		t.Errorf("the application's errors have got %v and %v", sentinel.Meta(), notModified.Meta())
	}
}

// errorsSeen is an interceptor that keeps the last error of a unary procedure.
type errorsSeen struct {
	outermost
	last error
}

func (e *errorsSeen) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		response, err := next(ctx, req)
		e.last = err
		return response, err
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

// Headers may go out before the first message. While connect reads them, which
// it does in a goroutine, nothing is written to them.
func TestStreamsWhoseHeadersGoOutFirst(t *testing.T) {
	t.Parallel()
	gate, err := middleware.NewGate(oneTenant{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	const put, talk = "/middlewaretest.Orders/Put", "/middlewaretest.Orders/Talk"
	interceptor := connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate))
	mux := http.NewServeMux()
	mux.Handle(put, connect.NewClientStreamHandler(put,
		func(ctx context.Context, stream *connect.ClientStream[text]) (*connect.Response[text], error) {
			for stream.Receive() {
				continue
			}
			out, err := whoAmI(ctx, "")
			return connect.NewResponse(wrapperspb.String(out)), errors.Join(err, stream.Err())
		}, interceptor))
	mux.Handle(talk, connect.NewBidiStreamHandler(talk,
		func(ctx context.Context, stream *connect.BidiStream[text, text]) error {
			_, received := stream.Receive()
			out, err := whoAmI(ctx, "")
			return errors.Join(received, err, stream.Send(wrapperspb.String(out)))
		}, interceptor))
	server := start(t, mux)
	acme, _ := oneTenant{}.ByIdentifier(t.Context(), "acme")
	ctx := tenancy.NewContext(t.Context(), acme)
	client := connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName))
	for range 20 {
		one := connect.NewClient[text, text](server.Client(), server.URL+put, client).CallClientStream(ctx)
		if err := errors.Join(one.Send(nil), one.Send(wrapperspb.String("a"))); err != nil {
			t.Fatal(err)
		}
		if got, err := one.CloseAndReceive(); err != nil || got.Msg.GetValue() != "Acme Inc." {
			t.Fatalf("a client's stream: got %v, %v", got, err)
		}
		both := connect.NewClient[text, text](server.Client(), server.URL+talk, client).CallBidiStream(ctx)
		if err := errors.Join(both.Send(nil), both.Send(wrapperspb.String("a")), both.CloseRequest()); err != nil {
			t.Fatal(err)
		}
		if got, err := both.Receive(); err != nil || got.GetValue() != "Acme Inc." {
			t.Fatalf("a stream both ways: got %v, %v", got, err)
		}
		if err := both.CloseResponse(); err != nil {
			t.Fatal(err)
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
	gate, err := middleware.NewGate(anybody{}, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		t.Fatal(err)
	}
	server := serve(t, map[string]orders{middlewaretest.Procedure: func(ctx context.Context, _ string) (string, error) {
		tenant, err := tenancy.FromContext(ctx)
		return string(tenant.ID), err
	}}, connect.WithInterceptors(tenancyconnect.NewServerInterceptor(gate)))
	client := connect.WithInterceptors(tenancyconnect.NewClientInterceptor(middleware.HeaderName))
	for name, call := range map[string]style{"unary": unary, "streamed": streamed} {
		for id, want := range map[tenancy.ID]connect.Code{"a ü/%": 0, "1": connect.CodeNotFound} {
			req := connect.NewRequest(wrapperspb.String(""))
			if want == 0 {
				req.Header().Set(middleware.UIDHeaderName, "42") // in whose place the client's goes
			}
			ctx := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id, Identifier: "acme"})
			got, _, err := call(ctx, server, middlewaretest.Procedure, req, client)
			if (err != nil) != (want != 0) || err != nil && connect.CodeOf(err) != want || err == nil && got != string(id) {
				t.Errorf("%s: the client is for %q: got %q, %v", name, id, got, err)
			}
		}
	}
}
