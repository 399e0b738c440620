package postgres_test

import (
	"strings"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

func TestVerifyHintsAtIndexes(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	before := g.hints(t)
	run(t, g.owner,
		"CREATE TYPE mood AS ENUM ('good', 'bad')",
		"ALTER TABLE orders ADD amount numeric, ADD document jsonb, ADD mood mood, ADD words text[], ADD at timestamptz, ADD ref uuid",
		"CREATE INDEX ok_int ON orders (tenant_id, total)", "CREATE INDEX ok_text ON orders (tenant_id, note)",
		"CREATE INDEX ok_time ON orders (tenant_id, at)", "CREATE INDEX ok_uuid ON orders (tenant_id, ref) INCLUDE (document)",
		"CREATE INDEX lead_last ON orders (total, tenant_id)",
		"CREATE UNIQUE INDEX unique_over_all ON orders (note)",
		"CREATE INDEX leaky_numeric ON orders (tenant_id, amount)",
		"CREATE INDEX leaky_enum ON orders (tenant_id, mood)",
		"CREATE INDEX leaky_array ON orders (tenant_id, words)",
		"CREATE INDEX leaky_jsonb ON orders USING gin (document)",
		"CREATE INDEX leaky_like ON orders (tenant_id, note varchar_pattern_ops)",
		"CREATE INDEX leaky_lower ON orders (tenant_id, lower(note))",
	)
	hints := g.hints(t)
	for index, want := range map[string]string{
		"lead_last": `does not lead with "tenant_id"`, "unique_over_all": "unique over all tenants",
		"leaky_numeric": "not used for amount", "leaky_enum": "not used for mood", "leaky_array": "not used for words",
		"leaky_jsonb": "not used for document", "leaky_like": "not used for note", "leaky_lower": "an expression",
	} {
		if !strings.Contains(hints[index], want) || !strings.Contains(hints[index], "public.orders") {
			t.Errorf("%s: want %q, got %q", index, want, hints[index])
		}
		delete(hints, index)
	}
	if len(hints) != len(before) {
		t.Errorf("more hints than indexes that deserve one: %v", hints)
	}
}

// hints returns them by index.
func (g *guarded) hints(tb testing.TB) map[string]string {
	tb.Helper()
	hints, err := postgres.Verify(tb.Context(), g.serve(tb), g.tenancy, postgres.VerifyConfig{})
	must(tb, err)
	found := make(map[string]string)
	for _, hint := range hints {
		found[hint.Index] += hint.String() + "\n"
	}
	return found
}

// TestLeakyIndexIsNotUsed shows what the hints are about, in the server's plans.
func TestLeakyIndexIsNotUsed(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	run(t, g.owner,
		"ALTER TABLE orders ADD amount numeric",
		"CREATE INDEX by_amount ON orders (tenant_id, amount)", "CREATE INDEX by_total ON orders (tenant_id, total)")
	db := openURL(t, g.app, postgres.Config{})
	ctx := asTenant(t, "a")
	for condition, used := range map[string]bool{"total = 5": true, "amount = 5": false} {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.ExecContext(ctx, "SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
		must(t, err)
		plan := explain(t, tx, "SELECT id FROM orders WHERE tenant_id = 'a' AND "+condition)
		column, _, _ := strings.Cut(condition, " ")
		if got := strings.Contains(indexCondition(plan), column); got != used {
			t.Errorf("%s: an index condition %t, want %t:\n%s", condition, got, used, plan)
		}
		must(t, tx.Rollback())
	}
}

func explain(tb testing.TB, tx querier, query string) string {
	tb.Helper()
	rows, err := tx.QueryContext(asTenant(tb, "a"), "EXPLAIN "+query)
	must(tb, err)
	defer rows.Close()
	var lines []string
	for rows.Next() {
		var line string
		must(tb, rows.Scan(&line))
		lines = append(lines, line)
	}
	must(tb, rows.Err())
	return strings.Join(lines, "\n")
}

func indexCondition(plan string) string {
	for line := range strings.Lines(plan) {
		if _, condition, ok := strings.Cut(line, "Index Cond:"); ok {
			return condition
		}
	}
	return ""
}
