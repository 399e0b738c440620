package mysql_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/mysql"
)

// TestByHand sends SQL written by hand, and what must not be sent, to one world.
func TestByHand(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	for name, test := range map[string]func(*testing.T, *world){
		"unqualified":        unqualified,
		"qualified":          qualifiedByHand,
		"USE":                useIsRefusedForAll,
		"several statements": severalStatements,
		"no scope":           noScope,
		"unusable schema":    unusableSchema,
		"DSN is not shown":   dsnIsNotShown,
	} {
		t.Run(name, func(t *testing.T) { test(t, w) })
	}
}

// unqualified sends SQL written by hand that names the shared tables.
func unqualified(t *testing.T, w *world) {
	w.client.Memo.Delete().ExecX(as(t, w.shared))
	must(t, w.client.Memo.Create().SetText("of the shared tenant").Exec(as(t, w.shared)))
	ctx := as(t, w.one)
	tx, err := w.drv.Tx(ctx)
	must(t, err)
	for _, query := range []string{
		"SELECT text FROM memos", "DELETE FROM memos", "UPDATE memos SET text = 'taken'", "TRUNCATE memos", "SET @a = 1", "COMMIT",
		"SELECT text FROM tenancy_tenant.memos", "SELECT text FROM `memos`", "ROLLBACK", "RELEASE_LOCK", "CALL fill()", "SELECT 1",
	} {
		sent := w.sent.during(func() {
			if _, err := w.drv.ExecContext(ctx, query); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q: %v", query, err)
			}
			if _, err := column(w.drv.QueryContext(ctx, query)); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q as a query: %v", query, err)
			}
			if err := tx.Exec(ctx, query, []any{}, nil); !errors.Is(err, mysql.ErrUnqualified) {
				t.Errorf("%q in a transaction: %v", query, err)
			}
		})
		if len(sent) > 0 {
			t.Errorf("%q was sent as %q", query, sent)
		}
	}
	must(t, tx.Rollback())
	if texts := names(t, open(t, w.dsn), "SELECT text FROM memos"); !slices.Equal(texts, []string{"of the shared tenant"}) {
		t.Errorf("the shared table holds %q", texts)
	}
}

// qualifiedByHand sends SQL written by hand that says whose tables it means.
func qualifiedByHand(t *testing.T, w *world) {
	w.client.Country.Create().SetCode("CL").ExecX(tenancy.System(t.Context(), "test"))
	for _, tenant := range w.all() {
		ctx := as(t, tenant)
		_, err := w.drv.ExecContext(ctx, "INSERT INTO `tenancy_tenant`.`memos` (tenant_id, text) VALUES (?, ?)", string(tenant.ID), "`tenancy_tenant`.`memos`")
		must(t, err)
		texts, err := column(w.drv.QueryContext(ctx, "SELECT m.text FROM `tenancy_tenant`.`memos` AS m WHERE text LIKE '`tenancy%'"))
		must(t, err)
		if !slices.Equal(texts, []string{"`tenancy_tenant`.`memos`"}) { // the argument as it was given
			t.Errorf("%s finds %q", tenant, texts)
		}
		codes, err := column(w.drv.QueryContext(ctx, "SELECT code FROM `tenancy_global`.`countries`"))
		must(t, err)
		if !slices.Equal(codes, []string{"CL"}) {
			t.Errorf("%s finds the countries %q", tenant, codes)
		}
	}
}

func useIsRefusedForAll(t *testing.T, w *world) {
	system := tenancy.System(t.Context(), "test")
	for _, query := range []string{
		"USE %s", "use %s;", "-- go\nUSE %s", "# go\nUSE %s", "/* go */ USE %s", "/*!40000 USE %s */", "/*M! USE %s */", "SELECT 1; USE %s", " ;USE %s",
	} {
		query = fmt.Sprintf(query, quoted(w.two))
		for _, tenant := range w.all() {
			if _, err := w.drv.ExecContext(as(t, tenant), query); !errors.Is(err, mysql.ErrRefused) {
				t.Errorf("%s, %q: %v", tenant, query, err)
			}
		}
		if _, err := w.drv.ExecContext(system, query); !errors.Is(err, mysql.ErrRefused) {
			t.Errorf("a System scope, %q: %v", query, err)
		}
	}
	for _, query := range []string{"SELECT 'a; USE b'", "SELECT 5--USE\n", "SELECT 1 /* ; USE b */", "SELECT 'it''s; USE b', \"\\\"; USE b\""} {
		if _, err := w.drv.ExecContext(system, query); errors.Is(err, mysql.ErrRefused) {
			t.Errorf("%q: %v", query, err)
		}
	}
}

func severalStatements(t *testing.T, w *world) {
	_, err := w.drv.ExecContext(as(t, w.one), "SELECT 1 FROM `tenancy_tenant`.memos; DELETE FROM memos")
	if !errors.Is(err, mysql.ErrRefused) {
		t.Error(err)
	}
}

func noScope(t *testing.T, w *world) {
	alone := mysql.Schemas(w.sent) // without package driver before it
	sent := w.sent.during(func() {
		if err := alone.Exec(t.Context(), "DELETE FROM `tenancy_tenant`.memos", []any{}, nil); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Error(err)
		}
		if _, err := column(w.drv.QueryContext(t.Context(), "SELECT 1")); !errors.Is(err, tenancy.ErrNoTenant) {
			t.Error(err)
		}
	})
	if len(sent) > 0 {
		t.Errorf("sent %q", sent)
	}
}

func unusableSchema(t *testing.T, w *world) {
	for _, name := range []string{
		"mysql", "MySQL", "sys", "information_schema", "PERFORMANCE_SCHEMA", "tenancy_global", "tenancy_tenant",
		strings.Repeat("é", 65), "a ", "a\x00b", "a\xffb", "a/b", "a\\b", "a'b", "a\"b", "a\nb", "a😀", "#mysql50#a",
	} {
		tenant := tenant("bad", name)
		sent := w.sent.during(func() {
			if _, err := w.client.Memo.Query().Count(as(t, tenant)); !errors.Is(err, tenancy.ErrInvalidPlacement) {
				t.Errorf("%q: %v", name, err)
			}
		})
		if len(sent) > 0 {
			t.Errorf("%q: sent %q", name, sent)
		}
	}
	if _, err := w.client.Memo.Query().Count(as(t, tenant("bad", ""))); !errors.Is(err, tenancy.ErrInvalidPlacement) {
		t.Errorf("no name: %v", err)
	}
	if _, err := w.client.Memo.Query().Count(as(t, tenant("good", strings.Repeat("é", 64)))); !errors.Is(err, tenancy.ErrNotProvisioned) {
		t.Errorf("a name of 64 characters: %v", err)
	}
}

func dsnIsNotShown(t *testing.T, w *world) {
	for _, dsn := range []string{
		"root:hunter2secret@tcp(127.0.0.1:3306", "root:hunter2secret@/a?parseTime=hunter2secret", "hunter2secret",
	} {
		own := w.own
		own.ID = "hidden"
		own.Placement.DatabaseURL = tenancy.NewSecret(dsn)
		_, err := w.client.Memo.Query().Count(as(t, own))
		if !errors.Is(err, tenancy.ErrInvalidPlacement) || strings.Contains(fmt.Sprintf("%+v", err), "hunter2secret") {
			t.Errorf("%v", err)
		}
	}
}
