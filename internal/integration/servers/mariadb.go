package servers

import (
	"context"
	"database/sql"
	"errors"
	"testing"

	"github.com/go-sql-driver/mysql"
)

func mariaDB() kind {
	return kind{
		name:     "MariaDB",
		variable: "TENANCY_TEST_MYSQL_URL",
		standard: "root@tcp(127.0.0.1:3306)/",
		ping: func(ctx context.Context, address string) error {
			return onMariaDB(ctx, address, "SELECT 1")
		},
		plan: planMariaDB,
	}
}

func planMariaDB() (plan, error) {
	install, err := program("mariadb-install-db")
	if err != nil {
		return plan{}, err
	}
	server, err := program("mariadbd")
	if err != nil {
		return plan{}, err
	}
	return plan{
		account: "mysql",
		prepare: []string{
			install, "--no-defaults", "--datadir={dir}/data", "--auth-root-authentication-method=normal", "--skip-test-db",
		},
		serve: []string{
			server, "--no-defaults", "--datadir={dir}/data", "--socket={dir}/socket", "--pid-file={dir}/pid",
			"--bind-address=127.0.0.1", "--port={port}", "--max-connections=200", "--innodb-flush-log-at-trx-commit=0",
		},
		signal:  "TERM",
		socket:  "root@unix({dir}/socket)/",
		address: "root@tcp(127.0.0.1:{port})/",
	}, nil
}

// mariaDBDatabase makes a database of its own on the server that an administrator's DSN names.
func mariaDBDatabase(tb testing.TB, admin string) string {
	tb.Helper()
	name := randomName()
	err := onMariaDB(tb.Context(), admin, "CREATE DATABASE "+name+" CHARACTER SET utf8mb4")
	atCleanup(tb, func(ctx context.Context) error {
		return onMariaDB(ctx, admin, "DROP DATABASE IF EXISTS "+name)
	})
	if err != nil {
		tb.Fatalf("servers: making a MariaDB database: %v", err)
	}
	config, err := mysql.ParseDSN(admin)
	if err != nil {
		tb.Fatal(errNotMariaDBDSN)
	}
	config.DBName = name
	config.ParseTime = true
	config.MultiStatements = false
	return config.FormatDSN()
}

// errNotMariaDBDSN stands in for what a parser says, because that may hold a part of the password.
var errNotMariaDBDSN = errors.New("not a DSN like user:password@tcp(host:3306)/")

// onMariaDB runs statements on a new connection.
func onMariaDB(ctx context.Context, address string, statements ...string) (err error) {
	config, err := mysql.ParseDSN(address)
	if err != nil {
		return errNotMariaDBDSN
	}
	config.Logger = &mysql.NopLogger{} // a server that does not answer is reported once, as an error
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return errNotMariaDBDSN
	}
	db := sql.OpenDB(connector)
	defer func() { err = errors.Join(err, db.Close()) }()
	for _, statement := range statements {
		if _, err := db.ExecContext(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
