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
// What the procedure returns is the client's as it is, errors too. Whatever it
// is, the HTTP response has the gate's headers added, Vary among them. A stream
// is decided about once, when it begins. It is safe for concurrent use, and does
// nothing in a client. The gate must not be nil.
func NewServerInterceptor(gate *middleware.Gate) connect.Interceptor { return &server{gate: gate} }

type server struct{ gate *middleware.Gate }

// WrapUnary implements [connect.Interceptor].
func (s *server) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (connect.AnyResponse, error) {
		if req.Spec().IsClient {
			return next(ctx, req)
		}
		ctx, header, err := s.admit(ctx, req.HTTPMethod(), req.Spec(), req.Peer(), req.Header())
		if err != nil {
			return nil, err
		}
		// The call's headers go out with an error too, which is not touched for it:
		// it may be one that the application returns to everybody.
		if info, ok := connect.CallInfoForHandlerContext(ctx); ok { // as in every handler of connect's
			defer addHeader(info.ResponseHeader(), header)
		}
		return next(ctx, req)
	}
}

// WrapStreamingHandler implements [connect.Interceptor].
func (s *server) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) error {
		ctx, header, err := s.admit(ctx, http.MethodPost, conn.Spec(), conn.Peer(), conn.RequestHeader())
		if err != nil {
			return err
		}
		addHeader(conn.ResponseHeader(), header)
		return next(ctx, conn)
	}
}

// WrapStreamingClient implements [connect.Interceptor].
func (*server) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

// admit returns the context for the procedure and headers for its response, or
// the error to refuse the call with. What the gate gets is the call as a request
// of net/http, as far as a gate looks at it.
func (s *server) admit(
	ctx context.Context, method string, spec connect.Spec, peer connect.Peer, header http.Header,
) (context.Context, http.Header, error) {
	r := &http.Request{
		Method: method, URL: &url.URL{Path: spec.Procedure, RawQuery: peer.Query.Encode()}, RequestURI: spec.Procedure,
		Header: header, RemoteAddr: peer.Addr,
	}
	a := s.gate.Admit(r.WithContext(ctx))
	if a.Refusal != nil {
		return nil, nil, refused(&a)
	}
	return a.Request.Context(), a.Header(), nil
}

func addHeader(to, from http.Header) {
	for name, values := range from {
		to[name] = append(to[name], values...)
	}
}
