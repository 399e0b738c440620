package postgres

import (
	"context"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// lingering is how long the server may take to end a session that it was told
// to end.
const lingering = time.Second

// lingerer is a socket that closes when the server has closed its side. A
// server counts a session until it has ended, and so does whoever keeps to its
// number of connections.
type lingerer struct {
	net.Conn
	begun atomic.Bool // the session: before, there is nothing to wait for
	once  sync.Once
	err   error
}

// linger has dial open sockets that linger.
func linger(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		socket, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		l := &lingerer{Conn: socket}
		if raw, ok := socket.(syscall.Conn); ok {
			return &rawLingerer{l, raw}, nil
		}
		return l, nil
	}
}

// rawLingerer is one whose socket can be looked at.
type rawLingerer struct {
	*lingerer
	syscall.Conn
}

// lingers has a session's socket linger.
func lingers(wire *pgconn.PgConn) {
	socket := wire.Conn()
	if wrapped, ok := socket.(interface{ NetConn() net.Conn }); ok {
		socket = wrapped.NetConn() // of a *tls.Conn
	}
	if socket, ok := socket.(interface{ begin() }); ok {
		socket.begin()
	}
}

func (l *lingerer) begin() { l.begun.Store(true) }

// Close implements [net.Conn].
func (l *lingerer) Close() error {
	l.once.Do(func() {
		if l.begun.Load() && l.SetReadDeadline(time.Now().Add(lingering)) == nil {
			_, _ = io.Copy(io.Discard, l.Conn)
		}
		l.err = l.Conn.Close()
	})
	return l.err
}

// CleanupDone returns a channel that is closed when the server has ended the
// session. pgx sees to that in the background where a statement was cancelled.
func (c *conn) CleanupDone() <-chan struct{} { return c.wire().CleanupDone() }
