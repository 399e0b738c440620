package manager

import (
	"context"
	sqldriver "database/sql/driver"
	"io"
	"time"
)

// bounded is a connector that gives up when the time is over that connecting may take, the
// login with it, which Go-MySQL-Driver's own timeout does not cover. Many connect for
// nobody's context.
type bounded struct {
	sqldriver.Connector

	timeout time.Duration
}

// Connect implements [sqldriver.Connector].
func (b bounded) Connect(ctx context.Context) (sqldriver.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	return b.Connector.Connect(ctx)
}

// Close implements [io.Closer] for connectors that have something to close.
func (b bounded) Close() error {
	if closer, ok := b.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
