package tenancyconnect_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

// text is what procedures take and return.
type text = wrapperspb.StringValue

// orders answers a call of any style.
type orders func(ctx context.Context, text string) (string, error)

// application is what the suite calls.
func application(app *middlewaretest.App) orders {
	return func(ctx context.Context, text string) (string, error) {
		if text == middlewaretest.TextError {
			return "", connect.NewError(connect.Code(middlewaretest.CodeApp), middlewaretest.ErrApp)
		}
		return app.Tenant(ctx), nil
	}
}

// serve starts a server of the services, each with a unary and a streaming procedure.
func serve(tb testing.TB, services map[string]orders, opts ...connect.HandlerOption) *httptest.Server {
	tb.Helper()
	mux := http.NewServeMux()
	for procedure, o := range services {
		mux.Handle(procedure, connect.NewUnaryHandler(procedure, func(ctx context.Context, req *connect.Request[text]) (*connect.Response[text], error) {
			out, err := o(ctx, req.Msg.GetValue())
			if err != nil {
				return nil, err
			}
			return connect.NewResponse(wrapperspb.String(out)), nil
		}, append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))...))
		mux.Handle(watch(procedure), connect.NewServerStreamHandler(watch(procedure),
			func(ctx context.Context, req *connect.Request[text], stream *connect.ServerStream[text]) error {
				out, err := o(ctx, req.Msg.GetValue())
				if err != nil {
					return err
				}
				return stream.Send(wrapperspb.String(out))
			}, opts...))
	}
	return start(tb, mux)
}

// start starts a server of HTTP/2 without TLS, which gRPC needs.
func start(tb testing.TB, handler http.Handler) *httptest.Server {
	tb.Helper()
	var both, newer http.Protocols
	both.SetHTTP1(true)
	both.SetUnencryptedHTTP2(true)
	newer.SetUnencryptedHTTP2(true)
	server := httptest.NewUnstartedServer(handler)
	server.Config.Protocols = &both
	server.Start()
	tb.Cleanup(server.Close)
	server.Client().Transport = &http.Transport{Protocols: &newer}
	tb.Cleanup(server.Client().CloseIdleConnections)
	return server
}

// watch is the streaming procedure beside a unary one.
func watch(procedure string) string { return strings.TrimSuffix(procedure, "Get") + "Watch" }

// seen is what a client gets beside the answer.
type seen struct{ header, trailer http.Header }

// style makes a call.
type style func(ctx context.Context, server *httptest.Server, procedure string, req *connect.Request[text], opts ...connect.ClientOption) (string, seen, error)

func unary(ctx context.Context, server *httptest.Server, procedure string, req *connect.Request[text], opts ...connect.ClientOption) (string, seen, error) {
	opts = append(opts, connect.WithIdempotency(connect.IdempotencyNoSideEffects))
	response, err := connect.NewClient[text, text](server.Client(), server.URL+procedure, opts...).CallUnary(ctx, req)
	if err != nil {
		return "", seen{}, err
	}
	return response.Msg.GetValue(), seen{response.Header(), response.Trailer()}, nil
}

func streamed(ctx context.Context, server *httptest.Server, procedure string, req *connect.Request[text], opts ...connect.ClientOption) (string, seen, error) {
	stream, err := connect.NewClient[text, text](server.Client(), server.URL+watch(procedure), opts...).CallServerStream(ctx, req)
	if err != nil {
		return "", seen{}, err
	}
	defer func() { _ = stream.Close() }()
	var out string
	for stream.Receive() {
		out = stream.Msg().GetValue()
	}
	return out, seen{stream.ResponseHeader(), stream.ResponseTrailer()}, stream.Err()
}

// caller makes the calls of the suite.
func caller(server *httptest.Server, call style, opts ...connect.ClientOption) middlewaretest.Call {
	return func(ctx context.Context, procedure, sent string, header http.Header) middlewaretest.Reply {
		req := connect.NewRequest(wrapperspb.String(sent))
		maps.Copy(req.Header(), header)
		body, s, err := call(ctx, server, procedure, req, opts...)
		reply := middlewaretest.Reply{Body: body, Rest: printed(s.header) + printed(s.trailer)}
		var told *connect.Error
		if !errors.As(err, &told) {
			return reply
		}
		reply.Code, reply.Message, reply.Rest = uint32(told.Code()), told.Message(), printed(told.Meta())
		for _, detail := range told.Details() {
			if value, err := detail.Value(); err == nil {
				if retry, ok := value.(*errdetails.RetryInfo); ok {
					reply.RetryAfter = retry.GetRetryDelay().AsDuration()
				}
			}
		}
		return reply
	}
}

func printed(h http.Header) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(h)) {
		if name != "Date" {
			fmt.Fprintln(&b, name, h[name])
		}
	}
	return b.String()
}
