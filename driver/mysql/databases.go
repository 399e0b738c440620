package mysql

import (
	"context"
	sqldriver "database/sql/driver"
	"fmt"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/connecttimeout"
	"github.com/entenancy/tenancy/internal/guard"
)

// Open returns a function for driver.Databases.Open. It reaches the database of
// a tenant with tenancy.IsolationDatabase by its Placement.DatabaseURL, which is
// a data source name as parse understands it. parse returns a connector, and
// the server's address for the budget of connections. With go-sql-driver:
//
//	mysql.Open(func(dsn string) (driver.Connector, string, error) {
//		config, err := gomysql.ParseDSN(dsn)
//		if err != nil {
//			return nil, "", err
//		}
//		connector, err := gomysql.NewConnector(config)
//		return connector, config.Addr, err
//	})
//
// A connector that is an [io.Closer] is closed as driver.Database says, and what its
// connections say by CleanupDone counts.
//
// The DSN has to name the database. parse must not connect, and may refuse what
// it does not like in a DSN. Its error is not passed on, since it may hold a
// part of the DSN: all that the caller sees is tenancy.ErrInvalidPlacement. The
// connections refuse, with [ErrRefused], what the package comment says.
//
// Connecting ends after two minutes at the latest, with the login. Set a shorter
// Timeout in parse, or timeout in the DSN.
func Open(parse func(dsn string) (connector sqldriver.Connector, server string, err error)) func(context.Context, tenancy.Tenant) (driver.Database, error) {
	return func(_ context.Context, t tenancy.Tenant) (driver.Database, error) {
		dsn := t.Placement.DatabaseURL.Reveal()
		if t.Isolation != tenancy.IsolationDatabase || dsn == "" {
			return driver.Database{}, fmt.Errorf("mysql: %w: %s has no database URL", tenancy.ErrInvalidPlacement, t)
		}
		inner, server, err := parse(dsn)
		if err != nil || inner == nil {
			return driver.Database{}, fmt.Errorf("mysql: %w: the database URL of %s is not a DSN that can be used; what is wrong with it may be secret",
				tenancy.ErrInvalidPlacement, t)
		}
		return driver.Database{Connector: connector{connecttimeout.Connector{Connector: inner, Timeout: connectTimeout}}, Server: server}, nil
	}
}

// connectTimeout is how long connecting may take, whatever the DSN says: a server that
// does not answer would keep the tenant's place among the connections for ever.
const connectTimeout = 2 * time.Minute

// connector opens connections to a tenant's own database.
type connector struct{ connecttimeout.Connector }

func (c connector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	conn, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &guard.Conn{Conn: conn, Check: check}, nil
}
