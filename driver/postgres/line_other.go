//go:build !unix

package postgres

import "net"

// ear is at a connection.
type ear struct{}

func newEar(net.Conn) *ear { return &ear{} }

// listen cannot tell on this system.
func (*ear) listen() line { return lineQuiet }
