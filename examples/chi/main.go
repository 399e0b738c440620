// Command chi serves tenants behind a chi router, which needs no adapter: the
// tenant handler is a middleware like any other.
//
//	go run ./examples/chi
//	curl localhost:8080/t/acme/orders/1
//	curl localhost:8080/t/globex/orders/1   # no such tenant
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/middleware"
	"github.com/entenancy/tenancy/registry"
)

func main() {
	store, err := newStore(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	handler, err := newHandler(store)
	if err != nil {
		log.Fatal(err)
	}
	server := &http.Server{Addr: "127.0.0.1:8080", Handler: handler, ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

// newStore returns a registry in memory that knows acme.
func newStore(ctx context.Context) (registry.Store, error) {
	store := registry.NewMemoryStore(registry.MemoryConfig{})
	_, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc.", Status: tenancy.StatusActive})
	return store, err
}

// newHandler returns the router. The tenant handler stands before the routes it
// is for, so that they match what is left of the path.
func newHandler(tenants tenancy.Lookup) (http.Handler, error) {
	perTenant, err := middleware.New(tenants, middleware.Path("/t"), middleware.Config{})
	if err != nil {
		return nil, err
	}
	ofTenant := chi.NewRouter()
	ofTenant.Get("/orders/{id}", showOrder)

	router := chi.NewRouter()
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprintln(w, "ok") })
	router.Handle("/t/*", perTenant(ofTenant))
	return router, nil
}

func showOrder(w http.ResponseWriter, r *http.Request) {
	tenant, err := tenancy.FromContext(r.Context())
	if err != nil {
		http.Error(w, "internal error", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]string{"order": chi.URLParam(r, "id"), "of": tenant.Name})
}
