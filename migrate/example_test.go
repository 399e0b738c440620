package migrate_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"iter"
	"log"
	"os"

	"entgo.io/ent/dialect"
	_ "github.com/jackc/pgx/v5/stdlib"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/migrate"
)

// files stands for an embed.FS.
var files = os.DirFS("migrations/tenant") //nolint:gochecknoglobals // as an embed.FS is

// tenants stands for registry.All.
func tenants(context.Context) iter.Seq2[tenancy.Tenant, error] {
	return func(func(tenancy.Tenant, error) bool) {}
}

func ExampleNewDirectory() {
	dir, err := migrate.NewDirectory(files, dialect.Postgres)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("this program needs version", dir.Version())
}

func ExampleNew() {
	dir, err := migrate.NewDirectory(files, dialect.Postgres)
	if err != nil {
		log.Fatal(err)
	}
	db, err := sql.Open("pgx", os.Getenv("DATABASE_URL")) // as the role that owns the tables
	if err != nil {
		log.Fatal(err)
	}
	runner, err := migrate.New(migrate.Config{
		Directory: dir,
		Home:      db,
		Tenants:   tenants,
		Waves:     []migrate.Wave{{Name: "canary", Match: func(t tenancy.Tenant) bool { return t.Plan == "internal" }}},
	})
	if err != nil {
		log.Fatal(err)
	}
	report, err := runner.Apply(context.Background())
	var partial *migrate.PartialError
	if errors.As(err, &partial) {
		for _, failure := range partial.Failures {
			log.Print(failure.Tenant, " ", failure.Err)
		}
	} else if err != nil {
		log.Fatal(err)
	}
	fmt.Println(report.Applied, "applied,", report.Unchanged, "unchanged,", report.Failed, "failed")
}

func ExampleRunner_Plan() {
	var runner *migrate.Runner // see New
	plan, err := runner.Plan(context.Background())
	if err != nil {
		log.Fatal(err)
	}
	if _, err := plan.WriteTo(os.Stdout); err != nil {
		log.Fatal(err)
	}
}

func ExampleRunner_Requires() {
	var runner *migrate.Runner // see New
	ready, err := runner.Requires("20260301101500")
	if err != nil {
		log.Fatal(err)
	}
	var home dialect.Driver
	drv, err := driver.New(home, driver.Config{Ready: ready})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(drv.Dialect())
}
