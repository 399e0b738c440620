package namespace_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager/namespace"
)

func ExampleNewPostgresSchemas() {
	db, err := sql.Open("pgx", "postgres://shop_owner@localhost/shop")
	if err != nil {
		log.Fatal(err)
	}
	schemas, err := namespace.NewPostgresSchemas(db, namespace.PostgresSchemasConfig{Roles: []string{"shop"}})
	if err != nil {
		log.Fatal(err)
	}
	for _, id := range []tenancy.ID{"0190c6a2-7d3e-7c54-9f2b-3a1d5e8f6b70", "a-b", "a_b", "A-b"} {
		placement, err := schemas.Plan(tenancy.Tenant{ID: id})
		fmt.Println(placement.Schema, err)
	}
	// Output:
	// tenant_0190c6a2_7d3e_7c54_9f2b_3a1d5e8f6b70 <nil>
	// tenant_a_b <nil>
	// tenant__msh2tmy3y77x5oiu46trqdyh4dpq7bdhqonrv6eq <nil>
	// tenant__wbo5a2oqtzpw2f2ievmp5gt45g6irdlyrr6js3az <nil>
}

func ExampleNewPostgresDatabases() {
	db, err := sql.Open("pgx", "postgres://shop_owner@db:5432/shop")
	if err != nil {
		log.Fatal(err)
	}
	address := tenancy.NewSecret("postgres://shop:secret@db:5432?sslmode=require")
	databases, err := namespace.NewPostgresDatabases(db, address, namespace.PostgresDatabasesConfig{Roles: []string{"shop"}})
	if err != nil {
		log.Fatal(err)
	}
	placement, err := databases.Plan(tenancy.Tenant{ID: "acme"})
	fmt.Println(placement.DatabaseURL.Reveal(), err)
	// Output: postgres://shop:secret@db:5432/tenant_acme?sslmode=require <nil>
}

func ExampleNewMySQLDatabases() {
	db, err := sql.Open("pgx", "opened with go-sql-driver in an application")
	if err != nil {
		log.Fatal(err)
	}
	address := tenancy.NewSecret("shop:secret@tcp(db:3306)/?parseTime=true")
	databases, err := namespace.NewMySQLDatabases(db, address, namespace.MySQLConfig{Users: []string{"shop@%"}})
	if err != nil {
		log.Fatal(err)
	}
	placement, err := databases.Plan(tenancy.Tenant{ID: "acme"})
	fmt.Println(placement.DatabaseURL.Reveal(), err)
	// Output: shop:secret@tcp(db:3306)/tenant_acme?parseTime=true <nil>
}

func ExampleNewMySQLSchemas() {
	db, err := sql.Open("pgx", "opened with go-sql-driver in an application")
	if err != nil {
		log.Fatal(err)
	}
	_, err = namespace.NewMySQLSchemas(db, namespace.MySQLConfig{Names: namespace.Names{Prefix: "tenancy_"}})
	fmt.Println(err)
	// Output: namespace: Names.Prefix must not begin with tenancy_ or pg_
}

func ExampleNewLocker() {
	ctx, lock := context.Background(), namespace.NewLocker()
	unlock, err := lock(ctx, "acme")
	if err != nil {
		log.Fatal(err)
	}
	defer unlock()
	other, cancel := context.WithCancel(ctx)
	cancel()
	_, err = lock(other, "acme")
	fmt.Println(err)
	// Output: namespace: waiting for the lock of tenant "acme": context canceled
}
