// River is work off the request path: a job is enqueued in a tenant's request
// and done by a worker, later and elsewhere, under that tenant. On PostgreSQL,
// with the queue of github.com/riverqueue/river:
//
//	go run ./examples/river -url postgres://postgres@127.0.0.1:5432/postgres
//
// The user in the URL makes a database, and removes it again at the end. Read it
// in this order: invite.go is a job and the handler that enqueues it, neither of
// which mentions a tenant; carrier.go takes the tenant through the queue, with
// canonical.go to tell jobs apart; this file puts the parts together; tour.go uses
// them, and attacks the queue.
package main

import (
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"io"
	"log"
	"log/slog"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/envelope"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime" // ent's hooks and policies, the tenant's among them
	"github.com/entenancy/tenancy/registry"
)

func main() {
	url := flag.String("url", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "PostgreSQL, as a user who may make databases")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *url); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, out io.Writer, url string) (err error) {
	pool, drop, err := newDatabase(ctx, url)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, drop(context.WithoutCancel(ctx))) }()
	app, err := open(ctx, pool)
	if err != nil {
		return err
	}
	return app.takeTour(ctx, out)
}

// app is the program's parts.
type app struct {
	pool    *pgxpool.Pool
	client  *ent.Client
	tenants *registry.EntStore
	queue   *river.Client[pgx.Tx]
}

// open puts the parts together.
func open(ctx context.Context, pool *pgxpool.Pool) (*app, error) {
	driver := entsql.OpenDB(dialect.Postgres, stdlib.OpenDBFromPool(pool))
	tenants, err := registry.NewEntStore(driver, registry.EntConfig{})
	if err != nil {
		return nil, err
	}
	client := ent.NewClient(ent.Driver(driver))
	if err := errors.Join(tenants.Init(ctx), client.Schema.Create(ctx)); err != nil {
		return nil, err
	}
	queue, err := newQueue(ctx, pool, client, tenants)
	if err != nil {
		return nil, err
	}
	return &app{pool, client, tenants, queue}, nil
}

func newQueue(ctx context.Context, pool *pgxpool.Pool, client *ent.Client, tenants envelope.Lookup) (*river.Client[pgx.Tx], error) {
	driver := riverpgxv5.New(pool)
	quiet := slog.New(slog.DiscardHandler)
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: quiet})
	if err != nil {
		return nil, err
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, err
	}
	carrier, err := newCarrier(tenants)
	if err != nil {
		return nil, err
	}
	workers := river.NewWorkers()
	river.AddWorker(workers, &inviter{client: client})
	return river.NewClient(driver, &river.Config{
		Logger:     quiet,
		Middleware: []rivertype.Middleware{carrier},
		Queues:     map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: 4}},
		Workers:    workers,
	})
}

func newCarrier(tenants envelope.Lookup) (*carrier, error) {
	// From a vault in an application, and the same in all its processes.
	key := envelope.Key{ID: "2026-11", Secret: tenancy.NewSecret(rand.Text() + rand.Text())}
	sealer, err := envelope.NewSealer(key, envelope.SealerConfig{})
	if err != nil {
		return nil, err
	}
	opener, err := envelope.NewOpener([]envelope.Key{key}, tenants, envelope.OpenerConfig{})
	return &carrier{sealer: sealer, opener: opener}, err
}

// newDatabase returns a pool on a new database, and what drops it again.
func newDatabase(ctx context.Context, url string) (*pgxpool.Pool, func(context.Context) error, error) {
	admin, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, nil, err
	}
	name := "tenancy_river_" + strings.ToLower(rand.Text())
	if _, err := admin.Exec(ctx, "CREATE DATABASE "+name); err != nil {
		return nil, nil, errors.Join(err, admin.Close(ctx))
	}
	drop := func(ctx context.Context) error {
		_, err := admin.Exec(ctx, "DROP DATABASE "+name+" WITH (FORCE)")
		return errors.Join(err, admin.Close(ctx))
	}
	config, err := pgxpool.ParseConfig(url)
	if err != nil {
		return nil, nil, errors.Join(err, drop(ctx))
	}
	config.ConnConfig.Database = name
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, nil, errors.Join(err, drop(ctx))
	}
	return pool, func(ctx context.Context) error {
		pool.Close()
		return drop(ctx)
	}, nil
}
