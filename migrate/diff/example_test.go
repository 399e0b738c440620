package diff_test

import (
	"context"
	"database/sql"
	"fmt"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/schema"
)

// What the generated package migrate has as Tables and Tenancy.
var (
	Tables  []*entschema.Table //nolint:gochecknoglobals // as ent generates it
	Tenancy schema.Metadata    //nolint:gochecknoglobals // as entext generates it
)

func ExampleNamed() {
	dev, err := sql.Open("pgx", "postgres://postgres@127.0.0.1:5432/dev")
	if err != nil {
		fmt.Println("pgx/v5/stdlib is not imported:", err)
		return
	}
	defer func() { _ = dev.Close() }()
	written, err := diff.Named(context.Background(), diff.Config{
		Dir:     "migrations",
		Dialect: dialect.Postgres,
		Dev:     dev,
		Tables:  Tables,
		Tenancy: Tenancy,
		Roles:   []string{"shop"},
	}, "add_orders")
	fmt.Println(written, err)
}

func ExampleAdopt() {
	var existing, dev *sql.DB // opened as in the example of Named
	written, err := diff.Adopt(context.Background(), diff.Config{
		Dir: "migrations", Dialect: dialect.SQLite, Dev: dev, Tables: Tables, Tenancy: Tenancy,
	}, diff.Adoption{
		Existing: existing,
		Owner:    func(string) string { return "'acme'" }, // all rows so far are theirs
	})
	fmt.Println(written, err)
}
