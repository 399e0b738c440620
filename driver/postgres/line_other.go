//go:build !unix

package postgres

import "net"

// listen cannot tell on this system.
func listen(net.Conn) line { return lineQuiet }
