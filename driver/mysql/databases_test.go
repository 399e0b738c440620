package mysql_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"io"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
)

var errUnreachable = errors.New("unreachable")

// endless is a connector to a server that does not answer.
type endless struct{ ends bool }

func (e *endless) Connect(ctx context.Context) (sqldriver.Conn, error) {
	_, e.ends = ctx.Deadline()
	return nil, errUnreachable
}

func (*endless) Driver() sqldriver.Driver { return nil }

func TestConnectingEnds(t *testing.T) {
	t.Parallel()
	server := &endless{}
	open := mysql.Open(func(string) (sqldriver.Connector, string, error) { return server, "server", nil })
	tenant := tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationDatabase}
	tenant.Placement.DatabaseURL = tenancy.NewSecret("dsn")
	database, err := open(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := database.Connector.Connect(context.WithoutCancel(t.Context())); !errors.Is(err, errUnreachable) || !server.ends {
		t.Errorf("connecting may go on for ever: %v", err)
	}
}

// closing is a connector that can be closed, of connections that say when their
// sessions are over.
type closing struct {
	sqldriver.Conn
	closed int
	over   chan struct{}
}

func (c *closing) Connect(context.Context) (sqldriver.Conn, error) { return c, nil }
func (*closing) Driver() sqldriver.Driver                          { return nil }
func (c *closing) CleanupDone() <-chan struct{}                    { return c.over }

func (c *closing) Close() error {
	c.closed++
	return errUnreachable
}

func TestWhatCanBeClosedIs(t *testing.T) {
	t.Parallel()
	server := &closing{over: make(chan struct{})}
	open := mysql.Open(func(string) (sqldriver.Connector, string, error) { return server, "server", nil })
	tenant := tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationDatabase}
	tenant.Placement.DatabaseURL = tenancy.NewSecret("dsn")
	database, err := open(t.Context(), tenant)
	if err != nil {
		t.Fatal(err)
	}
	closer, ok := database.Connector.(io.Closer)
	if !ok || !errors.Is(closer.Close(), errUnreachable) || server.closed != 1 {
		t.Errorf("the connector was closed %d times", server.closed)
	}
	conn, err := database.Connector.Connect(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	ending, ok := conn.(interface{ CleanupDone() <-chan struct{} })
	if !ok || ending.CleanupDone() != (<-chan struct{})(server.over) {
		t.Error("the connection does not say when its session is over")
	}
}
