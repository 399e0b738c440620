package manager

import (
	"context"
	sqldriver "database/sql/driver"
	"io"

	replicas "github.com/entenancy/tenancy/internal/replica"
)

// marking is a connector whose errors say that nothing was sent, so that the home
// answers for a replica that lets nobody in. On PostgreSQL the connector of package
// driver/postgres does the same.
type marking struct{ sqldriver.Connector }

// Connect implements [sqldriver.Connector].
func (m marking) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := m.Connector.Connect(ctx)
	return conn, replicas.Unreached(err)
}

// Close implements [io.Closer] for connectors that have something to close.
func (m marking) Close() error {
	if closer, ok := m.Connector.(io.Closer); ok {
		return closer.Close()
	}
	return nil
}
