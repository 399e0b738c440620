package manager

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/mysqldsn"
	"github.com/entenancy/tenancy/internal/sqliteurl"
)

// dialectOf returns the kind of database that a URL names, as in package
// entgo.io/ent/dialect, and nothing for any other text.
func dialectOf(address tenancy.Secret) string {
	scheme, rest, found := strings.Cut(address.Reveal(), ":")
	switch {
	case !found || rest == "":
		return ""
	case scheme == "postgres" || scheme == "postgresql":
		return dialect.Postgres
	case scheme == "mysql" || scheme == "mariadb":
		return dialect.MySQL
	case scheme == "sqlite" || scheme == "file":
		return dialect.SQLite
	default:
		return ""
	}
}

// Dialect is the kind of database that URL names, as in package
// entgo.io/ent/dialect, and empty where it names none.
func (d DatabaseConfig) Dialect() string { return dialectOf(d.URL) }

// loginInQuery reports whether a URL of PostgreSQL says in its query as whom to
// connect, or to which database. pgx takes that for more than what stands before it,
// where the rest of this package reads it, and puts in another.
func loginInQuery(address tenancy.Secret) bool {
	at, err := url.Parse(address.Reveal())
	if err != nil || dialectOf(address) != dialect.Postgres {
		return false
	}
	return slices.ContainsFunc([]string{"user", "password", "dbname", "database"}, at.Query().Has)
}

// userOf returns the name of the user in a URL, empty if it has none.
func userOf(address tenancy.Secret) string {
	at, err := url.Parse(address.Reveal())
	if err != nil || at.User == nil {
		return ""
	}
	return at.User.Username()
}

// serverAs returns the URL of a server, without a database, for the user of
// another URL.
func serverAs(server, user tenancy.Secret) (*url.URL, error) {
	at, err := url.Parse(server.Reveal())
	as, errAs := url.Parse(user.Reveal())
	if err != nil || errAs != nil {
		return nil, fmt.Errorf("manager: %w: the URL of the server cannot be used", tenancy.ErrInvalidPlacement)
	}
	at.User, at.Path = as.User, ""
	return at, nil
}

// mysqlDSN turns a URL into the data source name of go-sql-driver. What is a data
// source name already stays one, whatever is in its password. Its errors hold nothing
// of the text.
func mysqlDSN(address string, cfg DatabaseConfig) (mysqldsn.DSN, error) {
	if !strings.HasPrefix(address, "mysql://") && !strings.HasPrefix(address, "mariadb://") {
		dsn, ok := mysqldsn.Parse(address)
		if !ok {
			return dsn, fmt.Errorf("%w: not a data source name such as user:password@tcp(host:3306)/database", tenancy.ErrInvalidPlacement)
		}
		return dsn, nil
	}
	return mysqlDSNOf(address, cfg.ConnectTimeout)
}

// mysqlDSNOf is that of a URL.
func mysqlDSNOf(address string, timeout time.Duration) (mysqldsn.DSN, error) {
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		return mysqldsn.DSN{}, fmt.Errorf("%w: not a URL such as mysql://user:password@host:3306/database", tenancy.ErrInvalidPlacement)
	}
	dsn := mysqldsn.DSN{Server: "tcp(" + at.Host + ")", Name: url.PathEscape(strings.TrimPrefix(at.Path, "/"))}
	if at.Port() == "" {
		dsn.Server = "tcp(" + net.JoinHostPort(at.Hostname(), "3306") + ")"
	}
	if at.User != nil {
		password, _ := at.User.Password()
		dsn.Login = at.User.Username() + ":" + password + "@"
	}
	query := at.Query()
	for name, value := range map[string]string{"parseTime": "true", "timeout": timeout.String()} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	if query.Has("multiStatements") {
		return mysqldsn.DSN{}, fmt.Errorf("%w: multiStatements must not be set on connections that tenants share", tenancy.ErrInvalidPlacement)
	}
	dsn.Parameters = "?" + query.Encode()
	return dsn, nil
}

// sqlitePath returns the file of a URL, from the root.
func sqlitePath(address string) (string, error) {
	path, ok := sqliteurl.Path(address)
	if !ok {
		return "", fmt.Errorf("%w: not the URL of a file, such as sqlite:///var/lib/shop/shop.db", tenancy.ErrInvalidPlacement)
	}
	return filepath.Abs(path)
}

// sqliteDSN opens a file as its owner. Both of Go's drivers find their own
// words in it, and pass over the other's.
func sqliteDSN(path string) string {
	query := url.Values{
		"_txlock":       {"immediate"},
		"_pragma":       {"foreign_keys(1)", "busy_timeout(10000)", "journal_mode(WAL)"},
		"_foreign_keys": {"1"}, "_busy_timeout": {"10000"}, "_journal_mode": {"WAL"},
	}
	return (&url.URL{Scheme: "file", OmitHost: true, Path: path, RawQuery: query.Encode()}).String()
}
