package middleware_test

import (
	"bufio"
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// works is a Lookup that takes as long for each request as a store nearby.
type works struct{ *tenants }

func (l works) ByIdentifier(ctx context.Context, identifier string) (tenancy.Tenant, error) {
	for start := time.Now(); time.Since(start) < 100*time.Microsecond; {
		runtime.Gosched()
	}
	return l.tenants.ByIdentifier(ctx, identifier)
}

// advantage is how much better than by guessing it can be told from the time of
// one request which of two kinds it is: 0 if not at all, 1 if always. It is the
// greatest distance between the two distributions (Kolmogorov and Smirnov), and
// so it does not ask how fast the machine is.
func advantage(a, b []time.Duration) float64 {
	slices.Sort(a)
	slices.Sort(b)
	var worst float64
	for i, j := 0, 0; i < len(a) && j < len(b); {
		at := min(a[i], b[j])
		for i < len(a) && a[i] <= at {
			i++
		}
		for j < len(b) && b[j] <= at {
			j++
		}
		worst = max(worst, math.Abs(float64(i)/float64(len(a))-float64(j)/float64(len(b))))
	}
	return worst
}

// times sends requests of several kinds over a connection, in an order made by
// chance, so that what else the machine does meets all of them alike.
func times(t *testing.T, h http.Handler, kinds []string, rounds int) [][]time.Duration {
	t.Helper()
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	took := make([][]time.Duration, len(kinds))
	for range rounds {
		for _, kind := range rand.Perm(len(kinds)) {
			start := time.Now()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: a\r\nX-Tenant-ID: "+kinds[kind]+"\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
			response, err := http.ReadResponse(answers, nil)
			if err != nil {
				t.Fatal(err)
			}
			_, _ = io.Copy(io.Discard, response.Body)
			took[kind] = append(took[kind], time.Since(start))
			_ = response.Body.Close()
		}
	}
	return took
}

// From the time that a refusal takes over a connection nobody can tell what is
// wrong: no kind is told from another half as well as a handler gives itself
// away that looks up valid names only.
func TestTimesAreAlike(t *testing.T) {
	rounds := 500
	if os.Getenv("TENANCY_TEST_SLOW") != "" {
		rounds = 20_000
	}
	kinds := []string{"Mal-Formed", "unknown", "deleted", "suspended"}
	lookup := works{newTenants()}
	careless := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if sent := r.Header.Get(middleware.HeaderName); tenancy.ValidateIdentifier(sent) == nil {
			_, _ = lookup.ByIdentifier(r.Context(), sent)
		}
		w.WriteHeader(http.StatusNotFound)
	})
	took := times(t, careless, kinds[:2], rounds)
	given := advantage(took[0], took[1])
	if given < 0.4 {
		t.Skipf("a missing lookup is told with advantage %.2f only: the machine is too busy to measure", given)
	}

	members := middleware.Config{
		Principal: func(*http.Request) any { return "jo" },
		Authorize: func(context.Context, any, tenancy.Tenant) error { return errStranger },
	}
	for name, cfg := range map[string]middleware.Config{"anyone": {}, "members": members} {
		took := times(t, wrap(t, lookup, byHeader(t), cfg, whoAmI), kinds, rounds)
		for i := range took {
			for j := range i {
				got := advantage(took[i], took[j])
				t.Logf("%s: %s and %s are told apart with advantage %.3f", name, kinds[i], kinds[j], got)
				if got > given/2 {
					t.Errorf("%s: %s and %s are told apart with advantage %.3f, a missing lookup with %.3f", name, kinds[i], kinds[j], got, given)
				}
			}
		}
	}
}
