package tenancyotel_test

import (
	"context"
	"database/sql"
	"errors"
	"path/filepath"
	"slices"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	_ "modernc.org/sqlite" // the driver "sqlite"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/contrib/tenancyotel"
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

func TestRealStatements(t *testing.T) {
	t.Parallel()
	counted, err := metrics.NewCollector(metrics.Config{})
	if err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, tenancyotel.Config{System: "sqlite", Source: counted})
	shop(t, w.observer)
	var got []string
	for _, span := range w.spans.Ended() {
		got = append(got, span.Name()+" "+span.Status().Code.String())
	}
	want := []string{
		"CREATE Unset", "SELECT Error", "SELECT Unset", "SELECT Error", "SELECT Unset",
		"BEGIN Unset", "DELETE Error", "COMMIT Unset",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if got := w.sums(t, "tenancy.tenant.statements", "tenancy.tenant.id"); got["acme"] != 4 || got["globex"] != 3 {
		t.Errorf("tenancy.tenant.statements is %v", got)
	}
}
