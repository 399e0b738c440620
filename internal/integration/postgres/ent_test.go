package postgres_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	_ "github.com/entenancy/tenancy/internal/integration/isolation/ent/runtime" // hooks, interceptors and policies
)

// TestEntInSchemas migrates and uses one ent client in several schemas.
func TestEntInSchemas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 2, postgres.Config{})
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
	tenants := w.tenants[sharedTenants:]
	for i, tenant := range tenants {
		run(t, w.owner, "DROP TABLE "+quoted(tenant.Placement.Schema)+".items")
		ctx := tenancy.NewContext(t.Context(), tenant)
		owner, err := pgx.ParseConfig(w.owner)
		must(t, err)
		migrate(ctx, t, owner)
		schema := quoted(tenant.Placement.Schema)
		run(t, w.owner, "GRANT ALL ON ALL TABLES IN SCHEMA "+schema+" TO "+appRole(w), "GRANT ALL ON ALL SEQUENCES IN SCHEMA "+schema+" TO "+appRole(w))
		for n := range i + 1 {
			must(t, client.Memo.Create().SetText(fmt.Sprint(i, n)).Exec(ctx))
		}
		tx, err := client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.Create().SetText("rolled back").Exec(ctx))
		must(t, tx.Rollback())
	}
	for i, tenant := range tenants {
		memos, err := client.Memo.Query().Order(ent.Asc("text")).All(tenancy.NewContext(t.Context(), tenant))
		must(t, err)
		var texts []string
		for _, memo := range memos {
			texts = append(texts, memo.Text)
		}
		if len(texts) != i+1 || slices.Contains(texts, "rolled back") {
			t.Errorf("%s has %q", tenant, texts)
		}
	}
	if _, err := client.Memo.Query().Count(t.Context()); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("without a tenant: %v", err)
	}
	tx, err := client.Tx(tenancy.NewContext(t.Context(), tenants[0]))
	must(t, err)
	if _, err := tx.Memo.Query().Count(tenancy.NewContext(t.Context(), tenants[1])); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Errorf("another tenant in a transaction: %v", err)
	}
	must(t, tx.Rollback())
}

// migrate makes ent's tables where the scope of ctx has them.
func migrate(ctx context.Context, t *testing.T, config *pgx.ConnConfig) {
	t.Helper()
	scope, err := tenancy.ScopeFromContext(ctx)
	must(t, err)
	db := openConfig(t, 1, config, postgres.Config{Fallback: scope})
	client := ent.NewClient(ent.Driver(entsql.OpenDB(dialect.Postgres, db)))
	must(t, client.Schema.Create(ctx))
}
