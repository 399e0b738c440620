package tenancyprom_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/prometheus/client_golang/prometheus/testutil"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/metrics"
)

// shop runs real statements through a driver that tells the observer: of two
// tenants, two queries each, one of which fails, and a transaction that a
// statement of the other is refused in.
func shop(t *testing.T, o driver.Observer) {
	t.Helper()
	db, err := sql.Open("sqlite", "file:"+filepath.ToSlash(filepath.Join(t.TempDir(), "shop.db")))
	if err != nil {
		t.Fatal(err)
	}
	drv, err := driver.New(entsql.OpenDB(dialect.SQLite, db), driver.Config{Observer: o})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = drv.Close() })
	one, other := as(t, "acme"), as(t, "globex")
	if _, err := drv.ExecContext(tenancy.System(t.Context(), "making a table"), "CREATE TABLE orders (tenant_id text)"); err != nil {
		t.Fatal(err)
	}
	for _, ctx := range []context.Context{one, other} {
		if err := drv.Query(ctx, "SELECT tenant_id FROM nothing", []any{}, &entsql.Rows{}); err == nil {
			t.Fatal("there is no such table")
		}
		rows := &entsql.Rows{}
		if err := drv.Query(ctx, "SELECT tenant_id FROM orders", []any{}, rows); err != nil {
			t.Fatal(err)
		}
		_ = rows.Close()
	}
	tx, err := drv.Tx(one)
	if err != nil {
		t.Fatal(err)
	}
	if err := tx.Exec(other, "DELETE FROM orders", []any{}, nil); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

func as(t *testing.T, id tenancy.ID) context.Context {
	t.Helper()
	return tenancy.NewContext(t.Context(), tenancy.Tenant{ID: id})
}

func TestRealStatements(t *testing.T) {
	t.Parallel()
	counted, registry := registered(t, metrics.Config{})
	shop(t, counted)
	want := `
# HELP tenancy_statement_errors_total Statements that failed, by kind of error.
# TYPE tenancy_statement_errors_total counter
tenancy_statement_errors_total{error_type="cross_tenant"} 1
tenancy_statement_errors_total{error_type="other"} 2
# HELP tenancy_system_scopes_total System scopes that were used.
# TYPE tenancy_system_scopes_total counter
tenancy_system_scopes_total 1
# HELP tenancy_tenant_statements_total Statements of the busiest tenants.
# TYPE tenancy_tenant_statements_total counter
tenancy_tenant_statements_total{tenant="acme"} 4
tenancy_tenant_statements_total{tenant="globex"} 3
tenancy_tenant_statements_total{tenant="other"} 0
`
	if err := testutil.GatherAndCompare(registry, strings.NewReader(want),
		"tenancy_statement_errors_total", "tenancy_system_scopes_total", "tenancy_tenant_statements_total"); err != nil {
		t.Error(err)
	}
}
