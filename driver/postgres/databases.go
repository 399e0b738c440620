package postgres

import (
	"cmp"
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/pgerror"
)

// Databases opens tenants' own databases, each by the URL in its
// Placement.DatabaseURL and with the credentials that are in it. The zero
// Databases is good for most:
//
//	driver.Config{Databases: driver.Databases{Open: postgres.Databases{}.Open}}
//
// Safe for concurrent use, if Adjust is.
type Databases struct {
	// Config is for the connections to each of the databases.
	Config Config

	// Adjust changes how a tenant's database is reached, once its URL has been
	// read: to set a timeout, TLS or a tracer for all of them, or to take the
	// password from elsewhere. Its ConnectTimeout is 30 seconds where the URL has no
	// connect_timeout; zero would be none at all. An error of Adjust must not hold
	// what the configuration holds. Defaults to no change.
	Adjust func(ctx context.Context, t tenancy.Tenant, config *pgx.ConnConfig) error
}

// connectTimeout is how long connecting may take where nobody says it. Many connect
// for nobody's context: without an end to it, a server that does not answer would
// keep the tenant's place among the connections for ever.
const connectTimeout = 30 * time.Second

// Open is for [driver.Databases].Open. It does not connect.
//
// The URL has to be one of postgres://, and to name a host and a database, so
// that nothing of the environment decides where a tenant's rows are. It fails
// with tenancy.ErrInvalidPlacement, and says nothing of what is in the URL. The
// driver says whose it is.
//
// Its connections serve that tenant and no other scope: a statement under
// another one fails with tenancy.ErrCrossTenant, and is not sent.
//
// The server is the URL's list of hosts and ports: name one server always by
// the same name, or it will have a budget for each.
func (d Databases) Open(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
	pg, err := parseURL(t.Placement.DatabaseURL.Reveal())
	if err != nil {
		return driver.Database{}, fmt.Errorf("postgres: %w: Placement.DatabaseURL %w", tenancy.ErrInvalidPlacement, err)
	}
	pg.ConnectTimeout = cmp.Or(pg.ConnectTimeout, connectTimeout)
	if d.Adjust != nil {
		if err := d.Adjust(ctx, t, pg); err != nil {
			return driver.Database{}, err
		}
	}
	pg.DialFunc = linger(pg.DialFunc)
	connector, err := NewConnector(pg, d.Config)
	if err != nil {
		return driver.Database{}, err
	}
	connector.only = t.ID
	return driver.Database{Connector: &databaseConnector{connector, t.String()}, Server: serverOf(pg)}, nil
}

// parseURL reads a URL. Its errors say nothing of what is in it, which those of
// the parsers would.
func parseURL(text string) (*pgx.ConnConfig, error) {
	address, err := url.Parse(text)
	if err != nil || address.Scheme != "postgres" && address.Scheme != "postgresql" {
		return nil, errors.New("is not a URL of the scheme postgres")
	}
	query := address.Query()
	if query.Get("host") == "" && slices.ContainsFunc(strings.Split(address.Host, ","), isNoHost) {
		return nil, errors.New("names no host")
	}
	if strings.Trim(address.Path, "/") == "" && query.Get("dbname") == "" && query.Get("database") == "" {
		return nil, errors.New("names no database")
	}
	config, err := pgx.ParseConfig(text)
	if err != nil || config.Host == "" || config.Database == "" {
		return nil, errors.New("cannot be used: check its parameters, and the files that they name")
	}
	return config, nil
}

func isNoHost(host string) bool { return host == "" || strings.HasPrefix(host, ":") }

// serverOf names the hosts of a configuration, in an order of its own.
func serverOf(pg *pgx.ConnConfig) string {
	hosts := []string{net.JoinHostPort(pg.Host, strconv.Itoa(int(pg.Port)))}
	for _, other := range pg.Fallbacks { // the same hosts again, where TLS is optional
		hosts = append(hosts, net.JoinHostPort(other.Host, strconv.Itoa(int(other.Port))))
	}
	slices.Sort(hosts)
	return strings.Join(slices.Compact(hosts), ",")
}

// databaseConnector connects to the database of one tenant.
type databaseConnector struct {
	*Connector
	tenant string // as it is named in errors
}

// Connect implements [sqldriver.Connector].
func (c *databaseConnector) Connect(ctx context.Context) (sqldriver.Conn, error) {
	opened, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, fmt.Errorf("postgres: opening the database of %s: %w", c.tenant, pgerror.WithoutConfig(err))
	}
	if opened, ok := opened.(*conn); ok {
		lingers(opened.wire())
	}
	return opened, nil
}
