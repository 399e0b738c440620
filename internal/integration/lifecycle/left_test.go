package lifecycle_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/manager"
)

// sharing gives the home of a world whose tenants have namespaces the shared tables too, and returns it as a world of its own, for
// fill and rows.
func (w *world) sharing() *world {
	w.t.Helper()
	home := &world{t: w.t, dialect: w.dialect, db: w.db}
	for statement := range strings.SplitSeq(tables(w.dialect), ";\n") {
		if statement != "" {
			w.exec(statement)
		}
	}
	if w.dialect == dialect.Postgres {
		w.exec("GRANT SELECT, INSERT, UPDATE, DELETE ON customers, orders, lines TO PUBLIC")
	}
	return home
}

// TestErasingTakesWhatWasLeftInSharedTables, such as by who moved the tenant to a namespace by hand: who gets its id next would see it.
func TestErasingTakesWhatWasLeftInSharedTables(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		l, home := w.lifecycle(), w.sharing()
		acme, beside, clean := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside")), w.provision(l, newTenant("clean"))
		home.fill(acme)
		home.fill(beside)
		for _, erased := range []struct {
			tenant tenancy.Tenant
			rows   []manager.ErasedRows
		}{
			{acme, []manager.ErasedRows{{Table: "lines", Rows: 1}, {Table: "orders", Rows: 2}, {Table: "customers", Rows: 3}}},
			{clean, []manager.ErasedRows{{Table: "lines"}, {Table: "orders"}, {Table: "customers"}}},
		} {
			receipt, err := l.Erase(t.Context(), erased.tenant.ID)
			if err != nil || !receipt.Dropped || !receipt.Intact() || !slices.Equal(receipt.Rows, erased.rows) {
				t.Errorf("%s: got %+v, %v", erased.tenant, receipt, err)
			}
			if got := home.rows(erased.tenant); got != "0 0 0" {
				t.Errorf("%s has left %s", erased.tenant, got)
			}
		}
		if own, left := w.rows(beside), home.rows(beside); own != full || left != full {
			t.Errorf("the other has rows %s, and has left %s", own, left)
		}
	})
}

// TestErasingWhatWasLeftGoesOn behind the drop, and the receipt says what there was when it began.
func TestErasingWhatWasLeftGoesOn(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		l, home := w.lifecycle(), w.sharing()
		acme := w.provision(l, newTenant("acme"))
		home.fill(acme)
		end := ""
		if w.dialect == dialect.MySQL {
			end = " CHARSET utf8mb4 COLLATE utf8mb4_bin"
		}
		w.exec("CREATE TABLE holds (held varchar(100), FOREIGN KEY (held) REFERENCES " + quoted(w.dialect, "lines") + " (id))" + end)
		w.exec("INSERT INTO holds VALUES ('l1" + string(acme.ID) + "')")
		if _, err := l.Erase(t.Context(), acme.ID); err == nil || home.rows(acme) != full {
			t.Fatalf("held, it has left %s: %v", home.rows(acme), err)
		}
		if _, err := l.Restore(t.Context(), acme.ID); !errors.Is(err, tenancy.ErrInvalidTransition) {
			t.Errorf("its namespace is gone: %v", err)
		}
		w.exec("DROP TABLE holds")
		broken := errors.New("the counters are away")
		counters := w.lifecycle(func(c *manager.LifecycleConfig) {
			c.Forget = append(c.Forget, func(context.Context, tenancy.ID) error { return broken })
		})
		if _, err := counters.Erase(t.Context(), acme.ID); !errors.Is(err, broken) || home.rows(acme) != "0 0 0" {
			t.Fatalf("got %v, and left %s", err, home.rows(acme))
		}
		receipt, err := l.Erase(t.Context(), acme.ID)
		want := []manager.ErasedRows{{Table: "lines", Rows: 1}, {Table: "orders", Rows: 2}, {Table: "customers", Rows: 3}}
		if err != nil || !receipt.Dropped || !slices.Equal(receipt.Rows, want) {
			t.Errorf("got %+v, %v", receipt, err)
		}
	})
}

// TestErasingSparesWhatHangsOnWhatWasLeft, and takes nothing then: the tenant can be restored.
func TestErasingSparesWhatHangsOnWhatWasLeft(t *testing.T) {
	in(t, namespaces(), func(t *testing.T, w *world) {
		home := w.sharing()
		l, _, run := w.linkable()
		acme, beside := w.provision(l, newTenant("acme")), w.provision(l, newTenant("beside"))
		home.fill(acme)
		home.fill(beside)
		link := "UPDATE customers SET parent_id = 'c1" + string(acme.ID) + "' WHERE id = 'c1" + string(beside.ID) + "'"
		run(link)
		if _, err := l.Erase(t.Context(), acme.ID); !errors.Is(err, tenancy.ErrCrossTenant) {
			t.Fatalf("got %v", err)
		}
		if own, left := w.rows(acme), home.rows(acme); own != full || left != full {
			t.Errorf("it has rows %s, and has left %s", own, left)
		}
		if _, err := l.Restore(t.Context(), acme.ID); err != nil {
			t.Error(err)
		}
		run("UPDATE customers SET parent_id = NULL")
		if _, err := l.Erase(t.Context(), acme.ID); err != nil || home.rows(acme) != "0 0 0" || home.rows(beside) != full {
			t.Errorf("detached: %v; left %s, and of the other %s", err, home.rows(acme), home.rows(beside))
		}
	})
}
