package switching_test

import (
	"context"
	"net"
	"sync/atomic"

	"github.com/jackc/pgx/v5/pgconn"
)

// trips counts the round trips of all the connections that it dials.
type trips struct{ atomic.Int64 }

func (t *trips) dial(dial pgconn.DialFunc) pgconn.DialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		conn, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &countedConn{Conn: conn, trips: t}, nil
	}
}

// during returns how many round trips do takes.
func (t *trips) during(do func()) int64 {
	before := t.Load()
	do()
	return t.Load() - before
}

// countedConn counts the writes that come first, or after a read: as many as
// there are round trips.
type countedConn struct {
	net.Conn
	trips *trips
	wrote atomic.Bool
}

func (c *countedConn) Write(b []byte) (int, error) {
	if !c.wrote.Swap(true) {
		c.trips.Add(1)
	}
	return c.Conn.Write(b)
}

func (c *countedConn) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 {
		c.wrote.Store(false)
	}
	return n, err
}
