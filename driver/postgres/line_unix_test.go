//go:build unix

package postgres

import (
	"net"
	"testing"
	"time"
)

// TestListenBesideAReader is what pgx does after a slow write: a goroutine of
// its own goes on reading the connection when that is idle again.
func TestListenBesideAReader(t *testing.T) {
	t.Parallel()
	listener, err := new(net.ListenConfig).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	client, err := new(net.Dialer).DialContext(t.Context(), "tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Close() }()
	server, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_, _ = client.Read(make([]byte, 1))
	}()
	time.Sleep(50 * time.Millisecond) // for it to wait
	if heard := listenSoon(t, client); heard != lineQuiet {
		t.Errorf("an idle connection: got %d", heard)
	}
	_ = server.Close()
	<-ended
	if heard := listenSoon(t, client); heard != lineDead {
		t.Errorf("a closed connection: got %d", heard)
	}
}

func listenSoon(t *testing.T, conn net.Conn) line {
	t.Helper()
	heard := make(chan line, 1)
	go func() { heard <- newEar(conn).listen() }()
	select {
	case got := <-heard:
		return got
	case <-time.After(10 * time.Second):
		t.Fatal("it waits for the other reader")
		return lineQuiet
	}
}
