// Readme is the program that the README shows.
package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"log"
	"net/http"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "modernc.org/sqlite"

	"github.com/entenancy/tenancy/examples/quickstart/ent"
	_ "github.com/entenancy/tenancy/examples/quickstart/ent/runtime"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/registry"
)

func main() {
	db, err := sql.Open("sqlite", "file:shop.db?_pragma=foreign_keys(1)")
	if err != nil {
		log.Fatal(err)
	}
	driver := entsql.OpenDB(dialect.SQLite, db)
	client := ent.NewClient(ent.Driver(driver))

	tenants, err := registry.NewEntStore(driver, registry.EntConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := tenants.Init(context.Background()); err != nil {
		log.Fatal(err)
	}
	perTenant, err := middleware.New(tenants, middleware.Header("X-Tenant-ID"), middleware.Config{})
	if err != nil {
		log.Fatal(err)
	}
	log.Fatal(http.ListenAndServe(":8080", perTenant(listOrders(client)))) //nolint:gosec // an example without time-outs
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
