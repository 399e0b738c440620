// Package postgres holds the tests of driver/postgres against a real
// PostgreSQL, and through a real PgBouncer where there is one.
package postgres
