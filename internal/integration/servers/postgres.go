package servers

import (
	"context"
	"errors"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
)

func postgres() kind {
	return kind{
		name:     "PostgreSQL",
		variable: "TENANCY_TEST_POSTGRES_URL",
		standard: "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable",
		whole:    withSSLMode,
		ping: func(ctx context.Context, address string) error {
			return onPostgres(ctx, address, "SELECT 1")
		},
		plan: planPostgres,
	}
}

// withSSLMode adds that the connection is a plain one where the address does not say what it is. The Atlas CLI would ask for TLS.
func withSSLMode(address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Query().Has("sslmode") {
		return address
	}
	u.RawQuery = strings.TrimPrefix(u.RawQuery+"&sslmode=disable", "&")
	return u.String()
}

func planPostgres() (plan, error) {
	initdb, err := program("initdb")
	if err != nil {
		return plan{}, err
	}
	// The server beside it: versions must match, and what is in PATH may be a link.
	server, err := filepath.EvalSymlinks(initdb)
	if err != nil {
		return plan{}, err
	}
	server = filepath.Join(filepath.Dir(server), "postgres")
	return plan{
		account: "postgres",
		prepare: []string{
			initdb, "--pgdata={dir}/data", "--username=postgres", "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync",
		},
		serve: []string{
			server, "-D", "{dir}/data", "-k", "{dir}", "-p", "{port}",
			"-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200", "-c", "fsync=off", "-c", "full_page_writes=off",
		},
		signal:  "QUIT",
		socket:  "postgres://postgres@/postgres?host={dir}&port={port}&sslmode=disable",
		address: "postgres://postgres@127.0.0.1:{port}/postgres?sslmode=disable",
	}, nil
}

// postgresDatabase makes a role and a database of its own on the server that an administrator's URL names.
func postgresDatabase(tb testing.TB, admin string) string {
	tb.Helper()
	waitForRoom(tb, admin)
	user := postgresRole(tb, admin, "NOBYPASSRLS") // before the database, and so dropped after it
	u, err := url.Parse(admin)
	if err != nil {
		tb.Fatal(errNotPostgresURL)
	}
	// template0 because nobody can be connected to it, which would make this fail.
	createPostgres(tb, admin, user.Username(), user.Username(), "template0")
	u.User, u.Path = user, "/"+user.Username()
	return u.String()
}

// postgresCopy makes a copy of a database for the same role.
func postgresCopy(tb testing.TB, admin, address string) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(errNotPostgresURL)
	}
	name := randomName()
	createPostgres(tb, admin, name, u.User.Username(), strings.TrimPrefix(u.Path, "/"))
	u.Path = "/" + name
	return u.String()
}

// createPostgres makes a database, and drops it when tb is over, whoever is connected.
func createPostgres(tb testing.TB, admin, name, owner, template string) {
	tb.Helper()
	atCleanup(tb, func(ctx context.Context) error {
		return onPostgres(ctx, admin, "DROP DATABASE IF EXISTS "+name+" WITH (FORCE)")
	})
	err := onPostgres(tb.Context(), admin,
		"CREATE DATABASE "+name+" OWNER "+owner+" TEMPLATE "+template,
		// What tests ask of the catalog takes longer to compile than to answer.
		"ALTER DATABASE "+name+" SET jit = off")
	if err != nil {
		tb.Fatalf("servers: making a PostgreSQL database: %v", err)
	}
}

// postgresSchema makes a schema, which goes with its database.
func postgresSchema(tb testing.TB, database string) string {
	tb.Helper()
	name := randomName()
	if err := onPostgres(tb.Context(), database, "CREATE SCHEMA "+name); err != nil {
		tb.Fatalf("servers: making a PostgreSQL schema: %v", err)
	}
	u, err := url.Parse(database)
	if err != nil {
		tb.Fatal(errNotPostgresURL)
	}
	query := u.Query()
	query.Set("search_path", name)
	u.RawQuery = query.Encode()
	return u.String()
}

// waitForRoom waits while more than half of the server's connections are taken. The tests of several packages share one server, which by
// default has a hundred, and a test that begins when they are about to run out fails for nothing of its own. After a minute it goes on.
func waitForRoom(tb testing.TB, admin string) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	defer cancel()
	for crowded(ctx, admin) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// crowded reports whether more than half of the connections are taken. A server that cannot be asked has none left.
func crowded(ctx context.Context, admin string) bool {
	conn, err := pgx.Connect(ctx, admin)
	if err != nil {
		return ctx.Err() == nil
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	var taken bool
	err = conn.QueryRow(ctx, "SELECT count(*) > current_setting('max_connections')::int / 2 FROM pg_stat_activity").Scan(&taken)
	return err == nil && taken
}

// errNotPostgresURL stands in for what a parser says, because that may hold a part of the password.
var errNotPostgresURL = errors.New("not a URL like postgres://user:password@host:5432/postgres?sslmode=disable")

// postgresVersion asks the server that a URL names.
func postgresVersion(ctx context.Context, address string) (version int, err error) {
	conn, err := pgx.Connect(ctx, address)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	err = conn.QueryRow(ctx, "SELECT current_setting('server_version_num')::int").Scan(&version)
	return version, err
}

// onPostgres runs statements, each in a transaction of its own, on a new connection.
func onPostgres(ctx context.Context, address string, statements ...string) (err error) {
	config, err := pgx.ParseConfig(address)
	if err != nil || !strings.Contains(address, "://") {
		return errNotPostgresURL
	}
	conn, err := pgx.ConnectConfig(ctx, config)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, conn.Close(ctx)) }()
	for _, statement := range statements {
		if _, err := conn.Exec(ctx, statement); err != nil {
			return err
		}
	}
	return nil
}
