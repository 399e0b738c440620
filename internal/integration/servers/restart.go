package servers

import (
	"testing"
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
