package middlewaretest

import (
	"bufio"
	"context"
	"net/http"
	"strings"
	"testing"
	"time"
)

// patience is how long the suite waits for what should come at once.
const patience = 30 * time.Second

// stream reaches the client line by line, while the handler still runs.
func stream(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	next := f.events(ctx, t, "acme")
	for line := range 3 {
		if line > 0 {
			f.more <- struct{}{}
		}
		if got := next(); got != "data: "+idOf("acme") {
			t.Fatalf("line %d is %q", line, got)
		}
	}
	cancel()
	f.wantEnded(t)
}

// clientGone leaves nothing of its tenant behind for those who come after it.
func clientGone(t *testing.T, serve Serve) {
	f := start(t, serve, nil)
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	f.events(ctx, t, "acme")()
	cancel()
	for i := range many {
		identifier := numbered(i)
		if got := f.get(t, "/tenant", identifier); !got.is(http.StatusOK, idOf(identifier)) {
			t.Errorf("%s: got %d %q", identifier, got.status, got.body)
		}
	}
	f.wantEnded(t)
}

// events opens a stream and returns a function that reads its next line.
func (f *fixture) events(ctx context.Context, t *testing.T, identifier string) func() string {
	t.Helper()
	response, err := f.client.Do(f.request(ctx, t, "/stream", identifier))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	if got := response.Header.Get("Content-Type"); response.StatusCode != http.StatusOK || !strings.HasPrefix(got, "text/event-stream") {
		t.Fatalf("got %d %q", response.StatusCode, got)
	}
	lines := bufio.NewScanner(response.Body)
	return func() string {
		for lines.Scan() {
			if lines.Text() != "" {
				return lines.Text()
			}
		}
		return ""
	}
}

func (f *fixture) wantEnded(t *testing.T) {
	t.Helper()
	if !f.hasEnded(patience) {
		t.Error("the stream goes on without its client")
	}
}
