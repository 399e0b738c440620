package servers

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// kind describes one kind of server: where it may be, how to ask whether it is there, and how to run one.
type kind struct {
	name     string                      // as a person calls it
	variable string                      // names the environment variable with its address, if another process's server will do
	standard string                      // the address of a server that was installed and left as it is
	whole    func(address string) string // adds to the variable's address what tests count on; nil where that is nothing
	ping     func(ctx context.Context, address string) error
	plan     func() (plan, error) // errNotInstalled where the programs are missing
}

// remedy is what to do where there is no such server.
func (k kind) remedy() string {
	if k.variable == "" {
		return "run `make services`"
	}
	return "run `make services`, or set " + k.variable
}

var (
	errNotInstalled = errors.New("not installed on this machine")
	errNoServer     = errors.New("no server")
)

// process is what this test process knows of servers. It is a variable because a private server is started once for a process, and
// tests of a package share nothing else.
var process = finder{} //nolint:gochecknoglobals // see the comment

// finder finds servers and remembers them. Its zero value is ready for use.
type finder struct {
	privateOnly bool // for this package's own tests: look for no running server

	mu      sync.Mutex
	found   map[string]result
	private []*private
}

type result struct {
	address string
	err     error
}

// url returns the address of a server of kind k. If there is none it skips tb, or in CI fails it.
func (f *finder) url(tb testing.TB, k kind) string {
	tb.Helper()
	address, err := f.find(tb.Context(), k)
	switch {
	case err == nil:
	case errors.Is(err, errNoServer) && os.Getenv("CI") != "true":
		tb.Skip(err)
	default:
		tb.Fatal(err)
	}
	return address
}

// find looks for a server of kind k once and then keeps to the answer, so that all tests of a process meet the same server.
func (f *finder) find(ctx context.Context, k kind) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	r, ok := f.found[k.name]
	if !ok {
		r.address, r.err = f.look(ctx, k)
		if f.found == nil {
			f.found = map[string]result{}
		}
		f.found[k.name] = r
	}
	return r.address, r.err
}

func (f *finder) look(ctx context.Context, k kind) (string, error) {
	if address := os.Getenv(k.variable); address != "" && !f.privateOnly {
		if k.whole != nil {
			address = k.whole(address)
		}
		if err := answers(ctx, k, address); err != nil {
			return "", fmt.Errorf("servers: %s is set, but %s does not answer there: %w", k.variable, k.name, err)
		}
		return address, nil
	}
	if !f.privateOnly && answers(ctx, k, k.standard) == nil {
		return k.standard, nil
	}
	return f.startPrivate(ctx, k)
}

func (f *finder) startPrivate(ctx context.Context, k kind) (string, error) {
	p, err := k.plan()
	if errors.Is(err, errNotInstalled) {
		return "", fmt.Errorf("servers: %w: tests on %s need one: %s", errNoServer, k.name, k.remedy())
	}
	if err != nil {
		return "", fmt.Errorf("servers: starting a private %s: %w", k.name, err)
	}
	server, err := start(ctx, k, p)
	if err != nil {
		return "", fmt.Errorf("servers: %s is installed, but a private one would not start: %w", k.name, err)
	}
	f.private = append(f.private, server)
	return server.address, nil
}

// stop ends the private servers. Only tests of this package need it: otherwise the servers end with the process.
func (f *finder) stop() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, server := range f.private {
		server.stop()
	}
	f.private, f.found = nil, nil
}

// answers reports why no server of kind k can be used at an address, on one line, or nil if one can.
func answers(ctx context.Context, k kind, address string) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	err := k.ping(ctx, address)
	if err == nil {
		return nil
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
