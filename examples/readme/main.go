// Readme is the program that the README shows.
package main

import (
	"context"
	"encoding/json"
	"log"
	"net/http"

	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy/examples/quickstart/ent"
	"github.com/entenancy/tenancy/examples/quickstart/ent/migrate"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime"
	"github.com/entenancy/tenancy/manager"
)

func main() {
	log.Fatal(serve(context.Background()))
}

func serve(ctx context.Context) error {
	config, err := manager.FromEnv() // TENANCY_DATABASE_URL=sqlite://shop.db and others
	if err != nil {
		return err
	}
	m, err := manager.New(ctx, config, manager.App{Tenancy: migrate.Tenancy})
	if err != nil {
		return err
	}
	defer m.Close() //nolint:errcheck,contextcheck // an example that shows no more than it has to
	// Makes the registry, and checks row-level security where it is relied on.
	if err := m.Start(ctx); err != nil {
		return err
	}
	client := ent.NewClient(ent.TenancyDriver(m.Driver()))
	return http.ListenAndServe(":8080", m.Handler(listOrders(client))) //nolint:gosec // an example without time-outs
}

func listOrders(client *ent.Client) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		orders, err := client.Order.Query().WithItems().All(r.Context()) // this tenant's
		if err != nil {
			http.Error(w, "internal error", http.StatusInternalServerError)
			return
		}
		_ = json.NewEncoder(w).Encode(orders)
	}
}
