//go:build unix

package postgres

import (
	"net"
	"syscall"
)

// listen looks at an idle connection without reading from it and without a
// round trip, so that one which the server has closed need not fail a statement.
//
// It goes by Control, which takes no lock, and not by Read, which waits for
// other readers: after a write that was slow, pgx leaves one in the background
// that does not return before the server says something.
func listen(conn net.Conn) line {
	if wrapped, ok := conn.(interface{ NetConn() net.Conn }); ok {
		conn = wrapped.NetConn() // of a *tls.Conn
	}
	socket, ok := conn.(syscall.Conn)
	if !ok {
		return lineQuiet
	}
	raw, err := socket.SyscallConn()
	if err != nil {
		return lineDead
	}
	heard := lineQuiet
	err = raw.Control(func(fd uintptr) {
		var one [1]byte
		n, _, err := syscall.Recvfrom(int(fd), one[:], syscall.MSG_PEEK|syscall.MSG_DONTWAIT) // #nosec G115 -- a descriptor is an int
		switch {
		case n > 0:
			heard = lineSpeaking
		case err == nil:
			heard = lineDead
		case err != syscall.EAGAIN && err != syscall.EINTR:
			heard = lineDead
		}
	})
	if err != nil {
		return lineDead
	}
	return heard
}
