package mysql_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// TestOneClientServesAllPlaces has tenants with equal rows in four places act in
// turn on one connection, and looks where the rows are.
func TestOneClientServesAllPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		for _, tenant := range w.all() {
			must(t, w.client.Memo.Create().SetText(string(tenant.ID)).Exec(as(t, tenant)))
		}
	}
	for _, tenant := range w.all() {
		texts, err := w.client.Memo.Query().Select("text").Strings(as(t, tenant))
		must(t, err)
		if want := []string{string(tenant.ID), string(tenant.ID)}; !slices.Equal(texts, want) {
			t.Errorf("%s sees %q, want %q", tenant, texts, want)
		}
	}
	admin := open(t, w.dsn)
	for from, want := range map[string]string{"memos": "shared", quoted(w.one) + ".memos": "one", quoted(w.two) + ".memos": "two"} {
		if got := names(t, admin, "SELECT text FROM "+from); !slices.Equal(got, []string{want, want}) {
			t.Errorf("%s holds %q, want those of %s", from, got, want)
		}
	}
	if got, err := w.client.Memo.Query().Count(tenancy.System(t.Context(), "test")); err != nil || got != 2 {
		t.Errorf("a System scope sees %d rows of the home, %v; want 2", got, err)
	}
}

// TestEntInASchema uses edges of all kinds, upserts, sub-selects and joins with global tables.
func TestEntInASchema(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	system := tenancy.System(t.Context(), "test")
	chile := w.client.Country.Create().SetCode("CL").SaveX(system)
	urgent := w.client.Label.Create().SetName("urgent").SaveX(system)
	for _, tenant := range []tenancy.Tenant{w.shared, w.one, w.two} {
		ctx := as(t, tenant)
		group := w.client.Group.Create().SetName("staff").SaveX(ctx)
		ada := w.client.User.Create().SetName("ada").SetEmail("ada@example.com").AddGroups(group).SaveX(ctx)
		made, err := w.client.Order.Create().SetNumber("1").SetOwner(ada).SetCountry(chile).AddLabels(urgent).Save(ctx)
		must(t, err)
		must(t, w.client.Order.UpdateOne(made).SetNote("paid").Exec(ctx))
		must(t, w.client.Item.CreateBulk(
			w.client.Item.Create().SetSku("a").SetOrder(made), w.client.Item.Create().SetSku("b").SetOrder(made)).Exec(ctx))

		found, err := w.client.Order.Query().WithItems().WithLabels().WithCountry().
			Where(order.HasCountryWith(country.Code("CL")), order.HasOwnerWith(user.HasGroups()), order.HasLabels()).Only(ctx)
		must(t, err)
		if found.Note != "paid" || len(found.Edges.Items) != 2 || len(found.Edges.Labels) != 1 || found.Edges.Country.Code != "CL" {
			t.Errorf("%s finds %v with %v", tenant, found, found.Edges)
		}
		if n := w.client.Order.Delete().Where(order.HasCountry()).ExecX(ctx); n != 1 {
			t.Errorf("%s deletes %d orders, want 1", tenant, n)
		}
	}
}

func TestTransactionsInSchemas(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := as(t, w.one)
	tx, err := w.client.Tx(ctx)
	must(t, err)
	must(t, tx.Memo.Create().SetText("rolled back").Exec(ctx))
	_, err = tx.ExecContext(ctx, "SAVEPOINT a")
	must(t, err)
	must(t, tx.Memo.Create().SetText("undone").Exec(ctx))
	_, err = tx.ExecContext(ctx, " ROLLBACK WORK TO SAVEPOINT a")
	must(t, err)
	_, err = tx.ExecContext(ctx, "/* done */ release savepoint a;")
	must(t, err)
	if n := tx.Memo.Query().CountX(ctx); n != 1 {
		t.Errorf("the transaction sees %d memos, want 1", n)
	}
	if _, err := tx.Memo.Query().Count(as(t, w.two)); !errors.Is(err, tenancy.ErrCrossTenant) {
		t.Errorf("another tenant in the transaction: %v", err)
	}
	moved := w.one
	moved.Placement = w.two.Placement
	if _, err := tx.Memo.Query().Count(as(t, moved)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("the tenant with another schema in the transaction: %v", err)
	}
	must(t, tx.Rollback())

	tx, err = w.client.BeginTx(ctx, nil)
	must(t, err)
	must(t, tx.Memo.Create().SetText("kept").Exec(ctx))
	must(t, tx.Commit())
	if texts := w.client.Memo.Query().Select("text").StringsX(ctx); !slices.Equal(texts, []string{"kept"}) {
		t.Errorf("the schema holds %q", texts)
	}
	if n := w.client.Memo.Query().CountX(as(t, w.two)); n != 0 {
		t.Errorf("the other schema holds %d memos", n)
	}
}

// TestMissingPlace takes away a table, and a whole schema, of which the home has one.
func TestMissingPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.client.Memo.Create().SetText("of the shared tenant").Exec(as(t, w.shared)))
	run(t, open(t, w.dsn), "DROP TABLE "+quoted(w.one)+".memos")
	for _, tenant := range []tenancy.Tenant{w.one, w.missing} {
		for name, act := range map[string]func(context.Context) error{
			"query":  func(ctx context.Context) error { _, err := w.client.Memo.Query().All(ctx); return err },
			"create": func(ctx context.Context) error { return w.client.Memo.Create().SetText("a").Exec(ctx) },
			"update": func(ctx context.Context) error { return w.client.Memo.Update().SetText("a").Exec(ctx) },
			"delete": func(ctx context.Context) error { _, err := w.client.Memo.Delete().Exec(ctx); return err },
			"in a transaction": func(ctx context.Context) error {
				tx, err := w.client.Tx(ctx)
				if err != nil {
					return err
				}
				_, err = tx.Memo.Query().All(ctx)
				return errors.Join(err, tx.Rollback())
			},
		} {
			err := act(as(t, tenant))
			if !errors.Is(err, tenancy.ErrNotProvisioned) || !strings.Contains(err.Error(), tenant.String()) {
				t.Errorf("%s, %s: %v", tenant, name, err)
			}
		}
	}
	if texts := names(t, open(t, w.dsn), "SELECT text FROM memos"); !slices.Equal(texts, []string{"of the shared tenant"}) {
		t.Errorf("the shared table holds %q", texts)
	}
}

func TestDatabaseOfItsOwn(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	ctx := as(t, w.own)
	w.client.Country.Create().SetCode("PE").ExecX(tenancy.System(t.Context(), "test"))
	if codes := w.client.Country.Query().Select("code").StringsX(ctx); !slices.Equal(codes, []string{"PE"}) {
		t.Errorf("the tenant with a database sees the countries %q", codes)
	}
	if _, err := w.client.Order.Query().Where(order.HasCountry()).All(ctx); err != nil && !errors.Is(err, driver.ErrSpansDatabases) {
		t.Errorf("a join over two databases: %v", err)
	}
}
