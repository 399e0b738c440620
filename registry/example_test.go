package registry_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/registry"
)

// The same, against a database, runs in internal/integration/registry.
func ExampleNewEntStore() {
	ctx := context.Background()
	db, err := sql.Open("pgx", "postgres://localhost/app")
	if err != nil {
		log.Fatal(err)
	}
	store, err := registry.NewEntStore(entsql.OpenDB(dialect.Postgres, db), registry.EntConfig{})
	if err != nil {
		log.Fatal(err)
	}
	if err := store.Init(ctx); err != nil {
		log.Fatal(err)
	}

	acme, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc.", Status: tenancy.StatusActive})
	if errors.Is(err, tenancy.ErrExists) {
		acme, err = store.ByIdentifier(ctx, "acme")
	}
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(acme)
}

func ExampleNewTenant_Validate() {
	fmt.Println(registry.NewTenant{Identifier: "Acme!", Name: "Acme Inc."}.Validate())
	fmt.Println(registry.NewTenant{Identifier: "acme", Name: "Acme\nInc."}.Validate())
	fmt.Println(registry.NewTenant{Identifier: "acme", Name: "Acme Inc."}.Validate())
	// Output:
	// tenancy: invalid tenant identifier: only a-z, 0-9 and '-' are allowed
	// tenancy: invalid tenant: Name: it has a control character
	// <nil>
}

func ExampleNewMemoryStore() {
	ctx := context.Background()
	store := registry.NewMemoryStore(registry.MemoryConfig{MaxTenants: 2})
	for _, identifier := range []string{"acme", "globex", "initech"} {
		_, err := store.Create(ctx, registry.NewTenant{ID: tenancy.ID(identifier), Identifier: identifier, Name: identifier})
		if errors.Is(err, tenancy.ErrTooManyTenants) {
			fmt.Println(err)
		}
	}
	for tenant, err := range registry.All(ctx, store, registry.Query{}) {
		fmt.Println(tenant, err)
	}
	// Output:
	// tenancy: too many tenants: the limit is 2
	// tenant(acme acme) <nil>
	// tenant(globex globex) <nil>
}

func ExampleRestore() {
	ctx := context.Background()
	store := registry.NewMemoryStore(registry.MemoryConfig{})
	acme, err := store.Create(ctx, registry.NewTenant{Identifier: "acme", Name: "Acme Inc.", Status: tenancy.StatusActive})
	if err != nil {
		log.Fatal(err)
	}

	deleted, err := registry.Delete(ctx, store, acme.ID)
	fmt.Println(deleted.Status, err)
	restored, err := registry.Restore(ctx, store, acme.ID)
	fmt.Println(restored.Status, err)
	_, err = registry.Restore(ctx, store, acme.ID)
	fmt.Println(err)
	// Output:
	// deleted <nil>
	// suspended <nil>
	// tenancy: invalid status transition: the tenant is suspended and not deleted
}
