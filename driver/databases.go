package driver

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
)

// Databases says how tenants' own databases are opened, and how many
// connections to them there may be.
//
// A tenant has a pool of its own, which costs little and is kept. Connections
// are what a server has few of, so they are rationed: all tenants on a server
// share its MaxConns. Where none is left, a statement waits for its turn, first
// come, first served, until its context ends. An idle connection of whoever has
// not used it for longest is closed for it, or else the next that is given
// back. While more tenants are active than there are connections, one is closed
// and opened for nearly every statement: a pooler in front of the server serves
// them better.
//
// That is the order of tenants. Where one has as many connections as it may, its
// own statements wait for each other, and database/sql serves any of them next,
// not the one that came first.
//
// A tenant may have MaxConnsPerTenant connections, and fewer while many are
// active, down to one: MaxConns divided by those who were in the last two seconds,
// also while connections are free, so that who comes next finds one. When fewer are
// active, those who wait already have more of them too. So a statement
// that is made while rows or a transaction of the same goroutine are open may wait
// for them, and has to have a context that ends. The same holds for one that is
// made within another tenant's transaction.
//
// A tenant whose record names another place gets a new pool. The old one closes
// when the statements, rows and transactions that use it are done. A record
// that is older than the pool, by tenancy.Tenant.Version, and names another
// place fails with tenancy.ErrInvalidPlacement.
//
// (*sql.Conn).Raw yields a value with the method
//
//	Unwrap() driver.Conn
//
// that returns the Connector's own connection. It must not be closed.
type Databases struct {
	// Open says how to reach the database of a tenant, whose Placement is
	// complete. It should not connect: the driver does, when there is something to
	// do. It is called once for each place of a tenant, however many ask at once,
	// and again when it failed or the pool was closed for being idle. Its context
	// has the values of the first who asked, and ends when all who wait have gone.
	Open func(ctx context.Context, t tenancy.Tenant) (Database, error)

	// MaxConns is how many connections there may be to one server, of all its
	// tenants and from this driver. What else connects to the server has to fit
	// beside them, and so do sessions that the server is still ending.
	// Defaults to 80.
	MaxConns int

	// MaxConnsPerTenant is how many of them one tenant may have while there are
	// enough for all. Defaults to 8.
	MaxConnsPerTenant int

	// MaxIdleTime is how long a connection stays open without use, and after how
	// long without use and connections a tenant's pool is closed.
	// Defaults to 5 minutes.
	MaxIdleTime time.Duration

	// MaxPools is how many pools are kept. Beyond them the least recently used
	// are closed, unless they are in use. One without connections costs a few
	// kilobytes. Defaults to 10 000.
	MaxPools int
}

// Database is how to reach the database of one tenant.
type Database struct {
	// Connector opens connections to it. Nothing of it may depend on a context. If
	// it is an [io.Closer], it is closed after the pool and the last of its connections.
	//
	// A connection whose Close returns before the session is over can say when it
	// is, with a method CleanupDone() <-chan struct{}. Until then it counts.
	Connector sqldriver.Connector
	// Server names the server that it is on, such as "10.0.0.7:5432": databases of
	// the same name share one budget of connections. It must hold no secret.
	Server string
	// Replicas are read-only copies of it. Their connections count for the same
	// server.
	Replicas []sqldriver.Connector
}

// withDefaults returns the configuration with its defaults, or says what is
// wrong with it.
func (c Databases) withDefaults() (Databases, error) {
	if c.Open == nil {
		return c, errors.New("driver: Databases.Open must not be nil")
	}
	for _, field := range []struct {
		name  string
		value *int
		or    int
	}{
		{"MaxConns", &c.MaxConns, 80},
		{"MaxConnsPerTenant", &c.MaxConnsPerTenant, 8},
		{"MaxPools", &c.MaxPools, 10_000},
	} {
		if *field.value < 0 {
			return c, fmt.Errorf("driver: Databases.%s is %d and must not be negative", field.name, *field.value)
		}
		if *field.value == 0 {
			*field.value = field.or
		}
	}
	if c.MaxIdleTime < 0 {
		return c, fmt.Errorf("driver: Databases.MaxIdleTime is %s and must not be negative", c.MaxIdleTime)
	}
	if c.MaxIdleTime == 0 {
		c.MaxIdleTime = 5 * time.Minute
	}
	return c, nil
}

// validate reports what is missing in what Open has returned.
func (d Database) validate() error {
	if d.Connector == nil {
		return errors.New("Databases.Open returned no Connector")
	}
	for i, replica := range d.Replicas {
		if replica == nil {
			return fmt.Errorf("Databases.Open returned a Database whose Replicas[%d] is nil", i)
		}
	}
	return nil
}
