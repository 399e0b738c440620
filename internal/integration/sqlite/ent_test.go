package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/country"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/order"
	"github.com/entenancy/tenancy/internal/integration/isolation/ent/user"
)

// TestOneClientServesAllPlaces has tenants act in turn, and looks where the rows are.
func TestOneClientServesAllPlaces(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for range 2 {
		for _, tenant := range w.all() {
			must(t, w.client.Memo.Create().SetText(string(tenant.ID)).Exec(as(t, tenant)))
		}
	}
	want := func(tenant tenancy.Tenant) []string { return []string{string(tenant.ID), string(tenant.ID)} }
	for _, tenant := range w.all() {
		texts, err := w.client.Memo.Query().Select("text").Strings(as(t, tenant))
		must(t, err)
		if !slices.Equal(texts, want(tenant)) {
			t.Errorf("%s sees %q", tenant, texts)
		}
		path := w.config.Home
		if tenant.Isolation != tenancy.IsolationShared {
			path = w.path(t, tenant)
		}
		if texts := names(t, plain(t, path), "SELECT text FROM memos"); !slices.Equal(texts, want(tenant)) {
			t.Errorf("the file of %s holds %q", tenant, texts)
		}
	}
}

// TestEntOnFiles uses edges of all kinds, and joins with global tables.
func TestEntOnFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	chile := w.client.Country.Create().SetCode("CL").SaveX(system(t))
	urgent := w.client.Label.Create().SetName("urgent").SaveX(system(t))
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		group := w.client.Group.Create().SetName("staff").SaveX(ctx)
		ada := w.client.User.Create().SetName("ada").SetEmail("ada@example.com").AddGroups(group).SaveX(ctx)
		made, err := w.client.Order.Create().SetNumber("1").SetOwner(ada).SetCountry(chile).AddLabels(urgent).Save(ctx)
		must(t, err)
		must(t, w.client.Order.UpdateOne(made).SetNote("paid").Exec(ctx))
		found, err := w.client.Order.Query().WithLabels().WithCountry().
			Where(order.HasCountryWith(country.Code("CL")), order.HasOwnerWith(user.HasGroups()), order.HasLabels()).Only(ctx)
		must(t, err)
		if found.Note != "paid" || len(found.Edges.Labels) != 1 || found.Edges.Country.Code != "CL" {
			t.Errorf("%s finds %v with %v", tenant, found, found.Edges)
		}
		if on, err := column(w.drv.QueryContext(ctx, "PRAGMA foreign_keys")); err != nil || !slices.Equal(on, []string{"1"}) {
			t.Errorf("%s: foreign keys are off: %q, %v", tenant, on, err)
		}
	}
}

// TestGlobalTablesAreWrittenBySystemOnly writes to a global table by raw SQL.
func TestGlobalTablesAreWrittenBySystemOnly(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.client.Country.Create().SetCode("CL").ExecX(system(t))
	for _, tenant := range w.all() {
		for _, table := range []string{"countries", "tenancy_global.countries", `"tenancy_global".countries`} {
			if _, err := w.drv.ExecContext(as(t, tenant), "DELETE FROM "+table); err == nil || !strings.Contains(err.Error(), "readonly") {
				t.Errorf("%s deletes from %s: %v", tenant, table, err)
			}
		}
	}
	if codes := names(t, plain(t, w.config.Global), "SELECT code FROM countries"); !slices.Equal(codes, []string{"CL"}) {
		t.Errorf("the global file has %q", codes)
	}
}

func TestTransactionsOnFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		tx, err := w.client.Tx(ctx)
		must(t, err)
		must(t, tx.Memo.Create().SetText("rolled back").Exec(ctx))
		if _, err := tx.Country.Query().All(ctx); err != nil {
			t.Errorf("%s: a global table in a transaction: %v", tenant, err)
		}
		if _, err := tx.Memo.Query().All(as(t, w.missing)); !errors.Is(err, tenancy.ErrCrossTenant) {
			t.Errorf("another tenant in the transaction: %v", err)
		}
		must(t, tx.Rollback())
		if n := w.client.Memo.Query().CountX(ctx); n != 0 {
			t.Errorf("%s has %d memos", tenant, n)
		}
	}
}

// TestMissingPlace takes away a table, and a whole file.
func TestMissingPlace(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.client.Memo.Create().SetText("of the shared tenant").Exec(as(t, w.shared)))
	run(t, w.path(t, w.one), "DROP TABLE memos")
	for _, tenant := range []tenancy.Tenant{w.one, w.missing} {
		for name, act := range map[string]func(context.Context) error{
			"query":  func(ctx context.Context) error { _, err := w.client.Memo.Query().All(ctx); return err },
			"create": func(ctx context.Context) error { return w.client.Memo.Create().SetText("a").Exec(ctx) },
			"delete": func(ctx context.Context) error { _, err := w.client.Memo.Delete().Exec(ctx); return err },
		} {
			err := act(as(t, tenant))
			if !errors.Is(err, tenancy.ErrNotProvisioned) || !strings.Contains(fmt.Sprint(err), tenant.String()) {
				t.Errorf("%s, %s: %v", tenant, name, err)
			}
		}
	}
	if _, err := os.Stat(w.path(t, w.missing)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a file was made: %v", err)
	}
}

// TestAllTenantsInFiles is the layout whose home is the global file.
func TestAllTenantsInFiles(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.config.Home = ""
	var err error
	w.files, err = sqlite.New(w.config)
	must(t, err)
	drv, err := driver.New(pool(w.files.Home()), driver.Config{Databases: driver.Databases{Open: w.files.Open}})
	must(t, err)
	defer drv.Close()
	client := ent.NewClient(ent.TenancyDriver(drv))
	client.Country.Create().SetCode("CL").ExecX(system(t))
	if codes := client.Country.Query().Select("code").StringsX(as(t, w.one)); !slices.Equal(codes, []string{"CL"}) {
		t.Errorf("a tenant with a file sees %q", codes)
	}
	if _, err := client.Memo.Query().All(as(t, w.shared)); err == nil {
		t.Error("a shared tenant finds a table")
	}
}

// TestWritersWait has many goroutines open a new file and write to it at once.
func TestWritersWait(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	run(t, w.config.Global, "PRAGMA journal_mode = DELETE")
	run(t, w.path(t, w.one), "PRAGMA journal_mode = DELETE") // each connection wants to change it back
	const writers, each = 8, 5
	var all sync.WaitGroup
	for range writers {
		all.Go(func() {
			ctx := as(t, w.one)
			for range each {
				tx, err := w.client.Tx(ctx)
				if err != nil {
					t.Error(err)
					return
				}
				if _, err := tx.Memo.Query().Count(ctx); err != nil {
					t.Error(err)
				}
				if err := tx.Memo.Create().SetText("a").Exec(ctx); err != nil {
					t.Error(err)
				}
				if err := tx.Commit(); err != nil {
					t.Error(err)
				}
			}
		})
	}
	all.Wait()
	w.client.Country.Create().SetCode("CL").ExecX(system(t))
	for _, path := range []string{w.config.Global, w.path(t, w.one)} {
		if mode := names(t, openURL(t, fileURL(path)), "PRAGMA journal_mode"); !slices.Equal(mode, []string{"wal"}) {
			t.Errorf("the journal of %s is in mode %q", path, mode)
		}
	}
	if n := w.client.Memo.Query().CountX(as(t, w.one)); n != writers*each {
		t.Errorf("%d memos, want %d", n, writers*each)
	}
}
