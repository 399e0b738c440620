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
	"database/sql"
	"flag"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "modernc.org/sqlite" // the database driver "sqlite", in pure Go

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/migrate"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime" // ent's hooks and policies, the tenant's among them
	"github.com/entenancy/tenancy/manager"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/registry"
)

func main() {
	serve := flag.Bool("serve", false, "keep serving after start-up instead of taking the tour")
	addr := flag.String("addr", "127.0.0.1:0", "address to listen on; port 0 is a free one")
	flag.Parse()

	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, os.Stdout, *addr, *serve); err != nil {
		log.Fatal(err)
	}
}

// run is the whole program: a database, a registry of tenants, a server.
func run(ctx context.Context, out io.Writer, addr string, serve bool) error {
	dir, err := os.MkdirTemp("", "tenancy-quickstart-")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()

	// One database for the registry and for everybody's rows. In production
	// this would be PostgreSQL; nothing else in this program would change.
	db, err := sql.Open("sqlite", "file:"+filepath.Join(dir, "shop.db")+
		"?_pragma=foreign_keys(1)&_pragma=busy_timeout(10000)&_pragma=journal_mode(WAL)&_txlock=immediate")
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	driver := entsql.OpenDB(dialect.SQLite, db)

	client := ent.NewClient(ent.Driver(driver))
	if err := client.Schema.Create(ctx); err != nil {
		return fmt.Errorf("creating the tables: %w", err)
	}
	tenants, err := openRegistry(ctx, driver)
	if err != nil {
		return err
	}
	// Makes tenants, suspends and erases them. Here they share tables; on PostgreSQL
	// one may get a schema or a database instead: see examples/hybrid.
	lifecycle, err := manager.NewLifecycle(manager.LifecycleConfig{
		Store:  tenants,
		Shared: manager.SharedTables{Driver: driver, Metadata: migrate.Tenancy},
	})
	if err != nil {
		return err
	}
	if err := seed(ctx, client, lifecycle); err != nil {
		return err
	}

	handler, err := newHandler(client, tenants)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", addr)
	if err != nil {
		return err
	}
	server := &http.Server{Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	go func() { _ = server.Serve(listener) }()
	defer func() { _ = server.Close() }()

	url := "http://" + listener.Addr().String()
	if serve {
		return stay(ctx, out, url)
	}
	return takeTour(ctx, out, client, url)
}

// newHandler mounts the API. What is under /orders is a tenant's: the
// middleware finds out whose from the X-Tenant-ID header, and puts the tenant
// into the request's context, where the ent client finds it. A header says who
// the caller wants to be, not who they are: a real service lets its
// authentication decide.
func newHandler(client *ent.Client, tenants registry.Store) (http.Handler, error) {
	perTenant, err := middleware.New(tenants, middleware.Header(middleware.HeaderName), middleware.Config{})
	if err != nil {
		return nil, err
	}
	a := &api{client: client}
	mux := http.NewServeMux()
	mux.Handle("/", perTenant(a.tenantRoutes()))
	mux.Handle("GET /countries", http.HandlerFunc(a.listCountries)) // global: no tenant needed
	return mux, nil
}

// openRegistry makes the registry's table beside the application's.
func openRegistry(ctx context.Context, driver dialect.Driver) (*registry.EntStore, error) {
	store, err := registry.NewEntStore(driver, registry.EntConfig{})
	if err != nil {
		return nil, err
	}
	if err := store.Init(ctx); err != nil {
		return nil, fmt.Errorf("creating the registry: %w", err)
	}
	return store, nil
}

// seed signs the tenants up, and creates the data that they share.
func seed(ctx context.Context, client *ent.Client, lifecycle *manager.Lifecycle) error {
	for _, t := range []registry.NewTenant{
		{Identifier: "acme", Name: "Acme Corp."},
		{Identifier: "globex", Name: "Globex"},
		{Identifier: "hooli", Name: "Hooli"},
		{Identifier: "initech", Name: "Initech, who did not pay"},
	} {
		made, err := lifecycle.Provision(ctx, t)
		if err == nil && t.Identifier == "initech" {
			_, err = lifecycle.Suspend(ctx, made.ID)
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
  curl -s %[1]s/countries

Stop with Ctrl-C.
`, url)
	<-ctx.Done()
	return nil
}
