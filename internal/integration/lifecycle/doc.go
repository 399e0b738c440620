// Package lifecycle tests how tenants are made and unmade, on real PostgreSQL,
// MariaDB and SQLite, with crashes, races and namespaces of others in the way.
package lifecycle
