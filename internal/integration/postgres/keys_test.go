package postgres_test

import (
	"strings"
	"testing"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// rowsOfTwo are rows of two tenants with links of their own, as a superuser
// writes them.
func rowsOfTwo(tb testing.TB, g *guarded) {
	tb.Helper()
	run(tb, g.asAdmin(tb),
		"INSERT INTO users (id, tenant_id, name, age, user_spouse) OVERRIDING SYSTEM VALUE VALUES (1, 'a', 'ann', 1, NULL), (2, 'a', 'abe', 1, 1), (11, 'b', 'bob', 1, NULL)",
		"INSERT INTO orders (id, tenant_id, number, note, total, owner_id) OVERRIDING SYSTEM VALUE VALUES (1, 'a', '1', '', 0, 1), (2, 'a', '2', '', 0, NULL), (11, 'b', '11', '', 0, 11)",
		"INSERT INTO items (id, tenant_id, sku, price, order_items) VALUES (gen_random_uuid(), 'a', 's', 1, 1)",
		"INSERT INTO groups (id, tenant_id, name) OVERRIDING SYSTEM VALUE VALUES (1, 'a', 'g'), (11, 'b', 'g')",
		"INSERT INTO user_groups (tenant_id, user_id, group_id) VALUES ('a', 1, 1)")
}

// TestLinksAcrossTenantsCannotBe tries as a superuser, whom no policy stops.
func TestLinksAcrossTenantsCannotBe(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	db := openURL(t, g.asAdmin(t), postgres.Config{})
	for _, statement := range []string{
		"UPDATE orders SET owner_id = 11 WHERE id = 1",
		"UPDATE orders SET tenant_id = 'b' WHERE id = 1",
		"UPDATE users SET tenant_id = 'b' WHERE id = 1",
		"UPDATE users SET user_spouse = 11 WHERE id = 1",
		"UPDATE items SET order_items = 11",
		"INSERT INTO user_groups (tenant_id, user_id, group_id) VALUES ('a', 1, 11)",
		"INSERT INTO user_groups (tenant_id, user_id, group_id) VALUES ('b', 1, 11)",
		"INSERT INTO user_groups (tenant_id, user_id, group_id) VALUES ('c', 2, 1)",
	} {
		_, err := db.ExecContext(system(t), statement)
		wantCode(t, err, "23503")
	}
}

func TestDeleteStaysWithTenantAndKeepsIt(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	db, ctx := openURL(t, g.app, postgres.Config{}), asTenant(t, "a")
	_, err := db.ExecContext(ctx, "DELETE FROM users")
	must(t, err)
	all := openURL(t, g.system, postgres.Config{})
	for query, want := range map[string]string{
		"SELECT string_agg(id::text, ',') FROM users":                                                             "11",
		"SELECT string_agg(id::text, ',') FROM orders WHERE tenant_id = 'b' AND owner_id = 11 OR tenant_id = 'a'": "2,11", // the cascade took the first
		"SELECT count(*)::text FROM user_groups":                                                                  "0",
		"SELECT string_agg(concat(tenant_id, ' ', coalesce(order_items, 0)), ',') FROM items":                     "a 0", // SET NULL left the tenant
	} {
		if got := one[string](system(t), t, all, query); got != want {
			t.Errorf("%s: %s, want %s", query, got, want)
		}
	}
}

// TestDeleteOfGlobalRow would cascade to rows that the tenant does not see. It
// is done by hand, past ent's own check.
func TestDeleteOfGlobalRow(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	run(t, g.asAdmin(t),
		"INSERT INTO accounts (id, login) OVERRIDING SYSTEM VALUE VALUES (1, 'of a and b'), (2, 'of a'), (3, 'of b by a join')",
		"INSERT INTO memos (id, tenant_id, text, account_memos) OVERRIDING SYSTEM VALUE VALUES (1, 'a', '', 1), (2, 'b', '', 1), (3, 'a', '', 2)",
		"INSERT INTO user_accounts (tenant_id, user_id, account_id) VALUES ('b', 11, 3)")
	db := openURL(t, g.app, postgres.Config{})
	for id, code := range map[int]string{1: "42501", 3: "42501"} {
		_, err := db.ExecContext(asTenant(t, "a"), "DELETE FROM accounts WHERE id = $1", id)
		wantCode(t, err, code)
	}
	_, err := db.ExecContext(asTenant(t, "a"), "DELETE FROM accounts WHERE id = 2")
	must(t, err)
	all := openURL(t, g.system, postgres.Config{})
	if got := one[string](system(t), t, all, "SELECT string_agg(id::text, ',' ORDER BY id) FROM memos"); got != "1,2" {
		t.Errorf("memos %s are left, want 1,2", got)
	}
	_, err = all.ExecContext(system(t), "DELETE FROM accounts")
	must(t, err)
	if n := one[int](system(t), t, all, "SELECT count(*) FROM memos"); n != 0 {
		t.Errorf("%d memos are left after the system deleted all accounts", n)
	}
}

// TestUpgradeOfPlainDatabase migrates one that ent alone has made, with rows.
func TestUpgradeOfPlainDatabase(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	must(t, g.migratePlainly(t))
	rowsOfTwo(t, g)
	must(t, g.migrate(t))
	g.verifies(t)
	var again planned
	must(t, g.migrate(t, again.option()))
	if len(again.statements) != 0 {
		t.Errorf("planned again: %q", again.statements)
	}
	db := openURL(t, g.app, postgres.Config{})
	for id, want := range map[string]int{"a": 2, "b": 1, "c": 0} {
		if n := one[int](asTenant(t, tenancy.ID(id)), t, db, "SELECT count(*) FROM orders"); n != want {
			t.Errorf("%s sees %d orders, want %d", id, n, want)
		}
	}
}

// TestUpgradeFromBeforeTenants has rows and no tenant columns, which the
// operator adds, because only he knows whose the rows are.
func TestUpgradeFromBeforeTenants(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	must(t, g.migratePlainly(t))
	rowsOfTwo(t, g)
	for _, table := range g.tenancy.Tables {
		run(t, g.owner, "ALTER TABLE "+table.Name+" DROP COLUMN tenant_id CASCADE")
	}
	if err := g.migrate(t); err == nil {
		t.Error("rows without a tenant are migrated")
	}
	for _, table := range g.tenancy.Tables {
		run(t, g.owner, "ALTER TABLE "+table.Name+" ADD tenant_id varchar NOT NULL DEFAULT 'acme'")
	}
	must(t, g.migrate(t))
	g.verifies(t)
	db := openURL(t, g.app, postgres.Config{})
	if n := one[int](asTenant(t, "acme"), t, db, "SELECT count(*) FROM orders"); n != 3 {
		t.Errorf("%d orders, want 3", n)
	}
	_, err := db.ExecContext(asTenant(t, "acme"), "INSERT INTO memos (text) VALUES ('whose?')")
	wantCode(t, err, "42501") // the default is gone, and no tenant is none
}

func TestUpgradeOfTypedDatabase(t *testing.T) {
	t.Parallel()
	g := newBare(t, typedApp)
	must(t, g.migratePlainly(t))
	must(t, g.migrate(t))
	g.verifies(t)
}

// TestUpgradeRefusesCrossTenantRows must not take a key for valid because the
// rows that break it are hidden from the owner.
func TestUpgradeRefusesCrossTenantRows(t *testing.T) {
	t.Parallel()
	for name, prepare := range map[string]func(*guarded){
		"plain": func(g *guarded) { must(t, g.migratePlainly(t)) },
		"forced": func(g *guarded) {
			must(t, g.migrate(t))
			run(t, g.owner, "ALTER TABLE orders DROP CONSTRAINT orders_users_orders",
				"ALTER TABLE orders ADD CONSTRAINT orders_users_orders FOREIGN KEY (owner_id) REFERENCES users (id) ON DELETE CASCADE")
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newBare(t, isolationApp)
			prepare(g)
			rowsOfTwo(t, g)
			run(t, g.asAdmin(t), "UPDATE orders SET owner_id = 11 WHERE id = 1")
			err := g.migrate(t)
			wantCode(t, err, "23503")
			if err != nil && !strings.Contains(err.Error(), "orders") {
				t.Errorf("%v does not name the table", err)
			}
			run(t, g.asAdmin(t), "UPDATE orders SET owner_id = NULL WHERE id = 1")
			must(t, g.migrate(t))
			g.verifies(t)
		})
	}
}

func TestMetadataOfAnotherSchemaIsRefused(t *testing.T) {
	t.Parallel()
	for want, change := range map[string]func(*schema.Table){
		"no foreign key":   func(table *schema.Table) { table.ForeignKeys[0].Column = "nope" },
		"no tenant column": func(table *schema.Table) { table.TenantColumn = "nope" },
	} {
		g := newBare(t, isolationApp)
		g.tenancy = schema.Metadata{}
		for _, table := range isolationApp.tenancy.Tables {
			table.ForeignKeys = append([]schema.ForeignKey(nil), table.ForeignKeys...)
			if table.Name == "orders" {
				change(&table)
			}
			g.tenancy.Tables = append(g.tenancy.Tables, table)
		}
		if err := g.migrate(t); err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), "orders") {
			t.Errorf("want %q, got %v", want, err)
		}
	}
}
