package servers

import (
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"testing"
)

// PgBouncer starts one in transaction mode in front of the PostgreSQL database at address, which has that many connections to it, and
// returns the URL of it. More settings are lines of its configuration. It ends with tb. Where PgBouncer is not installed tb is skipped, or fails in CI.
func PgBouncer(tb testing.TB, address string, connections int, more ...string) string {
	tb.Helper()
	bouncer, err := program("pgbouncer")
	switch {
	case errors.Is(err, errNotInstalled) && os.Getenv("CI") != "true":
		tb.Skip("servers: no PgBouncer is installed: run `make services`")
	case err != nil:
		tb.Fatal(err)
	}
	server, err := url.Parse(address)
	if err != nil {
		tb.Fatal("servers: the address of a database for PgBouncer is not a URL")
	}
	password, _ := server.User.Password()
	settings := fmt.Sprintf(`[databases]
pooled = host=%s port=%s dbname=%s user=%s password=%s
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = %d
max_client_conn = 200
%s`, server.Hostname(), server.Port(), server.Path[1:], server.User.Username(), password, connections, strings.Join(more, "\n"))
	const itself = "postgres://anybody@127.0.0.1:{port}/pooled?sslmode=disable"
	pooler, err := start(tb.Context(), postgres(), plan{
		account: "nobody", // PgBouncer does not run as root
		prepare: []string{"/bin/sh", "-c", "cat >{dir}/pgbouncer.ini <<'END'\n" + settings + "\nEND"},
		serve:   []string{bouncer, "{dir}/pgbouncer.ini"},
		signal:  "KILL",
		socket:  itself,
		address: itself,
	})
	if err != nil {
		tb.Fatalf("servers: PgBouncer is installed, but would not start: %v", err)
	}
	tb.Cleanup(pooler.stop)
	return pooler.address
}
