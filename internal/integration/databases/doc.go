// Package databases holds the tests of tenants' own databases: the pools of
// package driver, against a real PostgreSQL and a real MariaDB.
package databases
