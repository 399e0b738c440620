package postgres_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// TestMissingTableNamesPlacement is what a tenant with a schema gets for a global entity by
// a client that was generated without it. One that says whose table it means was not.
func TestMissingTableNamesPlacement(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, w.open(t, 2, postgres.Config{})), driver.Config{})
	must(t, err)
	for i, tenant := range w.tenants {
		if tenant.Isolation != tenancy.IsolationSchema {
			continue
		}
		ctx := w.as(t, i)
		for query, hinted := range map[string]bool{"SELECT 1 FROM countries": true, `SELECT 1 FROM "tenancy_tenant"."missing"`: false} {
			tx, err := drv.Tx(ctx)
			must(t, err)
			for _, on := range []dialect.ExecQuerier{drv, tx} {
				err := on.Exec(ctx, query, []any{}, nil)
				wantErr(t, err, tenancy.ErrNotProvisioned)
				if err == nil || strings.Contains(err.Error(), "Placement: true") != hinted {
					t.Errorf("%s: %v", query, err)
				}
			}
			must(t, tx.Rollback())
		}
		return
	}
	t.Error("no tenant has a schema")
}

// TestMistakesAreNoMissingTables has statements speak of tables that they do not list,
// for which PostgreSQL has the code of a table that is not there.
func TestMistakesAreNoMissingTables(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	db := w.open(t, 1, postgres.Config{})
	drv, err := driver.New(entsql.OpenDB(dialect.Postgres, db), driver.Config{})
	must(t, err)
	atHome := tenancy.NewContext(t.Context(), tenancy.Tenant{ID: "apart", Isolation: tenancy.IsolationDatabase})
	for _, query := range []string{
		"SELECT o.name FROM public.items i WHERE o.id = $1", "SELECT items.name FROM public.items i WHERE i.id = $1", "SELECT name FROM public.items WHERE id = $1 FOR UPDATE OF o",
	} {
		for _, ctx := range []context.Context{w.as(t, sharedTenants), atHome} {
			err := count(ctx, db, query, 1)
			wantCode(t, err, "42P01")
			if errors.Is(err, tenancy.ErrNotProvisioned) || errors.Is(err, tenancy.ErrCrossTenant) {
				t.Errorf("%s: %v", query, err)
			}
		}
		_, err := read(w.as(t, sharedTenants), drv, query, 1)
		wantCode(t, err, "42P01")
		if errors.Is(err, tenancy.ErrNotProvisioned) {
			t.Errorf("%s by ent: %v", query, err)
		}
	}
	wantErr(t, count(atHome, db, "SELECT name FROM items WHERE id = $1", 1), tenancy.ErrCrossTenant)
}
