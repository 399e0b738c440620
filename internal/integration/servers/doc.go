// Package servers finds the real databases that integration tests run against.
//
// For PostgreSQL, MariaDB and Redis alike, a test gets the first of these that there is:
//
//  1. the server that an environment variable names: TENANCY_TEST_POSTGRES_URL, TENANCY_TEST_MYSQL_URL (a DSN of go-sql-driver) or
//     TENANCY_TEST_REDIS_URL. If it does not answer, the test fails;
//  2. the server at the default address on this machine, if it lets the default user in without a password;
//  3. a private server, started from the programs installed on this machine, once for each test process, with its data in memory where
//     there is room. It ends with that process, however that ends;
//  4. none: the test is skipped and says how to get one. Where CI=true it fails instead, so that nothing is left out unseen.
//
// `make test` starts a private PostgreSQL and a private MariaDB for all of its test processes, and sets the variables that are not set.
//
// SQLite needs no server and is never skipped.
//
// What a test gets is its own: a new database (and for PostgreSQL a new role) with a random name, dropped when the test is over. So
// tests may run in parallel, and several test processes may share a server. Redis is the exception: the keyspace is shared, and tests
// keep apart by prefixing their keys.
//
// All functions may be called from several goroutines. No message of this package holds a password.
package servers
