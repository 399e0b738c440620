package namespace

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
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

// mysqlAddress is a DSN of go-sql-driver around the name of its database. The
// last slash comes before the name, as the driver has it.
type mysqlAddress struct{ before, after string }

func newMySQLAddress(dsn string) (mysqlAddress, error) {
	before, name, after, ok := splitDSN(dsn)
	switch {
	case !ok:
		return mysqlAddress{}, errors.New("is not a DSN like user:password@tcp(host:3306)/?parseTime=true")
	case name != "":
		return mysqlAddress{}, errors.New("names a database, and is for all of them")
	}
	return mysqlAddress{before, after}, nil
}

func splitDSN(dsn string) (before, name, after string, ok bool) {
	at := strings.LastIndexByte(dsn, '/')
	if at < 0 {
		return "", "", "", false
	}
	name, after, found := strings.Cut(dsn[at+1:], "?")
	if found {
		after = "?" + after
	}
	return dsn[:at+1], name, after, true
}

func (a mysqlAddress) of(name string) tenancy.Secret {
	return tenancy.NewSecret(a.before + name + a.after)
}

// name goes by what is behind the last @, which is the server.
func (a mysqlAddress) name(secret tenancy.Secret) (string, bool) {
	before, name, _, ok := splitDSN(secret.Reveal())
	return name, ok && before[strings.LastIndexByte(before, '@')+1:] == a.before[strings.LastIndexByte(a.before, '@')+1:]
}

// databaseOf returns the name of the database in a tenant's placement.
func databaseOf(a address, names Names, t tenancy.Tenant) (string, error) {
	name, ok := a.name(t.Placement.DatabaseURL)
	if !ok {
		return "", fmt.Errorf("namespace: %w: the database URL of %s is not one of this server", tenancy.ErrInvalidPlacement, t)
	}
	return name, names.usable(t, name)
}
