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
