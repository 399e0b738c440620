package servers

import (
	"context"
	"database/sql"
	"os/exec"
	"strconv"
	"testing"
	"time"
)

// Shutdown is how a PostgreSQL server is told to end.
type Shutdown string

// The ways to end a PostgreSQL server that do not wait for its clients.
const (
	// Fast rolls transactions back and says goodbye to the clients.
	Fast Shutdown = "INT"
	// Immediate is a crash: connections break off, and the next server recovers from the log.
	Immediate Shutdown = "QUIT"
)

// PrivatePostgres is a PostgreSQL server that one test has to itself.
type PrivatePostgres struct{ server *private }

// NewPrivatePostgres starts a server for tb, whatever servers there are, and ends it when tb is over. Where PostgreSQL is not installed tb
// is skipped, or fails in CI.
func NewPrivatePostgres(tb testing.TB) *PrivatePostgres {
	tb.Helper()
	k := postgres()
	k.name, k.variable = "a PostgreSQL that they can restart", "" // one that an environment variable names is not theirs
	own := finder{privateOnly: true}
	tb.Cleanup(own.stop)
	own.url(tb, k)
	return &PrivatePostgres{own.private[0]}
}

// Admin returns the URL by which a superuser reaches the server's maintenance database.
func (p *PrivatePostgres) Admin() string { return p.server.address }

// Database is [Postgres] on this server.
func (p *PrivatePostgres) Database(tb testing.TB) string {
	tb.Helper()
	return postgresDatabase(tb, p.Admin())
}

// Roles is [PostgresRoles] on this server.
func (p *PrivatePostgres) Roles(tb testing.TB) (owner, app, system string) {
	tb.Helper()
	return postgresRoles(tb, p.Admin())
}

// Restart ends the server, and returns when another one serves the same data at the same address.
func (p *PrivatePostgres) Restart(tb testing.TB, how Shutdown) {
	tb.Helper()
	if err := p.server.restart(tb.Context(), postgres(), string(how)); err != nil {
		tb.Fatalf("servers: restarting a private PostgreSQL: %v", err)
	}
}

// HoldLog lets no process but those that wait for it write the server's log, so that a commit that does not wait is lost in the crash
// that it returns, which is over when another server process has recovered.
func (p *PrivatePostgres) HoldLog(tb testing.TB) (crash func()) {
	tb.Helper()
	db, err := sql.Open("pgx", p.Admin())
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() { _ = db.Close() })
	held, err := logWriter(tb.Context(), db)
	if err != nil {
		tb.Fatalf("servers: finding the process that writes PostgreSQL's log: %v", err)
	}
	send(tb, "STOP", held)
	return func() {
		tb.Helper()
		send(tb, "KILL", held)
		for range 500 {
			if now, err := logWriter(tb.Context(), db); err == nil && now != held {
				return
			}
			time.Sleep(20 * time.Millisecond)
		}
		tb.Fatal("servers: the private PostgreSQL did not recover from its crash")
	}
}

func logWriter(ctx context.Context, db *sql.DB) (pid int, err error) {
	err = db.QueryRowContext(ctx, "SELECT pid FROM pg_stat_activity WHERE backend_type = 'walwriter'").Scan(&pid)
	return pid, err
}

// send has a shell do it, as guardScript does: the signals have no name in Go on every system, and not every system has a program for it.
func send(tb testing.TB, signal string, pid int) {
	tb.Helper()
	kill := exec.CommandContext(tb.Context(), "/bin/sh", "-c", `kill -s "$0" "$1"`, signal, strconv.Itoa(pid)) //nolint:gosec // a number
	if out, err := kill.CombinedOutput(); err != nil {
		tb.Fatalf("servers: kill -s %s: %v: %s", signal, err, out)
	}
}
