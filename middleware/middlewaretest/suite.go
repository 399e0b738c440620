package middlewaretest

import (
	"net/http"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// Setup is what a tenant handler is made from, and the application behind it.
type Setup struct {
	Lookup   tenancy.Lookup
	Resolver middleware.Resolver
	Config   middleware.Config
	App      *App
}

// Serve starts a server of the application behind the tenant handler under test
// and returns its URL. The server listens, ends with tb.Cleanup, and waits for
// requests that it is serving.
type Serve func(tb testing.TB, s Setup) (url string)

// Run runs the suite. It is for the net/http handler and for adapters of
// frameworks; the package comment says what the application has to do.
func Run(t *testing.T, serve Serve) {
	if serve == nil {
		t.Fatal("middlewaretest: Run needs a server")
	}
	for _, part := range []struct {
		name string
		run  func(*testing.T, Serve)
	}{
		{"Served", served},
		{"Refused", refused},
		{"Unavailable", unavailable},
		{"Membership", membership},
		{"Limited", limited},
		{"Excluded", excluded},
		{"Application", application},
		{"Vary", vary},
		{"Stream", stream},
		{"ClientGone", clientGone},
		{"AtOnce", atOnce},
	} {
		t.Run(part.name, func(t *testing.T) { part.run(t, serve) })
	}
}

// fixture is a server and its only client.
type fixture struct {
	*App
	*tenants
	client *http.Client
	url    string
}

// start serves the application.
func start(t *testing.T, serve Serve, change func(*Setup)) *fixture {
	t.Helper()
	f := &fixture{App: newApp(), tenants: newTenants()}
	setup := Setup{Lookup: f.tenants, Resolver: middleware.Header(middleware.HeaderName), App: f.App}
	if change != nil {
		change(&setup)
	}
	watch(t, f.App, f.tenants)
	f.url = serve(t, setup)
	transport := &http.Transport{MaxConnsPerHost: 8, MaxIdleConnsPerHost: 8} // so that tenants follow each other on a connection
	t.Cleanup(transport.CloseIdleConnections)                                // so that the server has nothing to wait for
	f.client = &http.Client{Transport: transport}
	return f
}

// watch looks at what went wrong when the server that is to be started has ended.
func watch(t *testing.T, app *App, lookup *tenants) {
	t.Helper()
	t.Cleanup(func() { // after the server's own, which comes later
		for _, problem := range app.problems() {
			t.Error(problem)
		}
		if was, is, found := lookup.changed(); found {
			t.Errorf("the lookup was asked for %q, which has become %q: the string shares memory with the request", was, is)
		}
	})
}
