package manager

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/mysql"
	"github.com/entenancy/tenancy/internal/connecttimeout"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
)

// mysqlDatabases reaches MySQL and MariaDB by the driver that the program has
// imported.
type mysqlDatabases struct {
	config Config
	driver sqldriver.DriverContext
}

func newMySQL(c Config) (databases, error) {
	name, err := registered("mysql")
	if err != nil {
		return nil, err
	}
	db, err := sql.Open(name, "/")
	if err != nil {
		return nil, errors.New(`manager: the driver "mysql" for database/sql cannot be used`)
	}
	defer func() { _ = db.Close() }()
	d, ok := db.Driver().(sqldriver.DriverContext)
	if !ok {
		return nil, errors.New(`manager: the driver "mysql" for database/sql makes no connectors: use github.com/go-sql-driver/mysql`)
	}
	return mysqlDatabases{config: c, driver: d}, nil
}

func (m mysqlDatabases) home(address tenancy.Secret, _ bool) (pool, error) {
	connector, _, err := m.connector(address.Reveal())
	if err != nil {
		return pool{}, err
	}
	db := sql.OpenDB(marking{connector})
	m.config.Database.limit(db)
	p := onDriver(dialect.MySQL, db)
	p.driver = mysql.Schemas(p.driver)
	return p, nil
}

func (mysqlDatabases) prepare() error { return nil }

func (m mysqlDatabases) admin() (*sql.DB, error) { return m.plain(m.config.Database.AdminURL) }

func (m mysqlDatabases) open(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
	return mysql.Open(m.connector)(ctx, t)
}

// owned reaches a tenant's database as the user that makes databases on its
// server; on any other server, as its placement says.
func (m mysqlDatabases) owned(ctx context.Context, t tenancy.Tenant) (migrate.Database, error) {
	opened, err := m.open(ctx, t)
	if err != nil {
		return migrate.Database{}, err
	}
	own, err := mysqlDSN(t.Placement.DatabaseURL.Reveal(), m.config.Database)
	if err != nil {
		return migrate.Database{}, err
	}
	owner, err := mysqlDSN(m.serverURL().Reveal(), m.config.Database)
	if err != nil {
		return migrate.Database{}, err
	}
	connector := opened.Connector
	if own.Address() == owner.Address() {
		owner.Name = own.Name
		if connector, _, err = m.connector(owner.String()); err != nil {
			return migrate.Database{}, err
		}
	}
	return migrate.Database{DB: sql.OpenDB(connector), Server: opened.Server}, nil
}

// serverURL is where tenants' databases are made.
func (m mysqlDatabases) serverURL() tenancy.Secret {
	if other := m.config.Isolation.ServerURL; !other.IsZero() {
		return other
	}
	return m.config.Database.AdminURL
}

func (m mysqlDatabases) server() (*sql.DB, error) {
	if m.config.Isolation.ServerURL.IsZero() {
		return nil, nil //nolint:nilnil // documented: the home's
	}
	return m.plain(m.config.Isolation.ServerURL)
}

func (m mysqlDatabases) keepers(home, server *sql.DB, roles func(tenancy.Secret) []string) (map[tenancy.Isolation]namespace.Keeper, error) {
	config := namespace.MySQLConfig{Names: m.config.names(), Users: roles(m.config.Database.AdminURL)}
	schemas, err := namespace.NewMySQLSchemas(home, config)
	if err != nil {
		return nil, err
	}
	at, err := serverAs(m.serverURL(), m.config.Database.URL)
	if err != nil {
		return nil, err
	}
	dsn, err := mysqlDSN(at.String(), m.config.Database)
	if err != nil {
		return nil, err
	}
	config.Users = roles(m.serverURL())
	databases, err := namespace.NewMySQLDatabases(server, tenancy.NewSecret(dsn.String()), config)
	return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases}, err
}

func (mysqlDatabases) locker(home *sql.DB) namespace.Locker { return namespace.MySQLLocker(home) }

func (m mysqlDatabases) plain(address tenancy.Secret) (*sql.DB, error) {
	connector, _, err := m.connector(address.Reveal())
	if err != nil {
		return nil, err
	}
	db := sql.OpenDB(connector)
	m.config.Database.keep(db)
	return db, nil
}

// connector keeps the driver's error to itself, which may hold a part of the URL.
func (m mysqlDatabases) connector(address string) (sqldriver.Connector, string, error) {
	dsn, err := mysqlDSN(address, m.config.Database)
	if err != nil {
		return nil, "", err
	}
	connector, err := m.driver.OpenConnector(dsn.String())
	if err != nil {
		return nil, "", errors.New("manager: the driver of MySQL does not understand the URL")
	}
	return connecttimeout.Connector{Connector: connector, Timeout: m.config.Database.ConnectTimeout}, dsn.Address(), nil
}
