//go:build tools

package main

// What ent/migrate/main.go needs and nothing else does: go mod tidy does not read files that are to be ignored.
import _ "github.com/go-sql-driver/mysql"
