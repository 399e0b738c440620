package postgres_test

import (
	"context"
	"database/sql"
	"log"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// Tenants with IsolationDatabase are reached by their own URL and credentials,
// on at most 60 connections to each of the servers.
func ExampleDatabases() {
	config, err := pgx.ParseConfig("postgres://app@127.0.0.1/app")
	if err != nil {
		log.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		log.Fatal(err)
	}
	databases := postgres.Databases{
		Adjust: func(_ context.Context, _ tenancy.Tenant, config *pgx.ConnConfig) error {
			config.ConnectTimeout = 5 * time.Second
			return nil
		},
	}
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, sql.OpenDB(connector)), driver.Config{
		Databases: driver.Databases{Open: databases.Open, MaxConns: 60},
	})
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = drv.Close() }()
	// client := ent.NewClient(ent.Tenancy(drv))
}
