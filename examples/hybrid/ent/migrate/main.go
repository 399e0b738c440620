//go:build ignore

// This program makes migrations: files in migrations/ that lead to the schema
// in ent/schema. Run it in examples/hybrid, after go generate:
//
//	go run ./ent/migrate/main.go add_orders
//	go run ./ent/migrate/main.go -check
//	go run ./ent/migrate/main.go -checkpoint release_3
//
// The example runs on PostgreSQL. It has files for the other databases too,
// with -dialect mysql and -dialect sqlite, to show that one schema serves all; a
// project has those of the database that it runs on.
package main

import (
	"context"
	"database/sql"
	"flag"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"
	_ "github.com/go-sql-driver/mysql" // the database driver "mysql"
	_ "github.com/jackc/pgx/v5/stdlib" // the database driver "pgx"
	_ "modernc.org/sqlite"             // the database driver "sqlite"

	"github.com/entenancy/tenancy/examples/hybrid/ent/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/migrate/lint"
)

// database is how to reach a database to try things in.
type database struct{ driver, dev string }

func main() {
	databases := map[string]database{
		dialect.Postgres: {"pgx", "postgres://postgres@127.0.0.1:5432/postgres?sslmode=disable"},
		dialect.MySQL:    {"mysql", "root@tcp(127.0.0.1:3306)/"},
		"sqlite":         {"sqlite", ":memory:"},
	}
	name := flag.String("dialect", dialect.Postgres, "postgres, mysql or sqlite")
	dev := flag.String("dev", "", "where to try things in: a database where the user may make a schema. Defaults to a server on this machine")
	check := flag.Bool("check", false, "fail if a migration is missing or is refused, and write nothing")
	checkpoint := flag.Bool("checkpoint", false, "write a checkpoint, with which new places begin")
	flag.Parse()
	at, ok := databases[*name]
	if !ok {
		log.Fatalf("-dialect %s: it has to be postgres, mysql or sqlite", *name)
	}
	if *dev != "" {
		at.dev = *dev
	}
	write := diff.Named
	if *checkpoint {
		write = diff.Checkpoint
	}
	if err := run(context.Background(), *name, at, *check, write, flag.Arg(0)); err != nil {
		log.Fatal(err)
	}
}

// writer is diff.Named or diff.Checkpoint.
type writer func(ctx context.Context, config diff.Config, name string) ([]string, error)

func run(ctx context.Context, name string, at database, check bool, write writer, migration string) error {
	db, err := sql.Open(at.driver, at.dev)
	if err != nil {
		return err
	}
	defer db.Close()
	config := diff.Config{
		Dir:     filepath.Join("migrations", name),
		Dialect: name,
		Dev:     db,
		Tables:  migrate.Tables,
		Tenancy: migrate.Tenancy,
	}
	if name == "sqlite" {
		config.Dialect, config.GlobalFile = dialect.SQLite, true
	}
	if check {
		if err := diff.Check(ctx, config); err != nil {
			return err
		}
		return refuse(config)
	}
	written, err := write(ctx, config, migration)
	fmt.Println(len(written), "files written", written)
	if err != nil {
		return err
	}
	return refuse(config)
}

// refuse looks through all files for what must not be run.
func refuse(config diff.Config) error {
	for _, name := range []string{diff.TenantDir, diff.SharedDir} {
		findings, err := lint.Directory(os.DirFS(filepath.Join(config.Dir, name)), lint.Config{Dialect: config.Dialect})
		if err != nil {
			return err
		}
		if len(findings) > 0 {
			return fmt.Errorf("%s/%s", name, findings[0])
		}
	}
	return nil
}
