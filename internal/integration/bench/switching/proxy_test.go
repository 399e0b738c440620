package switching_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"time"
)

// proxy forwards connections to a server and holds back what either side says
// for as long as it would be under way. Each direction of each connection has
// its own goroutines and its own clock, so that none waits for another, and
// each chunk is stamped when it arrives, so that a chunk does not wait for the
// one before it to be delivered.
type proxy struct {
	listener net.Listener
	server   [2]string // network and address
	delay    time.Duration

	running sync.WaitGroup
	mu      sync.Mutex
	conns   []net.Conn
	closed  bool
}

// newProxy returns a proxy to a server whose round trips are longer by twice
// the delay. It is closed when tb is over.
func newProxy(tb testing.TB, network, address string, delay time.Duration) *proxy {
	tb.Helper()
	listener, err := new(net.ListenConfig).Listen(tb.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &proxy{listener: listener, server: [2]string{network, address}, delay: delay}
	p.running.Go(p.accept)
	tb.Cleanup(p.close)
	return p
}

// dial connects to the proxy, whatever the address.
func (p *proxy) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	return new(net.Dialer).DialContext(ctx, "tcp", p.listener.Addr().String())
}

func (p *proxy) accept() {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		if !p.keep(client) {
			return
		}
		p.running.Go(func() { p.serve(client) })
	}
}

func (p *proxy) serve(client net.Conn) {
	server, err := new(net.Dialer).DialContext(context.Background(), p.server[0], p.server[1])
	if err != nil || !p.keep(server) {
		_ = client.Close()
		return
	}
	p.running.Go(func() { p.forward(server, client) })
	p.forward(client, server)
}

// keep remembers a connection to close, and closes it if the proxy is closed.
func (p *proxy) keep(conn net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = conn.Close()
		return false
	}
	p.conns = append(p.conns, conn)
	return true
}

func (p *proxy) close() {
	p.mu.Lock()
	p.closed = true
	_ = p.listener.Close()
	for _, conn := range p.conns {
		_ = conn.Close()
	}
	p.mu.Unlock()
	p.running.Wait()
}

const (
	chunkSize = 32 << 10
	// underWay is how many chunks a direction may hold. One of a query's answer
	// is far from it.
	underWay = 64
)

// chunk is what was read at once, and when the other side may have it.
type chunk struct {
	buffer *[chunkSize]byte
	size   int
	due    time.Time
}

// forward takes what source says to sink, until source is closed.
func (p *proxy) forward(sink, source net.Conn) {
	chunks, free := make(chan chunk, underWay), make(chan *[chunkSize]byte, underWay)
	p.running.Go(func() { p.receive(source, chunks, free) })
	p.deliver(sink, chunks, free)
	_ = source.Close() // in case that sink was closed first
	for range chunks { // lets receive see that
	}
	_ = sink.Close()
}

func (p *proxy) receive(source net.Conn, chunks chan<- chunk, free <-chan *[chunkSize]byte) {
	defer close(chunks)
	for {
		var buffer *[chunkSize]byte
		select {
		case buffer = <-free:
		default:
			buffer = new([chunkSize]byte)
		}
		n, err := source.Read(buffer[:])
		if n > 0 {
			chunks <- chunk{buffer, n, time.Now().Add(p.delay)}
		}
		if err != nil {
			return
		}
	}
}

func (p *proxy) deliver(sink net.Conn, chunks <-chan chunk, free chan<- *[chunkSize]byte) {
	clock, err := newAlarm()
	if err != nil {
		return
	}
	defer clock.close()
	for c := range chunks {
		if wait := time.Until(c.due); wait > 0 {
			clock.sleep(wait)
		}
		if _, err := sink.Write(c.buffer[:c.size]); err != nil {
			return
		}
		select {
		case free <- c.buffer:
		default:
		}
	}
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
