package postgres_test

import (
	"slices"
	"testing"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// partitioned makes items a table of partitions, in all else as a migration leaves it.
func partitioned(partitions ...string) []string {
	items := schema.Metadata{Tables: []schema.Table{{Name: "items", TenantColumn: "tenant_id"}}}
	return slices.Concat([]string{
		"DROP TABLE items",
		"CREATE TABLE items (tenant_id varchar NOT NULL, order_items bigint, country int REFERENCES countries (id) ON DELETE CASCADE, " +
			"FOREIGN KEY (tenant_id, order_items) REFERENCES orders (tenant_id, id)) PARTITION BY LIST (tenant_id)",
		"GRANT SELECT, INSERT, UPDATE, DELETE ON items TO {app}",
	}, postgres.Policies(items), partitions)
}

// kinDefects are of tables through which a tenant's rows are reached by another name.
func kinDefects() []defect {
	const (
		mine  = "(tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))"
		base  = "CREATE TABLE base AS SELECT number FROM orders LIMIT 0"
		under = "ALTER TABLE orders INHERIT base"
		heirs = "CREATE TABLE archive () INHERITS (memos)"
	)
	held := []string{"ALTER TABLE archive ENABLE ROW LEVEL SECURITY", "CREATE POLICY tenant_isolation ON archive USING " + mine}
	part := partitioned("CREATE TABLE part PARTITION OF items DEFAULT")
	deep := partitioned("CREATE TABLE part PARTITION OF items DEFAULT PARTITION BY LIST (tenant_id)", "CREATE TABLE deeper PARTITION OF part DEFAULT")
	return []defect{
		{"parent", []string{base, "GRANT SELECT ON base TO {app}", under}, []string{"orders", "parent public.base", "REVOKE ALL ON public.base"}, nil},
		{"column of a parent", []string{base, "GRANT SELECT (number) ON base TO {app}", under}, []string{"orders", "parent public.base"}, nil},
		{"grandparent", []string{base, under, "CREATE TABLE far AS SELECT number FROM orders LIMIT 0", "ALTER TABLE base INHERIT far", "GRANT DELETE ON far TO PUBLIC"}, []string{"orders", "parent public.far"}, nil},
		{"parent of another table", []string{
			"CREATE TABLE big (LIKE items) PARTITION BY LIST (tenant_id)", "ALTER TABLE big ATTACH PARTITION items DEFAULT", "GRANT UPDATE ON big TO {app}",
		}, []string{"items", "parent public.big"}, nil},
		{"parent of a child", []string{"CREATE TABLE base (text varchar)", "CREATE TABLE archive () INHERITS (memos, base)", "GRANT SELECT ON base TO {app}"}, []string{"memos", "parent public.base"}, nil},
		{"parent with a policy of its own", []string{
			base, under, "GRANT SELECT ON base TO {app}", "ALTER TABLE base ENABLE ROW LEVEL SECURITY", "CREATE POLICY open ON base USING (true)",
		}, []string{"orders", "parent public.base"}, nil},
		{"truncate of a parent", []string{base, under, "GRANT TRUNCATE ON base TO {app}"}, []string{"orders", "TRUNCATE", "parent public.base", "REVOKE"}, nil},
		{"truncate of a child", []string{heirs, "GRANT TRUNCATE ON archive TO {app}"}, []string{"memos", "TRUNCATE", "child public.archive", "REVOKE"}, nil},
		{"truncate of a child that is held", slices.Concat([]string{heirs, "GRANT ALL ON archive TO {app}"}, held), []string{"memos", "TRUNCATE", "child public.archive"}, nil},
		{"truncate of a partition", slices.Concat(part, []string{"GRANT TRUNCATE ON part TO PUBLIC"}), []string{"items", "TRUNCATE", "child public.part"}, nil},
		{"trigger of a partition", slices.Concat(part, []string{"ALTER TABLE part DISABLE TRIGGER tenant_isolation"}), []string{"items", "trigger", "off", "child public.part", "ENABLE TRIGGER"}, nil},
		{"trigger of a partition's partition", slices.Concat(deep, []string{"ALTER TABLE deeper DISABLE TRIGGER tenant_isolation"}), []string{"items", "trigger", "child public.deeper"}, nil},
		{"trigger of a hidden partition", slices.Concat(part, []string{"CREATE SCHEMA parts", "ALTER TABLE part SET SCHEMA parts", "ALTER TABLE parts.part DISABLE TRIGGER tenant_isolation"}), []string{"items", "trigger", "child parts.part"}, nil},
		{"cascade to a child", []string{
			"CREATE TABLE archive (FOREIGN KEY (order_country) REFERENCES countries (id) ON DELETE CASCADE) INHERITS (orders)",
		}, []string{"orders", "trigger", "child public.archive", "CREATE OR REPLACE TRIGGER"}, nil},
		{"child that a role which it can become may use", []string{heirs, "GRANT SELECT ON archive TO {owner}", "ALTER ROLE {app} NOINHERIT", "GRANT {owner} TO {app}"}, []string{"memos", "child public.archive"}, nil},
		{"truncate by a role that it can become", []string{
			"ALTER ROLE {system} NOBYPASSRLS", "GRANT TRUNCATE ON memos TO {system}", "ALTER ROLE {app} NOINHERIT", "GRANT {system} TO {app}",
		}, []string{"memos", "TRUNCATE"}, nil},
		{"key of a partition switched off", slices.Concat(deep, []string{"ALTER TABLE deeper DISABLE TRIGGER ALL", "ALTER TABLE deeper ENABLE TRIGGER tenant_isolation"}), []string{"items", "switched off"}, nil},
	}
}

// TestVerifyPassesKin has partitions, children and parents that the role cannot use, or is held in.
func TestVerifyPassesKin(t *testing.T) {
	t.Parallel()
	const mine = "(tenant_id = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')))"
	g := newGuarded(t, isolationApp)
	for _, statement := range slices.Concat(partitioned("CREATE TABLE part PARTITION OF items DEFAULT"), []string{
		"CREATE TABLE base AS SELECT tenant_id, number FROM orders LIMIT 0", "ALTER TABLE orders INHERIT base",
		"CREATE SCHEMA above", "CREATE TABLE above.far (LIKE base)", "GRANT ALL ON above.far TO {app}", "ALTER TABLE base INHERIT above.far",
		"CREATE TABLE held AS SELECT tenant_id FROM orders LIMIT 0", "ALTER TABLE orders INHERIT held", "GRANT SELECT ON held TO {app}",
		"ALTER TABLE held ENABLE ROW LEVEL SECURITY", "CREATE POLICY tenant_isolation ON held USING " + mine,
		"CREATE TABLE sibling () INHERITS (held)", "GRANT SELECT ON sibling TO {app}", // no row of which is an order's
		"CREATE TABLE archive () INHERITS (orders)", // whose rows nothing deletes
	}) {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	g.verifies(t)
}

// TestKinShowTheRowsOfAll is what the above is for: what happens where nothing checks it.
func TestKinShowTheRowsOfAll(t *testing.T) {
	t.Parallel()
	g := newGuarded(t, isolationApp)
	rowsOfTwo(t, g)
	for _, statement := range []string{
		"CREATE TABLE base AS SELECT number FROM orders LIMIT 0", "GRANT SELECT ON base TO {app}", "ALTER TABLE orders INHERIT base",
		"CREATE VIEW seen AS SELECT number FROM orders", "GRANT SELECT ON seen TO {app}",
		"CREATE TABLE clicks (n varchar)", "CREATE TABLE copied (n varchar)", "GRANT INSERT ON clicks TO {app}", "GRANT SELECT ON copied TO {app}",
		"CREATE RULE copy AS ON INSERT TO clicks DO ALSO INSERT INTO copied SELECT number FROM orders",
		"CREATE SCHEMA hidden", "CREATE TABLE hidden.archive () INHERITS (orders)", "GRANT SELECT ON hidden.archive TO {app}",
		"INSERT INTO hidden.archive SELECT * FROM orders",
		"CREATE VIEW archived WITH (security_invoker) AS SELECT * FROM hidden.archive", "GRANT SELECT ON archived TO {app}",
	} {
		run(t, g.asAdmin(t), g.fill(t, statement))
	}
	db := g.serve(t)
	_, err := db.ExecContext(asTenant(t, "nobody"), "INSERT INTO clicks VALUES (1)")
	must(t, err)
	for from, want := range map[string]int{"base": 6, "seen": 6, "copied": 6, "archived": 3} {
		if all := one[int](asTenant(t, "nobody"), t, db, "SELECT count(*) FROM "+from); all != want {
			t.Errorf("%s: %d rows", from, all)
		}
	}
}
