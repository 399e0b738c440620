// Package connecttimeout bounds how long a database/sql connector may take to connect.
package connecttimeout

import (
	"context"
	"database/sql/driver"
	"io"
	"time"
)

// Connector is a connector that gives up when the Timeout is over, the login with it,
// which Go-MySQL-Driver's own timeout does not cover. Many connect for nobody's context.
type Connector struct {
	driver.Connector

	Timeout time.Duration
}

// Connect implements [driver.Connector].
func (c Connector) Connect(ctx context.Context) (driver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, c.Timeout)
	defer cancel()
	return c.Connector.Connect(ctx)
}

// Close implements [io.Closer] for connectors that have something to close.
func (c Connector) Close() error {
	if closer, ok := c.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
