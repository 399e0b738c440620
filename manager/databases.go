package manager

import (
	"context"
	"database/sql"
	"fmt"
	"slices"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
)

// databases is how one kind of database is reached.
type databases interface {
	// home opens a pool that acts for the tenant of each statement, as the role
	// that serves requests, or as the one that serves System scopes.
	home(address tenancy.Secret, system bool) (pool, error)
	// prepare makes what has to be there before anybody connects.
	prepare() error
	// admin opens a plain pool, as the role that owns the tables.
	admin() (*sql.DB, error)
	// open says how to reach the database of a tenant's own.
	open(ctx context.Context, t tenancy.Tenant) (driver.Database, error)
	// owned opens it for the role that owns the tables, for migrations.
	owned(ctx context.Context, t tenancy.Tenant) (migrate.Database, error)
	// server opens the server on which tenants' databases are made, and returns
	// nil if that is the home's.
	server() (*sql.DB, error)
	// keepers make tenants' schemas, databases and files, by isolation: on the
	// home and on that server, for the roles that serve requests where an owner is
	// whom a URL names, nil where grants are somebody else's business.
	keepers(home, server *sql.DB, roles func(owner tenancy.Secret) []string) (map[tenancy.Isolation]namespace.Keeper, error)
	// locker keeps other processes from a tenant, and is nil if there can be none.
	locker(home *sql.DB) namespace.Locker
}

// pool is a pool of connections, and the driver of ent on it.
type pool struct {
	db     *sql.DB
	driver dialect.Driver
}

// newDatabases returns that of the kind of database that the configuration names.
func newDatabases(c Config, app App) (databases, error) {
	switch dialectOf(c.Database.URL) {
	case dialect.Postgres:
		return postgresDatabases{config: c, tables: app.Tenancy}, nil
	case dialect.MySQL:
		return newMySQL(c)
	default:
		return newSQLite(c, app)
	}
}

// limit sets the sizes of a pool to the home.
func (d DatabaseConfig) limit(db *sql.DB) {
	db.SetMaxOpenConns(d.PoolSize + d.MaxOverflow)
	d.keep(db)
}

// ration sets the size of the pool by which requests ask the registry. Anybody can have
// tenants looked up that do not exist, and is not to use up the server's connections.
func (d DatabaseConfig) ration(db *sql.DB) {
	db.SetMaxOpenConns(d.PoolSize)
	d.keep(db)
}

// keep sets for how long connections are kept. A pool without a limit is for what
// holds one connection and needs another: the locks of tenants, and migrations.
func (d DatabaseConfig) keep(db *sql.DB) {
	db.SetMaxIdleConns(d.PoolSize)
	db.SetConnMaxLifetime(d.PoolRecycle)
}

// registered returns the first of the names under which the program has
// imported a driver for database/sql.
func registered(names ...string) (string, error) {
	for _, name := range names {
		if slices.Contains(sql.Drivers(), name) {
			return name, nil
		}
	}
	return "", fmt.Errorf("manager: no driver %q for database/sql: import one in the program, such as %s", names[0], importOf(names[0]))
}

func importOf(name string) string {
	if name == "mysql" {
		return "github.com/go-sql-driver/mysql"
	}
	return "modernc.org/sqlite"
}

// onDriver is the pool with ent's driver on it.
func onDriver(name string, db *sql.DB) pool { return pool{db: db, driver: entsql.OpenDB(name, db)} }

// names says how namespaces are named, and what they are never called.
func (c Config) names(reserved ...string) namespace.Names {
	return namespace.Names{Prefix: c.Isolation.Prefix, Reserved: reserved}
}

// roles are the users that serve requests, but for the one that a URL names, who owns
// the tables. On MySQL they are users from any host. Nil says that nobody knows who
// serves, for a URL may name nobody.
func (c Config) roles(owns tenancy.Secret) []string {
	owner, host := userOf(owns), ""
	if c.Database.Dialect() == dialect.MySQL {
		host = "@%"
	}
	roles := []string{}
	for _, address := range []tenancy.Secret{c.Database.URL, c.Database.SystemURL} {
		if user := userOf(address); user != "" && user != owner && !slices.Contains(roles, user+host) {
			roles = append(roles, user+host)
		}
	}
	if len(roles) == 0 && (owner == "" || userOf(c.Database.URL) != owner) {
		return nil
	}
	return roles
}
