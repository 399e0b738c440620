//go:build unix

package postgres

import (
	"net"
	"syscall"
)

// ear is at a connection, whose socket stays the same for as long as it lives.
type ear struct {
	socket syscall.RawConn // nil where there is none to look at
	heard  line
	look   func(descriptor uintptr) // the method, bound once
}

func newEar(conn net.Conn) *ear {
	e := &ear{}
	e.look = e.peek
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn() // of a *tls.Conn
	}
	if conn, ok := conn.(syscall.Conn); ok {
		if socket, err := conn.SyscallConn(); err == nil {
			e.socket = socket
		}
	}
	return e
}

// listen looks at an idle connection without reading from it and without a
// round trip, so that one which the server has closed need not fail a statement.
//
// It goes by Control, which takes no lock, and not by Read, which waits for
// other readers: after a write that was slow, pgx leaves one in the background
// that does not return before the server says something. Control fails once the
// connection is closed, so that nobody else's descriptor is looked at.
func (e *ear) listen() line {
	if e.socket == nil {
		return lineQuiet
	}
	if err := e.socket.Control(e.look); err != nil {
		return lineDead
	}
	return e.heard
}

func (e *ear) peek(descriptor uintptr) {
	var one [1]byte
	n, _, err := syscall.Recvfrom(int(descriptor), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT) // #nosec G115 -- a descriptor is an int
	switch {
	case n > 0:
		e.heard = lineSpeaking
	case err == syscall.EAGAIN, err == syscall.EINTR:
		e.heard = lineQuiet
	default:
		e.heard = lineDead
	}
}
