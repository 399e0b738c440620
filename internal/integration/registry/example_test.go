package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"
	"strings"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// newStore returns a store in memory, and what closes it.
func newStore(ctx context.Context) (store *registry.EntStore, closeStore func()) {
	db, err := sql.Open("sqlite", "file::memory:?_pragma=foreign_keys(1)")
	if err != nil {
		log.Fatal(err)
	}
	db.SetMaxOpenConns(1) // each connection would have a memory of its own
	store, err = registry.NewEntStore(entsql.OpenDB(dialect.SQLite, db), registry.EntConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Init(ctx); err != nil {
		log.Fatal(err)
	}
	return store, func() { _ = db.Close() }
}

func ExampleNewEntStore() {
	ctx := context.Background()
	store, closeStore := newStore(ctx)
	defer closeStore()

	acme, err := store.Create(ctx, registry.NewTenant{ID: "42", Identifier: "acme", Name: "Acme Inc.", Status: tenancy.StatusActive})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acme, acme.Status)

	_, err = store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Another Acme"})
	fmt.Println(errors.Is(err, tenancy.ErrExists))
	// Output:
	// tenant(42 acme) active
	// true
}

func ExampleEntStore_MergeMetadata() {
	ctx := context.Background()
	store, closeStore := newStore(ctx)
	defer closeStore()
	n := registry.NewTenant{Identifier: "acme", Name: "Acme Inc.", Metadata: map[string]any{"seats": 5, "trial": true}}
	acme, err := store.Create(ctx, n)
	if err != nil {
		log.Fatal(err)
	}

	// Puts in what is given, takes out "trial", and leaves all other keys as they are.
	acme, err = store.MergeMetadata(ctx, acme.ID, map[string]any{"seats": 50, "region": "eu"}, "trial")
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acme.Metadata())
	// Output:
	// map[region:eu seats:50]
}

func ExampleEntStore_List() {
	ctx := context.Background()
	store, closeStore := newStore(ctx)
	defer closeStore()
	for _, name := range []string{"Acme", "Globex", "Initech"} {
		n := registry.NewTenant{ID: tenancy.ID(name), Identifier: strings.ToLower(name), Name: name, Status: tenancy.StatusActive}
		if _, err := store.Create(ctx, n); err != nil {
			log.Fatal(err)
		}
	}

	query := registry.Query{Status: tenancy.StatusActive, Limit: 2}
	for more := true; more; more = query.After != "" {
		page, err := store.List(ctx, query)
		if err != nil {
			log.Fatal(err)
		}
		for _, tenant := range page.Tenants {
			fmt.Println(tenant.Name)
		}
		fmt.Println("--")
		query.After = page.Next
	}
	// Output:
	// Acme
	// Globex
	// --
	// Initech
	// --
}
