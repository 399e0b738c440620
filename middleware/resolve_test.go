package middleware_test

import (
	"bufio"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// refused stands for a request that a resolver has to refuse with an error.
const refused = "(refused)"

// raw returns the request that net/http makes of what a client has sent.
func raw(tb testing.TB, sent string) *http.Request {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(sent)))
	if err != nil {
		tb.Fatalf("%q: %v", sent, err)
	}
	return r.WithContext(tb.Context())
}

// forHost returns what a client sends to a host.
func forHost(host string) string { return "GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n" }

// forTarget returns what a client sends to ask for a target.
func forTarget(target string) string { return "GET " + target + " HTTP/1.1\r\nHost: a\r\n\r\n" }

// checkResolver compares what a resolver says with what is wanted: an
// identifier, nothing, or refused.
func checkResolver(t *testing.T, resolver middleware.Resolver, r *http.Request, want string) middleware.Resolution {
	t.Helper()
	if err := resolver.Validate(); err != nil {
		t.Fatal(err)
	}
	got, err := resolver.Resolve(r)
	switch {
	case want == refused && (err == nil || got != middleware.Resolution{}):
		t.Errorf("%s %s: got %+v and %v, want a refusal", r.Host, r.URL, got, err)
	case want == refused && !errors.Is(err, tenancy.ErrInvalidIdentifier):
		t.Errorf("%s %s: got %v, want ErrInvalidIdentifier", r.Host, r.URL, err)
	case want != refused && (err != nil || got.Identifier != want):
		t.Errorf("%s %s: got %+v and %v, want %q", r.Host, r.URL, got, err, want)
	}
	return got
}

// checkRefusedByNew makes sure that New refuses resolvers, naming the argument.
func checkRefusedByNew(t *testing.T, argument string, resolvers ...middleware.Resolver) {
	t.Helper()
	for i, resolver := range resolvers {
		handler, err := middleware.New(newTenants(), resolver, middleware.Config{})
		if handler != nil || err == nil || !strings.HasPrefix(err.Error(), "middleware: ") || !strings.Contains(err.Error(), argument) {
			t.Errorf("number %d: got %v, want an error that names %q", i, err, argument)
		}
	}
}
