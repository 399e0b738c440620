package driver

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"sync/atomic"
	"testing"

	"github.com/entenancy/tenancy"
)

// closingConnector counts how often it was closed.
type closingConnector struct {
	fakeConnector
	closed atomic.Int64
	err    error
}

func (c *closingConnector) Close() error {
	c.closed.Add(1)
	return c.err
}

// newClosing returns pools of tenants with a database and a replica, whose connectors
// are closed with them.
func newClosing(t *testing.T) (ps *pools, server *fakeServer, primary, replica *closingConnector) {
	t.Helper()
	server = &fakeServer{}
	primary = &closingConnector{fakeConnector: fakeConnector{server: server}}
	replica = &closingConnector{fakeConnector: fakeConnector{server: server}}
	ps, _ = newFake(t, Databases{Open: func(context.Context, tenancy.Tenant) (Database, error) {
		return Database{Connector: primary, Replicas: []sqldriver.Connector{replica}, Server: "server"}, nil
	}})
	return ps, server, primary, replica
}

// begin begins a transaction of tenant 1 in its database, or in the replica.
func begin(t *testing.T, ps *pools, number int) *sql.Tx {
	t.Helper()
	p, err := ps.lease(t.Context(), fakeTenant(1))
	must(t, err)
	defer p.release()
	tx, err := p.dbs[number].BeginTx(t.Context(), nil)
	must(t, err)
	return tx
}

func TestConnectorIsClosedAfterItsConnections(t *testing.T) {
	t.Parallel()
	ends := map[string]func(*testing.T, *pools){
		"forgotten": func(_ *testing.T, ps *pools) { ps.forget(fakeTenant(1).ID) },
		"closed":    func(t *testing.T, ps *pools) { t.Helper(); must(t, ps.close()) },
	}
	for name, end := range ends {
		for number := range 2 {
			ps, server, primary, replica := newClosing(t)
			tx := begin(t, ps, number)
			must(t, begin(t, ps, 1-number).Rollback())
			end(t, ps)
			until(t, "the idle connection is closed", func() bool { open, _, _, _ := server.state(); return open == 1 })
			if primary.closed.Load() != 0 || replica.closed.Load() != 0 {
				t.Errorf("%s: the connectors were closed while a transaction is open", name)
			}
			must(t, tx.Commit())
			until(t, "the connectors are closed", func() bool { return primary.closed.Load() == 1 && replica.closed.Load() == 1 })
			must(t, ps.close())
			if primary.closed.Load() != 1 || replica.closed.Load() != 1 {
				t.Errorf("%s: a connector was closed twice", name)
			}
		}
	}
}

// TestConnectorIsClosedAfterItsSessions has a connection whose session outlives it.
func TestConnectorIsClosedAfterItsSessions(t *testing.T) {
	t.Parallel()
	ps, server, primary, _ := newClosing(t)
	over := make(chan struct{})
	server.set(func(s *fakeServer) { s.pending = over })
	must(t, begin(t, ps, 0).Rollback())
	ps.forget(fakeTenant(1).ID)
	until(t, "the pool is closed", func() bool { return ps.server(t).Pools == 0 })
	if primary.closed.Load() != 0 {
		t.Error("the connector was closed before the session was over")
	}
	close(over)
	until(t, "the connector is closed", func() bool { return primary.closed.Load() == 1 })
}

func TestCloseSaysWhyAConnectorIsNotClosed(t *testing.T) {
	t.Parallel()
	ps, _, primary, _ := newClosing(t)
	primary.err = errors.New("stuck")
	must(t, begin(t, ps, 0).Rollback())
	if err := ps.close(); !errors.Is(err, primary.err) {
		t.Errorf("close returned %v", err)
	}
}
