package servers

import (
	"context"
	"crypto/rand"
	"net/url"
	"testing"
)

// PostgresRoles returns three URLs of one new, empty PostgreSQL database for tb, each of a new role as a deployment with row-level
// security has them:
//
//   - owner owns the database and migrates it. It is no superuser and cannot bypass row-level security;
//   - app serves requests. It owns nothing and bypasses nothing;
//   - system owns nothing either, and bypasses row-level security.
//
// Whatever tables, sequences and schemas owner makes, app and system may use. No role is a member of another. All is dropped when tb is
// over, whoever is still connected.
func PostgresRoles(tb testing.TB) (owner, app, system string) {
	tb.Helper()
	return postgresRoles(tb, process.url(tb, postgres()))
}

// postgresRoles is [PostgresRoles] on the server that an administrator's URL names.
func postgresRoles(tb testing.TB, admin string) (owner, app, system string) {
	tb.Helper()
	// Before the database, and so dropped after it: its grants name them.
	appUser := postgresRole(tb, admin, "NOBYPASSRLS")
	systemUser := postgresRole(tb, admin, "BYPASSRLS")
	owner = postgresDatabase(tb, admin)
	defaults := "ALTER DEFAULT PRIVILEGES GRANT "
	to := " TO " + appUser.Username() + ", " + systemUser.Username()
	err := onPostgres(tb.Context(), owner,
		defaults+"SELECT, INSERT, UPDATE, DELETE ON TABLES"+to,
		defaults+"USAGE, SELECT ON SEQUENCES"+to,
		defaults+"USAGE ON SCHEMAS"+to)
	if err != nil {
		tb.Fatalf("servers: granting to the roles of a PostgreSQL database: %v", err)
	}
	return owner, as(tb, owner, appUser), as(tb, owner, systemUser)
}

// postgresRole makes a role that can log in, drops it when tb is over, and returns its name and password.
func postgresRole(tb testing.TB, admin, attribute string) *url.Userinfo {
	tb.Helper()
	name, password := randomName(), rand.Text()
	atCleanup(tb, func(ctx context.Context) error {
		return onPostgres(ctx, admin, "DROP ROLE IF EXISTS "+name)
	})
	err := onPostgres(tb.Context(), admin,
		"CREATE ROLE "+name+" LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE "+attribute+" PASSWORD '"+password+"'")
	if err != nil {
		tb.Fatalf("servers: making a PostgreSQL role: %v", err)
	}
	return url.UserPassword(name, password)
}

// as returns address with another user.
func as(tb testing.TB, address string, user *url.Userinfo) string {
	tb.Helper()
	u, err := url.Parse(address)
	if err != nil {
		tb.Fatal(errNotPostgresURL)
	}
	u.User = user
	return u.String()
}
