package mysql_test

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
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
