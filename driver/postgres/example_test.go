package postgres_test

import (
	"context"
	"database/sql"
	"fmt"
	"log"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// tables stands for migrate.Tenancy of the generated code.
func tables() schema.Metadata {
	return schema.Metadata{Tables: []schema.Table{
		{Name: "orders", Entity: "Order", TenantColumn: "tenant_id", ColumnType: schema.UUID, PrimaryKey: []string{"id"}},
	}}
}

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

func ExampleMigrateOptions() {
	system, err := tenancy.ScopeFromContext(tenancy.System(context.Background(), "migration"))
	if err != nil {
		log.Fatal(err)
	}
	config, err := pgx.ParseConfig("host=localhost database=shop user=shop_owner")
	if err != nil {
		log.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{Fallback: system})
	if err != nil {
		log.Fatal(err)
	}
	driver := entsql.OpenDB(dialect.Postgres, sql.OpenDB(connector))
	defer driver.Close()

	// With a generated client: client.Schema.Create(ctx, options...)
	options := postgres.MigrateOptions(driver, tables())
	migration, err := entschema.NewMigrate(driver, options...)
	if err != nil {
		log.Fatal(err)
	}
	_ = migration
}

func ExampleVerify() {
	config, err := pgx.ParseConfig("host=localhost database=shop user=shop")
	if err != nil {
		log.Fatal(err)
	}
	connector, err := postgres.NewConnector(config, postgres.Config{RefuseSystem: true})
	if err != nil {
		log.Fatal(err)
	}
	db := sql.OpenDB(connector)
	defer db.Close()

	start := func(ctx context.Context) error {
		hints, err := postgres.Verify(ctx, db, tables(), postgres.VerifyConfig{})
		for _, hint := range hints {
			log.Print(hint)
		}
		return err // do not serve
	}
	_ = start
}

func ExampleDiffHook() {
	dir, err := migrate.NewLocalDir("migrations")
	if err != nil {
		log.Print(err)
		return
	}
	// With ent's feature sql/versioned-migration: migrate.NamedDiff(ctx, url, name, options...)
	options := []entschema.MigrateOption{
		entschema.WithDir(dir),
		entschema.WithMigrationMode(entschema.ModeReplay),
		entschema.WithDiffHook(postgres.DiffHook(tables())),
		entschema.WithFormatter(postgres.Formatter(migrate.DefaultFormatter, tables())),
	}
	_ = options
}

func ExamplePolicies() {
	for _, statement := range postgres.Policies(tables()) {
		fmt.Println(statement)
	}
	// Output:
	// CREATE OR REPLACE FUNCTION tenant_isolation() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE insufficient_privilege USING MESSAGE = ''row-level security: a cascade reaches rows of another tenant in table '' || quote_ident(TG_TABLE_NAME); END'
	// ALTER TABLE "orders" ENABLE ROW LEVEL SECURITY
	// ALTER TABLE "orders" FORCE ROW LEVEL SECURITY
	// CREATE POLICY tenant_isolation ON "orders" USING ("tenant_id" = (SELECT "substring"(current_setting('tenancy.tenant_id', true), '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')::uuid)) WITH CHECK ("tenant_id" = (SELECT "substring"(current_setting('tenancy.tenant_id', true), '^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$')::uuid))
	// CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON "orders" FOR EACH ROW WHEN (OLD."tenant_id"::text <> NULLIF(current_setting('tenancy.tenant_id', true), '')) EXECUTE FUNCTION tenant_isolation()
}
