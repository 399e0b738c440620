// Quickstart is an order-taking service for many tenants, on one SQLite file,
// with one ent client:
//
//	go run ./examples/quickstart          # a guided tour over real HTTP
//	go run ./examples/quickstart -serve   # stays up, for your own requests
//
// Read it in this order: ent/schema/schema.go says which data belongs to a
// tenant, this file puts the parts together, api.go is an ordinary API that
// never mentions a tenant, and tour.go uses it as several tenants at once, and
// as an attacker.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"time"

	_ "modernc.org/sqlite" // the database driver "sqlite", in pure Go

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/migrate"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime" // ent's hooks and policies, the tenant's among them
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/registry"
)

func main() {
	serve := flag.Bool("serve", false, "keep serving after start-up instead of taking the tour")
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; port 0 is a free one")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *serve); err != nil {
		log.Fatal(err)
	}
}

// run is the whole program: a manager, an ent client, a server.
func run(ctx context.Context, out io.Writer, addr string, serve bool) error {
	dir, err := os.MkdirTemp("", "tenancy-quickstart-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// One database for the registry of tenants and for everybody's rows. In
	// production this would be the URL of a PostgreSQL, from the environment.
	// It takes a request's tenant from the X-Tenant-ID header, which says who the
	// caller wants to be, not who they are. A real service asks a token that it
	// has checked: see examples/server.
	m, err := manager.New(ctx, manager.Config{
		Database: manager.DatabaseConfig{URL: tenancy.NewSecret("sqlite://" + filepath.Join(dir, "shop.db"))},
		Audit:    manager.AuditConfig{Disabled: true}, // so that the tour is all there is to read
		Observe:  manager.ObserveConfig{NoLog: true},
	}, manager.App{Tenancy: migrate.Tenancy}) // generated: whose rows are in which table
	if err != nil {
		return err
	}
	defer func() { _ = m.Close() }()     //nolint:contextcheck // it ends when all is done, whatever the context
	if err := m.Start(ctx); err != nil { // makes the registry's tables
		return err
	}

	client := ent.NewClient(ent.TenancyDriver(m.Driver()))
	// Tables are made for all tenants, so this is not done for one of them. In
	// production they come from migrations: see docs/migrations.md.
	if err := client.Schema.Create(tenancy.System(ctx, "creating the tables")); err != nil {
		return fmt.Errorf("creating the tables: %w", err)
	}
	if err := seed(ctx, client, m); err != nil {
		return err
	}

	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	// The handler puts the tenant into the request's context, where the client finds it.
	server := &http.Server{Handler: m.Handler((&api{client: client}).routes()), ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	url := "http://" + listener.Addr().String()
	if serve {
		return stay(ctx, out, url)
	}
	return takeTour(ctx, out, client, url)
}

// seed signs the tenants up, and creates the data that they share. These tenants
// share tables; one may as well get a schema, a database or a file: see
// examples/hybrid.
func seed(ctx context.Context, client *ent.Client, m *manager.Manager) error {
	for _, t := range []registry.NewTenant{
		{Identifier: "acme", Name: "Acme Corp."},
		{Identifier: "globex", Name: "Globex"},
		{Identifier: "hooli", Name: "Hooli"},
		{Identifier: "initech", Name: "Initech, who did not pay"},
	} {
		made, err := m.Provision(ctx, t)
		if err == nil && t.Identifier == "initech" {
			_, err = m.Lifecycle().Suspend(ctx, made.ID)
		}
		if err != nil {
			return fmt.Errorf("signing up %s: %w", t.Identifier, err)
		}
	}
	// Countries belong to no tenant. Writing them takes the one way past the
	// filter, which has to say why.
	system := tenancy.System(ctx, "seeding the countries")
	codes := []string{"DE", "FR", "JP"}
	return client.Country.MapCreateBulk(codes, func(c *ent.CountryCreate, i int) { c.SetCode(codes[i]) }).Exec(system)
}

// stay serves until interrupted.
func stay(ctx context.Context, out io.Writer, url string) error {
	_, _ = fmt.Fprintf(out, `Serving on %[1]s. Tenants: acme, globex, hooli (and initech, suspended). Try:

  curl -s -H 'X-Tenant-ID: acme'   %[1]s/orders -d '{"number":"1001","customer":"ann@acme.test","country":"DE","tags":["new"],"items":[{"sku":"anvil","cents":9900}]}'
  curl -s -H 'X-Tenant-ID: globex' %[1]s/orders -d '{"number":"1001","customer":"bob@globex.test","country":"FR","items":[{"sku":"dome","cents":5000}]}'
  curl -s -H 'X-Tenant-ID: acme'   %[1]s/orders
  curl -s -H 'X-Tenant-ID: globex' %[1]s/orders
  curl -s -H 'X-Tenant-ID: nobody' %[1]s/orders
  curl -s -H 'X-Tenant-ID: hooli'  %[1]s/countries

Stop with Ctrl-C.
`, url)
	<-ctx.Done()
	return nil
}
