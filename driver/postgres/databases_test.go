package postgres_test

import (
	"context"
	"database/sql"
	"log"
	"testing"
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

func TestConnectingEnds(t *testing.T) {
	t.Parallel()
	for parameters, want := range map[string]time.Duration{"": 30 * time.Second, "?connect_timeout=0": 30 * time.Second, "?connect_timeout=5": 5 * time.Second} {
		var got time.Duration
		databases := postgres.Databases{Adjust: func(_ context.Context, _ tenancy.Tenant, config *pgx.ConnConfig) error {
			got = config.ConnectTimeout
			return nil
		}}
		tenant := tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationDatabase}
		tenant.Placement.DatabaseURL = tenancy.NewSecret("postgres://app@127.0.0.1/acme" + parameters)
		if _, err := databases.Open(t.Context(), tenant); err != nil || got != want {
			t.Errorf("%q: connecting may take %s, want %s (%v)", parameters, got, want, err)
		}
	}
}
