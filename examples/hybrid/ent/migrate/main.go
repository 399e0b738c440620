//go:build ignore

// This program makes migrations: files in migrations/ that lead to the schema
// in ent/schema. Run it in examples/hybrid, after go generate:
//
//	go run ./ent/migrate/main.go add_orders
//	go run ./ent/migrate/main.go -check
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"

	"entgo.io/ent/dialect"
	_ "github.com/jackc/pgx/v5/stdlib" // the database driver "pgx"

	"github.com/entenancy/tenancy/examples/hybrid/ent/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/migrate/lint"
)

func main() {
	dev := flag.String("dev", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable", "a PostgreSQL to try things in, where the user may make a schema")
	check := flag.Bool("check", false, "fail if a migration is missing or is refused, and write nothing")
	flag.Parse()
	if err := run(context.Background(), *dev, *check, flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, dev string, check bool, name string) error {
	db, err := sql.Open("pgx", dev)
	if err != nil {
		return err
	}
	defer db.Close()
	config := diff.Config{
		Dir:     "migrations",
		Dialect: dialect.Postgres,
		Dev:     db,
		Tables:  migrate.Tables,
		Tenancy: migrate.Tenancy,
	}
	if check {
		if err := diff.Check(ctx, config); err != nil {
			return err
		}
		return refuse(config)
	}
	written, err := diff.Named(ctx, config, name)
	if err != nil {
		return err
	}
	fmt.Println(len(written), "files written", written)
	return refuse(config)
}

// refuse looks through all files for what must not be run.
func refuse(config diff.Config) error {
	for _, name := range []string{diff.TenantDir, diff.SharedDir} {
		findings, err := lint.Directory(os.DirFS(config.Dir+"/"+name), lint.Config{Dialect: config.Dialect})
		if err != nil {
			return err
		}
		if len(findings) > 0 {
			return fmt.Errorf("%s/%s", name, findings[0])
		}
	}
	return nil
}
