package cache_test

import (
	"context"
	"net"
	"sync"
	"testing"
)

// proxy is a way to a server that can be cut.
type proxy struct {
	listener net.Listener
	server   string

	mu    sync.Mutex
	down  bool
	mute  bool // connections are taken and stay open, and nothing passes
	conns map[net.Conn]bool
	busy  sync.WaitGroup
}

func newProxy(t *testing.T, server string) *proxy {
	t.Helper()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{listener: listener, server: server, conns: map[net.Conn]bool{}}
	p.busy.Go(func() { p.accept(t.Context()) })
	t.Cleanup(func() {
		_ = listener.Close()
		p.cut()
		p.busy.Wait()
	})
	return p
}

func (p *proxy) address() string { return p.listener.Addr().String() }

func (p *proxy) accept(ctx context.Context) {
	for {
		client, err := p.listener.Accept()
		if err != nil {
			return
		}
		server, err := new(net.Dialer).DialContext(ctx, "tcp", p.server)
		if err != nil {
			_ = client.Close()
			continue
		}
		if !p.keep(client, server) {
			continue
		}
		p.busy.Go(func() { p.pass(server, client) })
		p.busy.Go(func() { p.pass(client, server) })
	}
}

func (p *proxy) keep(conns ...net.Conn) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, conn := range conns {
		p.conns[conn] = true
		if p.down {
			_ = conn.Close()
		}
	}
	return !p.down
}

func (p *proxy) pass(to, from net.Conn) {
	defer func() { _ = to.Close() }()
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		p.mu.Lock()
		mute := p.mute
		p.mu.Unlock()
		if !mute && n > 0 {
			if _, err := to.Write(buffer[:n]); err != nil {
				return
			}
		}
		if err != nil {
			return
		}
	}
}

// cut ends all connections, and takes no new ones.
func (p *proxy) cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down = true
	for conn := range p.conns {
		_ = conn.Close()
	}
	clear(p.conns)
}

// silence lets nothing pass any more, and ends nothing.
func (p *proxy) silence() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.mute = true
}

// mend lets new connections through again.
func (p *proxy) mend() {
	p.cut()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.down, p.mute = false, false
}
