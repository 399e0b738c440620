package namespace

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/mysqldsn"
)

// address is how the databases of tenants are reached: all in the same way, but
// for their names.
type address interface {
	// of returns the URL of a database.
	of(name string) tenancy.Secret
	// name returns the name in a URL, if it is on the same server.
	name(url tenancy.Secret) (string, bool)
}

// postgresAddress is a URL of PostgreSQL without a database.
type postgresAddress struct{ template *url.URL }

// newPostgresAddress reads the URL. Its errors do not show it.
func newPostgresAddress(text string) (postgresAddress, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Scheme != "postgres" && u.Scheme != "postgresql" || u.Host == "" || u.Query().Has("host"):
		return postgresAddress{}, errors.New("is not a URL like postgres://user:password@host:5432")
	case strings.Trim(u.Path, "/") != "" || u.Query().Has("dbname") || u.Query().Has("database"):
		return postgresAddress{}, errors.New("names a database, and is for all of them")
	case u.Query().Has("user") || u.Query().Has("password"): // which would win over what stands before the host
		return postgresAddress{}, errors.New("names its user or password in the query: write them as in postgres://user:password@host:5432")
	}
	if _, err := pgx.ParseConfig(text); err != nil {
		return postgresAddress{}, errors.New("cannot be used: check its parameters, and the files that they name")
	}
	return postgresAddress{u}, nil
}

func (a postgresAddress) of(name string) tenancy.Secret {
	u := *a.template
	u.Path = "/" + name
	return tenancy.NewSecret(u.String())
}

// name goes by the hosts: the user and its password may have changed since.
func (a postgresAddress) name(secret tenancy.Secret) (string, bool) {
	u, err := url.Parse(secret.Reveal())
	if err != nil || u.Host != a.template.Host || u.Scheme != "postgres" && u.Scheme != "postgresql" {
		return "", false
	}
	for _, elsewhere := range []string{"host", "port", "dbname", "database"} {
		if u.Query().Has(elsewhere) {
			return "", false
		}
	}
	return strings.TrimPrefix(u.Path, "/"), true
}

// mysqlAddress is a DSN of go-sql-driver without the name of a database.
type mysqlAddress struct{ template mysqldsn.DSN }

func newMySQLAddress(text string) (mysqlAddress, error) {
	dsn, ok := mysqldsn.Parse(text)
	switch {
	case !ok:
		return mysqlAddress{}, errors.New("is not a DSN like user:password@tcp(host:3306)/?parseTime=true")
	case dsn.Name != "":
		return mysqlAddress{}, errors.New("names a database, and is for all of them")
	}
	return mysqlAddress{dsn}, nil
}

func (a mysqlAddress) of(name string) tenancy.Secret {
	dsn := a.template
	dsn.Name = name
	return tenancy.NewSecret(dsn.String())
}

// name goes by the servers: the user and its password may have changed since.
func (a mysqlAddress) name(secret tenancy.Secret) (string, bool) {
	dsn, ok := mysqldsn.Parse(secret.Reveal())
	return dsn.Name, ok && dsn.Server == a.template.Server
}

// databaseOf returns the name of the database in a tenant's placement.
func databaseOf(a address, names Names, t tenancy.Tenant) (string, error) {
	name, ok := a.name(t.Placement.DatabaseURL)
	if !ok {
		return "", fmt.Errorf("namespace: %w: the database URL of %s is not one of this server", tenancy.ErrInvalidPlacement, t)
	}
	return name, names.usable(t, name)
}
