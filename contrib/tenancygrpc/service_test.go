package tenancygrpc_test

import (
	"context"
	"fmt"
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/entenancy/tenancy/middleware/middlewaretest"
)

// orders answers a call of any style.
type orders func(ctx context.Context, text string) (string, error)

// application is what the suite calls.
func application(app *middlewaretest.App) orders {
	return func(ctx context.Context, text string) (string, error) {
		if text == middlewaretest.TextError {
			return "", status.Error(codes.Code(middlewaretest.CodeApp), middlewaretest.ErrApp.Error())
		}
		return app.Tenant(ctx), nil
	}
}

// register adds the service that a procedure belongs to: Get is unary, Watch streams.
func (o orders) register(server *grpc.Server, procedure string) {
	service, _, _ := strings.Cut(strings.TrimPrefix(procedure, "/"), "/")
	server.RegisterService(&grpc.ServiceDesc{
		ServiceName: service,
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{MethodName: "Get", Handler: func(
			_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor,
		) (any, error) {
			var in wrapperspb.StringValue
			if err := decode(&in); err != nil {
				return nil, err
			}
			get := func(ctx context.Context, _ any) (any, error) {
				out, err := o(ctx, in.GetValue())
				return wrapperspb.String(out), err
			}
			return intercept(ctx, &in, &grpc.UnaryServerInfo{FullMethod: "/" + service + "/Get"}, get)
		}}},
		Streams: []grpc.StreamDesc{{StreamName: "Watch", ServerStreams: true, ClientStreams: true, Handler: func(
			_ any, stream grpc.ServerStream,
		) error {
			for {
				var in wrapperspb.StringValue
				if err := stream.RecvMsg(&in); err != nil {
					return nil //nolint:nilerr // the client has no more
				}
				out, err := o(stream.Context(), in.GetValue())
				if err != nil {
					return err
				}
				if err := stream.SendMsg(wrapperspb.String(out)); err != nil {
					return err
				}
			}
		}}},
	}, o)
}

// serve starts a server of the services and connects to it.
func serve(tb testing.TB, services map[string]orders, server *grpc.Server, opts ...grpc.DialOption) *grpc.ClientConn {
	tb.Helper()
	for procedure, o := range services {
		o.register(server, procedure)
	}
	listener, err := (&net.ListenConfig{}).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(server.GracefulStop)
	opts = append(opts, grpc.WithTransportCredentials(insecure.NewCredentials()))
	conn, err := grpc.NewClient(listener.Addr().String(), opts...)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = conn.Close() })
	return conn
}

// seen is what a client gets beside the answer.
type seen struct{ header, trailer metadata.MD }

// unary calls a procedure.
func unary(ctx context.Context, conn *grpc.ClientConn, procedure, text string) (string, seen, error) {
	var out wrapperspb.StringValue
	var s seen
	err := conn.Invoke(ctx, procedure, wrapperspb.String(text), &out, grpc.Header(&s.header), grpc.Trailer(&s.trailer))
	return out.GetValue(), s, err
}

// streamed calls a procedure's stream and takes one message from it.
func streamed(ctx context.Context, conn *grpc.ClientConn, procedure, text string) (string, seen, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	desc := &grpc.StreamDesc{StreamName: "Watch", ServerStreams: true, ClientStreams: true}
	stream, err := conn.NewStream(ctx, desc, strings.TrimSuffix(procedure, "Get")+"Watch")
	if err != nil {
		return "", seen{}, err
	}
	var out, more wrapperspb.StringValue
	_ = stream.SendMsg(wrapperspb.String(text)) // RecvMsg says what is wrong
	if err = stream.RecvMsg(&out); err == nil {
		_ = stream.CloseSend()
		_ = stream.RecvMsg(&more) // until the server has ended
	}
	header, _ := stream.Header()
	return out.GetValue(), seen{header, stream.Trailer()}, err
}

// style is unary or streamed.
type style func(ctx context.Context, conn *grpc.ClientConn, procedure, text string) (string, seen, error)

// caller makes the calls of the suite.
func caller(conn *grpc.ClientConn, call style) middlewaretest.Call {
	return func(ctx context.Context, procedure, text string, header http.Header) middlewaretest.Reply {
		md := metadata.MD{}
		for name, values := range header {
			md.Append(name, values...)
		}
		body, s, err := call(metadata.NewOutgoingContext(ctx, md), conn, procedure, text)
		told := status.Convert(err)
		reply := middlewaretest.Reply{Code: uint32(told.Code()), Message: told.Message(), Body: body, Rest: printed(s.header) + printed(s.trailer)}
		for _, detail := range told.Details() {
			if retry, ok := detail.(*errdetails.RetryInfo); ok {
				reply.RetryAfter = retry.GetRetryDelay().AsDuration()
			}
		}
		return reply
	}
}

func printed(md metadata.MD) string {
	var b strings.Builder
	for _, name := range slices.Sorted(maps.Keys(md)) {
		fmt.Fprintln(&b, name, md[name])
	}
	return b.String()
}
