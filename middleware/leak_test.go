package middleware_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
)

// crowd is 100 tenants.
func crowd() *tenants {
	lookup := newTenants()
	for i := range 100 {
		identifier := fmt.Sprintf("tenant-%d", i)
		lookup.byIdentifier[identifier] = tenancy.Tenant{ID: tenancy.ID("id of " + identifier), Identifier: identifier, Status: tenancy.StatusActive}
	}
	return lookup
}

// Whatever becomes of a request on a connection, the next one on it has its own
// tenant, or none, and the connection's context never has one.
func TestContextEndsWithTheRequest(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var connections []context.Context
	streaming := make(chan context.Context, 1)
	mux := http.NewServeMux()
	mux.HandleFunc("/who", whoAmI)
	mux.HandleFunc("/panic", func(http.ResponseWriter, *http.Request) { panic("on purpose") })
	mux.HandleFunc("/hijack", func(w http.ResponseWriter, r *http.Request) {
		conn, _, err := http.NewResponseController(w).Hijack()
		if err != nil {
			t.Error(err)
			return
		}
		tenant, err := tenancy.FromContext(r.Context())
		_, _ = fmt.Fprintf(conn, "%s %v", tenant.ID, err)
		_ = conn.Close()
	})
	mux.HandleFunc("/stream", func(w http.ResponseWriter, r *http.Request) {
		whoAmI(w, r)
		_ = http.NewResponseController(w).Flush()
		<-r.Context().Done() // the client has gone
		streaming <- r.Context()
	})
	server := httptest.NewUnstartedServer(wrap(t, crowd(), byHeader(t), middleware.Config{Excluded: []string{"/none"}}, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/none" {
			_, err := tenancy.FromContext(r.Context())
			_, _ = fmt.Fprint(w, errors.Is(err, tenancy.ErrNoTenant))
			return
		}
		mux.ServeHTTP(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.Config.ConnContext = func(ctx context.Context, _ net.Conn) context.Context {
		mu.Lock()
		defer mu.Unlock()
		connections = append(connections, ctx)
		return ctx
	}
	server.Start()
	t.Cleanup(server.Close)
	address := server.Listener.Addr().String()
	ask := func(path, tenant string) string {
		return fmt.Sprintf("GET %s HTTP/1.1\r\nHost: a\r\nX-Tenant-ID: %s\r\n\r\n", path, tenant)
	}

	if got := exchange(t, address, ask("/panic", "tenant-1")); got != "" {
		t.Errorf("a panic is answered %q", got)
	}
	if got := exchange(t, address, ask("/hijack", "tenant-2")); got != "id of tenant-2 <nil>" {
		t.Errorf("the connection said %q", got)
	}
	leave(t, address, ask("/stream", "tenant-3"))
	if tenant, err := tenancy.FromContext(<-streaming); err != nil || tenant.Identifier != "tenant-3" {
		t.Errorf("a stream whose client has gone is %v's: %v", tenant, err)
	}

	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	answers := bufio.NewReader(conn)
	for _, step := range [][3]string{
		{"/who", "acme", "id of acme"},
		{"/none", "acme", "true"},
		{"/who", "tenant-4", "id of tenant-4"},
		{"/who", "unknown", notFound},
		{"/none", "", "true"},
		{"/who", "", notFound},
		{"/who", "acme", "id of acme"},
	} {
		if _, err := io.WriteString(conn, ask(step[0], step[1])); err != nil {
			t.Fatal(err)
		}
		response, err := http.ReadResponse(answers, nil)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil || string(body) != step[2] {
			t.Errorf("%q is answered %q (%v)", step, body, err)
		}
	}
	mu.Lock()
	defer mu.Unlock()
	for _, ctx := range connections {
		if _, err := tenancy.FromContext(ctx); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Errorf("a connection has a tenant: %v", err)
		}
	}
}

// leave sends a request, waits for the beginning of its response, and goes away.
func leave(t *testing.T, address, request string) {
	t.Helper()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, request); err != nil {
		t.Fatal(err)
	}
	if _, err := bufio.NewReader(conn).ReadString('\n'); err != nil {
		t.Fatal(err)
	}
}

// 10,000 requests of 100 tenants, half of them at a time since the race detector
// knows no more goroutines: each handler has its own tenant, before and after it
// has let all others run.
func TestNoTenantInAnothersRequest(t *testing.T) {
	t.Parallel()
	for range 2 {
		const requests = 5_000
		var started sync.WaitGroup
		started.Add(requests)
		arrive := func() {
			started.Done()
			started.Wait()
		}
		resolver := middleware.Agree(middleware.Path("/t"), middleware.Optional(middleware.Header(middleware.HeaderName)))
		h := wrap(t, crowd(), resolver, middleware.Config{}, func(w http.ResponseWriter, r *http.Request) {
			before, err := tenancy.FromContext(r.Context())
			arrive()
			if after, _ := tenancy.FromContext(r.Context()); err != nil || before.ID != after.ID || r.URL.Path != "/of/"+before.Identifier {
				t.Errorf("%v became %v at %s: %v", before, after, r.URL, err)
			}
			whoAmI(w, r)
		})
		var all sync.WaitGroup
		for i := range requests {
			all.Go(func() {
				identifier := fmt.Sprintf("tenant-%d", i%100)
				w := httptest.NewRecorder()
				r := request(t, "/t/"+identifier+"/of/"+identifier)
				if i%2 == 0 {
					r.Header.Set(middleware.HeaderName, identifier)
				}
				h.ServeHTTP(w, r)
				if got := w.Body.String(); got != "id of "+identifier {
					t.Errorf("%s was answered %q", identifier, got)
					if w.Code != http.StatusOK {
						arrive() // for the handler that did not run
					}
				}
			})
		}
		all.Wait()
	}
}
