package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
)

func ExampleNewConnector() {
	config, err := pgx.ParseConfig("host=localhost database=shop")
	if err != nil {
		log.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{})
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	ctx := tenancy.NewContext(context.Background(), tenancy.Tenant{ID: "acme", Isolation: tenancy.IsolationRLS})
	rows, err := db.QueryContext(ctx, "SELECT number FROM orders WHERE open")
	if err != nil {
		log.Print(err)
		return
	}
	defer rows.Close()
	for rows.Next() { // acme's, and nobody else's
		var number int
		if err := rows.Scan(&number); err != nil {
			log.Print(err)
			return
		}
		fmt.Println(number)
	}
	if err := rows.Err(); err != nil {
		log.Print(err)
	}
}

func ExampleRaw() {
	load := func(ctx context.Context, db *sql.DB, tenant tenancy.Tenant, rows [][]any) error {
		ctx = tenancy.NewContext(ctx, tenant)
		conn, err := db.Conn(ctx)
		if err != nil {
			return err
		}
		defer conn.Close()
		return postgres.Raw(ctx, conn, func(c *pgx.Conn) error {
			_, err := c.CopyFrom(ctx, pgx.Identifier{"orders"}, []string{"number"}, pgx.CopyFromRows(rows))
			return err
		})
	}
	_ = load
}
