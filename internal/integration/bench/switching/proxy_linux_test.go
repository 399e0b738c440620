package switching_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// oneWay is what the proxy adds to each direction.
const oneWay = 500 * time.Microsecond

// delayed is the way to the server by a proxy that adds 1 ms to a round trip.
func delayed(tb testing.TB, w *world) []network {
	tb.Helper()
	kind, address := w.nearest(tb)
	p := newProxy(tb, kind, address, oneWay)
	return []network{{"1ms", func(pgconn.DialFunc) pgconn.DialFunc { return p.dial }}}
}

// nearest is how a proxy reaches the server: by its socket in the file system
// where it serves there, so that client and server pay for one network, not two.
func (w *world) nearest(tb testing.TB) (network, address string) {
	tb.Helper()
	config, err := pgx.ParseConfig(w.app)
	if err != nil {
		tb.Fatal("a URL of the server does not parse")
	}
	open, _ := os.ReadFile("/proc/net/unix") // where there is none, no socket is to be seen
	for path := range strings.FieldsSeq(string(open)) {
		if filepath.Base(path) != fmt.Sprintf(".s.PGSQL.%d", config.Port) {
			continue
		}
		near := config.Copy()
		near.Host, near.TLSConfig, near.Fallbacks = filepath.Dir(path), nil, nil
		if conn, err := pgx.ConnectConfig(tb.Context(), near); err == nil {
			_ = conn.Close(tb.Context())
			return "unix", path
		}
	}
	return pgconn.NetworkAddress(config.Host, config.Port)
}

// proxy is a relay to a server, in a process of its own.
type proxy struct{ address string }

// relayVariable has the test binary be a relay: the network and the address of
// the server, and the delay.
const relayVariable = "TENANCY_BENCH_RELAY"

func TestMain(m *testing.M) {
	if server, ok := os.LookupEnv(relayVariable); ok {
		if err := serveRelay(server); err != nil {
			_, _ = fmt.Fprintln(os.Stderr, "the relay:", err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func serveRelay(server string) error {
	r := &relay{}
	if _, err := fmt.Sscan(server, &r.network, &r.address, (*int64)(&r.delay)); err != nil {
		return err
	}
	return r.serve()
}

// newProxy returns a proxy to a server whose round trips are longer by twice
// the delay. It is closed when tb is over.
func newProxy(tb testing.TB, network, address string, delay time.Duration) *proxy {
	tb.Helper()
	self, err := os.Executable()
	if err != nil {
		tb.Fatal(err)
	}
	cmd := exec.CommandContext(tb.Context(), self)
	cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "GODEBUG=asyncpreemptoff=1", fmt.Sprintf("%s=%s %s %d", relayVariable, network, address, delay))
	cmd.Stderr = os.Stderr
	alive, err := cmd.StdinPipe() // which ends with this process, however it does
	if err != nil {
		tb.Fatal(err)
	}
	said, err := cmd.StdoutPipe()
	if err != nil {
		tb.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		_ = alive.Close()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(said).ReadString('\n')
	if err != nil {
		tb.Fatalf("the proxy does not say where it listens: %v", err)
	}
	return &proxy{strings.TrimSpace(line)}
}

// dial connects to the proxy, whatever the address.
func (p *proxy) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", p.address)
}

// TestProxy shows that the proxy neither loses nor mixes what connections say,
// that it hangs up on one side when the other does, and that it delays.
func TestProxy(t *testing.T) {
	t.Parallel()
	p := newProxy(t, "tcp", echo(t), oneWay)
	var all sync.WaitGroup
	for range 16 {
		all.Go(func() {
			if err := throughProxy(t, p); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
}

// patience is how long a test waits for what should come at once.
const patience = 10 * time.Second

func throughProxy(t *testing.T, p *proxy) error {
	t.Helper()
	conn, err := p.dial(t.Context(), "", "")
	if err != nil {
		return err
	}
	defer conn.Close()
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil { // for a proxy that loses something
		return err
	}
	said, heard := make([]byte, 3*chunkSize+1), make([]byte, 3*chunkSize+1)
	if _, err := rand.Read(said); err != nil {
		return err
	}
	start := time.Now()
	if _, err := conn.Write(said); err != nil {
		return err
	}
	if _, err := io.ReadFull(conn, heard); err != nil {
		return err
	}
	if took := time.Since(start); took < 2*oneWay {
		t.Errorf("a round trip took %s", took)
	}
	if !bytes.Equal(said, heard) {
		return errors.New("what came back is not what was sent")
	}
	if n, err := conn.Read(heard); n != 0 || err == nil {
		return errors.New("the proxy did not hang up with the server")
	}
	return nil
}

// echo returns the address of a server that says what it hears, once.
func echo(t *testing.T) string {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go func() {
				_, _ = io.CopyN(conn, conn, 3*chunkSize+1)
				_ = conn.Close()
			}()
		}
	}()
	return listener.Addr().String()
}
