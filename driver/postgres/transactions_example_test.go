package postgres_test

import (
	"database/sql"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// The pool can be of any PostgreSQL driver, such as lib/pq.
func ExampleTransactions() {
	open := func(db *sql.DB) (*driver.Driver, error) {
		home := postgres.Transactions(entsql.OpenDB(dialect.Postgres, db))
		return driver.New(home, driver.Config{})
	}
	_ = open
}
