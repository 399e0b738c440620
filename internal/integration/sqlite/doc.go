// Package sqlite holds the tests of driver/sqlite with a real SQLite.
package sqlite
