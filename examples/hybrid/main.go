// Hybrid is one ent client for three tenants in three places, on PostgreSQL:
//
//	go run ./examples/hybrid -url postgres://postgres@127.0.0.1:5432/postgres
//
//	acme     shares its tables with others, behind row-level security
//	initech  has a schema of its own
//	globex   has a database of its own
//
// The user in the URL makes two databases and two roles, and removes them again
// at the end. Read it in this order: this file puts the parts together, tenants.go
// says how tenants come and go, tour.go uses it all and proves where everything
// went, places.go is what a deployment does once.
package main

import (
	"context"
	"database/sql"
	"errors"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"os/signal"
	"syscall"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/examples/hybrid/ent"
	"github.com/entenancy/tenancy/examples/hybrid/ent/migrate"
	_ "github.com/entenancy/tenancy/examples/hybrid/ent/runtime" // ent's hooks and policies, the tenant's among them
)

func main() {
	url := flag.String("url", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "PostgreSQL, as a user who may make databases and roles")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *url); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, url string) (err error) {
	made, err := makePlaces(ctx, url)
	defer func() { err = errors.Join(err, made.drop(context.WithoutCancel(ctx))) }()
	if err != nil {
		return err
	}
	home, drv, err := open(ctx, made)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drv.Close()) }()
	lifecycle, err := made.lifecycle(home, drv)
	if err != nil {
		return err
	}
	defer func() {
		_, _ = io.WriteString(out, "\nAnd at the end:\n")
		err = errors.Join(err, eraseAll(context.WithoutCancel(ctx), out, &made, lifecycle))
	}()
	if err := signUp(ctx, lifecycle); err != nil {
		return err
	}
	return takeTour(ctx, out, made, drv, ent.NewClient(ent.TenancyDriver(drv)))
}

// open returns the driver that an application would use: nothing here knows
// which tenants there are. It returns the pool of the home as well.
func open(ctx context.Context, made places) (*sql.DB, *driver.Driver, error) {
	home, err := pool(made.app)
	if err != nil {
		return nil, nil, err
	}
	// Refuse to serve where the database would not hold the tenants apart.
	if _, err := postgres.Verify(ctx, home, migrate.Tenancy, postgres.VerifyConfig{}); err != nil {
		return nil, nil, err
	}
	system, err := pool(made.system)
	if err != nil {
		return nil, nil, err
	}
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, home), driver.Config{
		System:    entsql.OpenDB(dialect.Postgres, system),
		Databases: driver.Databases{Open: postgres.Databases{}.Open},
	})
	return home, drv, err
}

// pool returns an ordinary *sql.DB whose statements act for the tenant in their context.
func pool(url string) (*sql.DB, error) {
	config, err := pgx.ParseConfig(url)
	if err != nil {
		return nil, fmt.Errorf("the URL cannot be used")
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}
