package postgres_test

import (
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
)

// TestSQLByHandIsHeld has what reaches past ent's filter.
func TestSQLByHandIsHeld(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	db, ctx := openURL(t, g.app, postgres.Config{}), asTenant(t, "a")
	for _, query := range []string{
		"SELECT count(*) FROM orders WHERE tenant_id <> 'a'",
		"SELECT count(*) FROM (SELECT number FROM orders WHERE tenant_id = 'b' UNION ALL SELECT name FROM users WHERE id = 11) x",
		"SELECT count(*) FROM orders o RIGHT JOIN users u ON true WHERE u.tenant_id = 'b' OR o.tenant_id = 'b'",
		"WITH changed AS (UPDATE orders SET note = 'x' WHERE id = 11 RETURNING 1) SELECT count(*) FROM changed",
		"WITH gone AS (DELETE FROM orders WHERE tenant_id = 'b' RETURNING 1) SELECT count(*) FROM gone",
		"SELECT count(*) FROM groups TABLESAMPLE SYSTEM (100) WHERE id = 11",
		"SELECT count(*) FROM orders WHERE ctid IN (SELECT ctid FROM orders) AND tenant_id = 'b'",
		"SELECT (SELECT count(*) FROM users WHERE tenant_id = (SELECT 'b'))",
		"SELECT count(*) FROM pg_stats WHERE tablename = 'orders' AND most_common_vals::text LIKE '%b%'",
	} {
		if n := one[int](ctx, t, db, query); n != 0 {
			t.Errorf("%s: %d", query, n)
		}
	}
	for statement, code := range map[string]string{
		"INSERT INTO orders (id, tenant_id, number, note, total) OVERRIDING SYSTEM VALUE VALUES (77, 'b', 'x', '', 0)": "42501",
		"UPDATE orders SET tenant_id = 'b'": "42501",
		"INSERT INTO orders (id, tenant_id, number, note, total) OVERRIDING SYSTEM VALUE VALUES (11, 'a', 'x', '', 0) ON CONFLICT (id) DO UPDATE SET note = 'taken'": "42501",
		"MERGE INTO orders o USING (VALUES (1)) v (id) ON o.id = v.id WHEN MATCHED THEN UPDATE SET tenant_id = 'b'":                                                  "42501",
		"TRUNCATE user_groups":                          "42501",
		"ALTER TABLE orders DISABLE ROW LEVEL SECURITY": "42501",
		"DROP POLICY tenant_isolation ON orders":        "42501",
	} {
		_, err := db.ExecContext(ctx, statement)
		wantCode(t, err, code)
	}
	for _, statement := range []string{
		"SET LOCAL ROLE " + role(t, g.system), "SET LOCAL ROLE " + role(t, g.owner),
		"SET LOCAL SESSION AUTHORIZATION " + role(t, g.system),
	} {
		tx, err := db.BeginTx(ctx, nil)
		must(t, err)
		_, err = tx.ExecContext(ctx, statement)
		wantCode(t, err, "42501")
		must(t, tx.Rollback())
	}
	tx, err := db.BeginTx(ctx, nil)
	must(t, err)
	_, err = tx.ExecContext(ctx, "SET LOCAL row_security = off")
	must(t, err)
	wantCode(t, tx.QueryRowContext(ctx, "SELECT count(*) FROM orders").Scan(new(int)), "42501")
	must(t, tx.Rollback())
	if n := one[int](ctx, t, db, "SELECT count(*) FROM orders"); n != 2 {
		t.Errorf("the tenant has %d orders, want 2", n)
	}
	if got := one[string](system(t), t, openURL(t, g.system, postgres.Config{}), "SELECT string_agg(tenant_id || note, ',') FROM orders"); got != "a,a,b" {
		t.Errorf("the orders are %s", got)
	}
}

// TestNoTenantSeesNothing has a connection that no tenant is set on, and one
// whose last tenant is gone.
func TestNoTenantSeesNothing(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	run(t, g.asAdmin(t), "INSERT INTO memos (id, tenant_id, text) OVERRIDING SYSTEM VALUE VALUES (1, '', 'of the empty tenant')")
	for _, address := range []string{g.app, g.owner} {
		db := openURL(t, address, postgres.Config{})
		for range 2 {
			for _, table := range []string{"orders", "users", "user_groups", "memos"} {
				if n := one[int](system(t), t, db, "SELECT count(*) FROM "+table); n != 0 {
					t.Errorf("%d rows of %s without a tenant", n, table)
				}
			}
			_, err := db.ExecContext(system(t), "INSERT INTO memos (tenant_id, text) VALUES ('', 'x')")
			wantCode(t, err, "42501")
			one[int](asTenant(t, "a"), t, db, "SELECT count(*) FROM memos") // leaves the setting empty, not missing
		}
	}
}
