package tenancyconnect

import (
	"context"
	"net/http"
	"net/url"

	"connectrpc.com/connect"

	"github.com/entenancy/tenancy/middleware"
)

// NewServerInterceptor returns an interceptor that lets a procedure run for an
// active tenant, with the tenant in its context, or for a procedure that the
// gate excludes. Every other call gets an error, as the package comment says.
// What the procedure returns is the client's as it is; a response has the gate's
// headers added, Vary among them. A stream is decided about once, when it
// begins. It is safe for concurrent use, and does nothing in a client. The gate
// must not be nil.
func NewServerInterceptor(gate *middleware.Gate) connect.Interceptor { return &server{gate: gate} }

type server struct{ gate *middleware.Gate }

// WrapUnary implements [connect.Interceptor].
func (s *server) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if req.Spec().IsClient {
			return next(ctx, req)
		}
		a := s.gate.Admit(request(ctx, req.HTTPMethod(), req.Spec(), req.Peer(), req.Header()))
		if a.Refusal != nil {
			return nil, refused(&a)
		}
		response, err := next(a.Request.Context(), req)
		if err != nil {
			return nil, err
		}
		addHeader(response.Header(), a.Header())
		return response, nil
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (s *server) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		a := s.gate.Admit(request(ctx, http.MethodPost, conn.Spec(), conn.Peer(), conn.RequestHeader()))
		if a.Refusal != nil {
			return refused(&a)
		}
		addHeader(conn.ResponseHeader(), a.Header())
		return next(a.Request.Context(), conn)
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (*server) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// request describes a call as a request of net/http, as far as a gate looks at it.
func request(ctx context.Context, method string, spec connect.Spec, peer connect.Peer, header http.Header) *http.Request {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: spec.Procedure, RawQuery: peer.Query.Encode()}, RequestURI: spec.Procedure,
		Header: header, RemoteAddr: peer.Addr,
	}
	return r.WithContext(ctx)
}

func addHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = append(to[name], values...)
	}
}
