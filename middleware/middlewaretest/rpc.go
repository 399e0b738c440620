package middlewaretest

import (
	"context"
	"net/http"
	"testing"
	"time"

	"github.com/entenancy/tenancy/middleware"
)

// ServeRPC starts a server whose procedures are behind the adapter under test,
// and returns a function that calls them. The server ends with tb.Cleanup, and
// waits for calls that it is serving.
type ServeRPC func(tb testing.TB, s Setup) Call

// Call calls a procedure with the given text, and headers beside those of the
// protocol.
type Call func(ctx context.Context, procedure, text string, header http.Header) Reply

// Reply is what the client gets.
type Reply struct {
	// Code is that of gRPC, which connect has too: 0 for success.
	Code uint32
	// Message is the error's.
	Message string
	// Body is what the procedure returns.
	Body string
	// RetryAfter is what an error's details say about it, 0 if nothing.
	RetryAfter time.Duration
	// Rest is all else that the client can see, details, headers and trailers,
	// but for dates.
	Rest string
}

// The procedures of an RPC application. A text that is not one of the following
// gets the tenant.
const (
	// Procedure is behind the adapter.
	Procedure = "/middlewaretest.Orders/Get"
	// OpenProcedure is excluded where the suite excludes one.
	OpenProcedure = "/middlewaretest.Open/Get"

	// TextError makes a procedure fail with ErrApp as its text and CodeApp.
	TextError = "error"
	// CodeApp is the code of ErrApp: data loss.
	CodeApp = 15
)

// The codes that a tenant handler answers with.
const (
	codeNotFound          = 5
	codePermissionDenied  = 7
	codeResourceExhausted = 8
	codeUnavailable       = 14
)

// RunRPC runs the suite of procedure calls, for one style of calls: unary or
// streaming. The package comment says what the application has to do.
func RunRPC(t *testing.T, serve ServeRPC) {
	if serve == nil {
		t.Fatal("middlewaretest: RunRPC needs a server")
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, ServeRPC)
	}{
		{"Served", rpcServed},
		{"Refused", rpcRefused},
		{"Unavailable", rpcUnavailable},
		{"Membership", rpcMembership},
		{"Limited", rpcLimited},
		{"Excluded", rpcExcluded},
		{"AtOnce", rpcAtOnce},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, serve) })
	}
}

// caller is a server of procedures and its only client.
type caller struct {
	*App
	*tenants
	call Call
}

func startRPC(t *testing.T, serve ServeRPC, change func(*Setup)) *caller {
	t.Helper()
	c := &caller{App: newApp(), tenants: newTenants()}
	setup := Setup{Lookup: c.tenants, Resolver: middleware.Header(middleware.HeaderName), App: c.App}
	if change != nil {
		change(&setup)
	}
	watch(t, c.App, c.tenants)
	c.call = serve(t, setup)
	return c
}

// get calls Procedure with the given values of the tenant header.
func (c *caller) get(t *testing.T, sent ...string) Reply {
	t.Helper()
	return c.call(t.Context(), Procedure, "", header(sent...))
}

// as calls Procedure as a user of the application.
func (c *caller) as(t *testing.T, user, identifier string) Reply {
	t.Helper()
	h := header(identifier)
	h.Set(userHeader, user)
	return c.call(t.Context(), Procedure, "", h)
}

func header(sent ...string) http.Header {
	h := http.Header{}
	for _, value := range sent {
		h.Add(middleware.HeaderName, value)
	}
	return h
}

func (r Reply) is(body string) bool { return r.Code == 0 && r.Body == body }
