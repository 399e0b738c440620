package databases_test

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"testing"

	"entgo.io/ent/dialect"
	"github.com/jackc/pgx/v5"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/postgres"
)

// conn returns a connection to the tenant's database.
func conn(tb testing.TB, drv *driver.Driver, tenant tenancy.Tenant) *sql.Conn {
	tb.Helper()
	c, err := drv.Conn(as(tb, tenant))
	must(tb, err)
	tb.Cleanup(func() { _ = c.Close() })
	return c
}

func TestCopyIntoATenantsDatabase(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	tenant := tenantAt(newDatabase(t))
	c, ctx := conn(t, drv, tenant), as(t, tenant)
	err := postgres.Raw(ctx, c, func(pg *pgx.Conn) error {
		var id string
		if err := pg.QueryRow(ctx, "SELECT current_setting('tenancy.tenant_id')").Scan(&id); err != nil || id != string(tenant.ID) {
			t.Errorf("the setting is %q, with error %v", id, err)
		}
		_, err := pg.CopyFrom(ctx, pgx.Identifier{"items"}, []string{"tenant_id", "name"},
			pgx.CopyFromRows([][]any{{string(tenant.ID), string(tenant.ID)}}))
		return err
	})
	must(t, err)
	must(t, whose(ctx, drv, tenant))
}

// TestConnectionServesItsTenantOnly: a connection to a tenant's database that
// got into the hands of another's request is of no use there.
func TestConnectionServesItsTenantOnly(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	tenant := tenantAt(newDatabase(t))
	c := conn(t, drv, tenant)
	others := map[string]context.Context{
		"another tenant": as(t, tenantAt("postgres://x")),
		"the system":     tenancy.System(t.Context(), "test"),
	}
	for name, ctx := range others {
		_, err := c.ExecContext(ctx, "SELECT 1")
		refused(t, name+"'s statement", err)
		_, err = c.BeginTx(ctx, nil)
		refused(t, name+"'s transaction", err)
		refused(t, name+"'s Raw", postgres.Raw(ctx, c, func(*pgx.Conn) error { return nil }))
	}
	_, err := c.ExecContext(as(t, tenant), "SELECT 1")
	must(t, err)
}

func refused(tb testing.TB, what string, err error) {
	tb.Helper()
	if !errors.Is(err, tenancy.ErrCrossTenant) {
		tb.Errorf("%s: got %v", what, err)
	}
}

func TestInnerConnectionIsReached(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	tenant := tenantAt(newDatabase(t))
	err := conn(t, drv, tenant).Raw(func(c any) error {
		inner, ok := c.(interface {
			Unwrap() sqldriver.Conn
		})
		if !ok {
			t.Fatalf("a %T has no Unwrap", c)
		}
		pg, ok := inner.Unwrap().(interface{ Conn() *pgx.Conn })
		if !ok {
			t.Fatalf("a %T has no Conn", inner.Unwrap())
		}
		if got := pg.Conn().Config().Database; "/"+got != parsed(tenant).Path {
			t.Errorf("the inner connection is to %s", got)
		}
		return nil
	})
	must(t, err)
}

func TestTransactionBelongsToItsTenant(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	address := newDatabase(t)
	tenant, other := newTenant(t, address), newTenant(t, address)
	tx, err := drv.Tx(as(t, tenant))
	must(t, err)
	insert := func(ctx context.Context) error {
		return tx.Exec(ctx, "INSERT INTO items (tenant_id, name) VALUES (current_setting('tenancy.tenant_id'), 'more')", []any{}, nil)
	}
	if err := insert(as(t, other)); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Errorf("another tenant's statement got %v", err)
	}
	if err := insert(t.Context()); !errors.Is(err, tenancy.ErrNoTenant) {
		t.Errorf("nobody's statement got %v", err)
	}
	must(t, insert(as(t, tenant)))
	must(t, tx.Rollback())
	must(t, whose(t.Context(), drv, tenant))
}

func TestEntsTransactionOptions(t *testing.T) {
	t.Parallel()
	drv := newDriver(t, driver.Databases{})
	tenant := tenantAt(newDatabase(t))
	tx, err := drv.BeginTx(as(t, tenant), &sql.TxOptions{ReadOnly: true})
	must(t, err)
	defer tx.Rollback()
	if err := tx.Exec(as(t, tenant), "INSERT INTO items (tenant_id, name) VALUES ('a', 'b')", []any{}, nil); err == nil {
		t.Error("a read-only transaction wrote")
	}
	if drv.Dialect() != dialect.Postgres {
		t.Errorf("the dialect is %s", drv.Dialect())
	}
}
