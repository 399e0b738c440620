package tenancygrpc

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/entenancy/tenancy/middleware"
)

// UnaryServerInterceptor lets a method run for an active tenant, with the tenant
// in its context, or for a method that the gate excludes. Every other call gets
// a status, as the package comment says. What the method returns is the client's
// as it is. It is safe for concurrent use. The gate must not be nil.
func UnaryServerInterceptor(gate *middleware.Gate) grpc.UnaryServerInterceptor {
	return func(ctx context.Context, req any, info *grpc.UnaryServerInfo, handler grpc.UnaryHandler) (any, error) {
		ctx, err := admit(ctx, gate, info.FullMethod)
		if err != nil {
			return nil, err
		}
		return handler(ctx, req)
	}
}

// StreamServerInterceptor does for streams what UnaryServerInterceptor does for
// other methods. It decides once, when the stream begins: one that is open goes
// on when its tenant is suspended.
func StreamServerInterceptor(gate *middleware.Gate) grpc.StreamServerInterceptor {
	return func(srv any, stream grpc.ServerStream, info *grpc.StreamServerInfo, handler grpc.StreamHandler) error {
		ctx, err := admit(stream.Context(), gate, info.FullMethod)
		if err != nil {
			return err
		}
		return handler(srv, &serverStream{ServerStream: stream, ctx: ctx})
	}
}

// serverStream is a stream with the tenant in its context.
type serverStream struct {
	grpc.ServerStream
	ctx context.Context //nolint:containedctx // it is the stream's
}

func (s *serverStream) Context() context.Context { return s.ctx }

// admit returns the context for the method, or the status to refuse the call with.
func admit(ctx context.Context, gate *middleware.Gate, method string) (context.Context, error) {
	a := gate.Admit(request(ctx, method))
	if err := grpc.SetHeader(ctx, limits(a.Header())); err != nil {
		return nil, err
	}
	if a.Refusal != nil {
		return nil, refused(a.Refusal)
	}
	return a.Request.Context(), nil
}

// limits returns those headers that say how many calls are left. The others are
// about caches and bodies, which gRPC does not have.
func limits(h http.Header) metadata.MD {
	var md metadata.MD
	for name, values := range h {
		if name = strings.ToLower(name); strings.HasPrefix(name, "ratelimit") {
			md = metadata.Join(md, metadata.MD{name: values})
		}
	}
	return md
}

// request describes a call as a request of net/http, as far as a gate looks at it.
func request(ctx context.Context, method string) *http.Request {
	md, _ := metadata.FromIncomingContext(ctx)
	r := &http.Request{
		Method: http.MethodPost, URL: &url.URL{Path: method}, RequestURI: method,
		Proto: "HTTP/2.0", ProtoMajor: 2, Header: make(http.Header, len(md)),
	}
	for name, values := range md {
		switch {
		case name == ":authority":
			r.Host = values[0] // gRPC refuses a call with several
		case !strings.HasPrefix(name, ":"):
			r.Header[http.CanonicalHeaderKey(name)] = values
		}
	}
	if p, ok := peer.FromContext(ctx); ok {
		r.RemoteAddr = p.Addr.String()
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			r.TLS = &info.State
		}
	}
	return r.WithContext(ctx)
}
