package middlewaretest

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/entenancy/tenancy/middleware"
)

// answer is a response that has been read.
type answer struct {
	status int
	header http.Header
	body   string
}

// get asks for a path with the given values of the tenant header.
func (f *fixture) get(t *testing.T, path string, sent ...string) answer {
	t.Helper()
	return f.do(t, f.request(t.Context(), t, path, sent...))
}

func (f *fixture) request(ctx context.Context, t *testing.T, path string, sent ...string) *http.Request {
	t.Helper()
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, f.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, value := range sent {
		r.Header.Add(middleware.HeaderName, value)
	}
	return r
}

func (f *fixture) do(t *testing.T, r *http.Request) answer {
	t.Helper()
	response, err := f.client.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{status: response.StatusCode, header: response.Header, body: string(body)}
}

// is says what is not as wanted, "" if all is.
func (a answer) is(status int, body string) bool { return a.status == status && a.body == body }

// varies returns what the response says it varies with, in lower case.
func (a answer) varies() []string {
	var names []string
	for name := range strings.SplitSeq(strings.Join(a.header.Values("Vary"), ","), ",") {
		names = append(names, strings.ToLower(strings.TrimSpace(name)))
	}
	return names
}
