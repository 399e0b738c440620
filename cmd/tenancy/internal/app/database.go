package app

import (
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"entgo.io/ent/dialect"
	"github.com/go-sql-driver/mysql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
	_ "modernc.org/sqlite" // the database driver "sqlite"

	"github.com/entenancy/tenancy/driver/postgres"
)

// errURL stands in for what a parser says, which may hold a part of the password.
var errURL = errors.New("the database URL cannot be used; what is wrong with it may be secret, so compare it with " +
	"postgres://user@host:5432/database, mysql://user@host:3306/database or sqlite:///path/to/home.db")

// OpenDatabase returns the database of a URL, and its dialect. It does not connect.
func OpenDatabase(address string) (*sql.DB, string, error) {
	switch scheme, _, _ := strings.Cut(address, ":"); scheme {
	case "postgres", "postgresql":
		return openPostgres(address)
	case "file", "sqlite":
		return openSQLite(address)
	default:
		return openMySQL(address)
	}
}

func openPostgres(address string) (*sql.DB, string, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, "", errURL
	}
	return stdlib.OpenDB(*config), dialect.Postgres, nil
}

// openMySQL takes a DSN of go-sql-driver, or the same as a URL.
func openMySQL(address string) (*sql.DB, string, error) {
	config, err := mysqlConfig(address)
	if err != nil {
		return nil, "", err
	}
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, "", errURL
	}
	return sql.OpenDB(connector), dialect.MySQL, nil
}

func mysqlConfig(address string) (*mysql.Config, error) {
	config, err := mysql.ParseDSN(address)
	if u, bad := url.Parse(address); bad == nil && (u.Scheme == "mysql" || u.Scheme == "mariadb") {
		config, err = mysql.NewConfig(), nil
		config.User, config.Net, config.Addr, config.DBName = u.User.Username(), "tcp", u.Host, strings.TrimPrefix(u.Path, "/")
		config.Passwd, _ = u.User.Password()
		if u.Port() == "" {
			config.Addr += ":3306"
		}
	}
	if err != nil {
		return nil, errURL
	}
	// What the registry and migrations read and write.
	config.ParseTime, config.Loc, config.MultiStatements = true, time.UTC, false
	config.Logger = &mysql.NopLogger{} // an error is told once, as one
	return config, nil
}

// filePath returns the path in a URL for SQLite: file:home.db, file:///var/home.db
// and the same with sqlite. It is empty for one that cannot be read.
func filePath(address string) string {
	_, path, _ := strings.Cut(address, ":")
	path, _, _ = strings.Cut(path, "?")
	path = strings.TrimPrefix(path, "//") // an empty host
	path, err := url.PathUnescape(path)
	if err != nil {
		return ""
	}
	return filepath.FromSlash(path)
}

// createFile makes a file, unless it is there.
func createFile(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o600) //nolint:gosec // the operator's own path
	if err != nil {
		return fmt.Errorf("making the file: %w", err)
	}
	return f.Close()
}

// openSQLite opens a file that is there. Writers wait for each other, and a
// transaction takes the write lock when it begins.
func openSQLite(address string) (*sql.DB, string, error) {
	_, query, _ := strings.Cut(address, "?")
	values, err := url.ParseQuery(query)
	path := filePath(address)
	if err != nil || path == "" {
		return nil, "", errURL
	}
	pragmas := strings.Join(values["_pragma"], " ")
	for name, pragma := range map[string]string{"foreign_keys": "foreign_keys(1)", "busy_timeout": "busy_timeout(10000)"} {
		if !strings.Contains(pragmas, name) {
			values.Add("_pragma", pragma)
		}
	}
	for name, value := range map[string]string{"_txlock": "immediate", "mode": "rw"} {
		if !values.Has(name) {
			values.Set(name, value)
		}
	}
	db, err := sql.Open("sqlite", "file:"+(&url.URL{Path: filepath.ToSlash(path)}).EscapedPath()+"?"+values.Encode())
	if err != nil {
		return nil, "", errURL
	}
	return db, dialect.SQLite, nil
}

// DialectOf returns the dialect of a database URL, without connecting.
func DialectOf(address string) (string, error) {
	if address == "" {
		return "", errNoDatabase
	}
	db, dialectName, err := OpenDatabase(address)
	if err != nil {
		return "", err
	}
	return dialectName, db.Close()
}

// TenantPool returns a pool of PostgreSQL whose statements act for the tenant in
// their context, as an application's do.
func TenantPool(address string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(address)
	if err != nil {
		return nil, errURL
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
