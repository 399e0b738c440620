package manager

import (
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
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

// mysqlDSN turns a URL into the data source name of go-sql-driver, and the
// server's address for the budget of connections. What is a data source name
// already stays one. Its errors hold nothing of the text.
func mysqlDSN(address string, cfg DatabaseConfig) (dsn, server string, err error) {
	if !strings.Contains(address, "://") {
		_, rest, _ := strings.Cut(address, "(")
		server, _, _ = strings.Cut(rest, ")")
		return address, server, nil
	}
	at, err := url.Parse(address)
	if err != nil || at.Host == "" {
		return "", "", fmt.Errorf("%w: not a URL such as mysql://user:password@host:3306/database", tenancy.ErrInvalidPlacement)
	}
	server = at.Host
	if at.Port() == "" {
		server = net.JoinHostPort(at.Hostname(), "3306")
	}
	var user string
	if at.User != nil {
		password, _ := at.User.Password()
		user = at.User.Username() + ":" + password + "@"
	}
	query := at.Query()
	for name, value := range map[string]string{"parseTime": "true", "timeout": cfg.ConnectTimeout.String()} {
		if !query.Has(name) {
			query.Set(name, value)
		}
	}
	if query.Has("multiStatements") {
		return "", "", fmt.Errorf("%w: multiStatements must not be set on connections that tenants share", tenancy.ErrInvalidPlacement)
	}
	name := url.PathEscape(strings.TrimPrefix(at.Path, "/"))
	return user + "tcp(" + server + ")/" + name + "?" + query.Encode(), server, nil
}

// onDatabaseOf returns the data source name of a server with the database of
// another one: what stands between the last slash and the parameters.
func onDatabaseOf(server, other string) (string, error) {
	head, parameters, _ := strings.Cut(server, "?")
	dsn, _, _ := strings.Cut(other, "?")
	slash, from := strings.LastIndexByte(head, '/'), strings.LastIndexByte(dsn, '/')
	if slash < 0 || from < 0 {
		return "", fmt.Errorf("manager: %w: not a data source name with a database", tenancy.ErrInvalidPlacement)
	}
	return head[:slash] + dsn[from:] + "?" + parameters, nil
}

// sqlitePath returns the file of sqlite:///absolute, sqlite://relative, sqlite:relative or file:path.
func sqlitePath(address string) (string, error) {
	_, path, _ := strings.Cut(address, ":")
	path, _, _ = strings.Cut(strings.TrimPrefix(path, "//"), "?")
	path, err := url.PathUnescape(path)
	if err != nil || path == "" || strings.Contains(path, ":memory:") {
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
