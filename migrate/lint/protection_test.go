package lint_test

import (
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/migrate/lint"
	"github.com/entenancy/tenancy/schema"
)

// TestProtectionIsTheLibrarys has what package driver/postgres writes, or wrote, which passes.
func TestProtectionIsTheLibrarys(t *testing.T) {
	t.Parallel()
	tables := []schema.Table{
		{Name: "orders", TenantColumn: "tenant_id", ColumnType: schema.String},
		{Name: "Odd.Lines", TenantColumn: "Tenant", ColumnType: schema.UUID},
		{Name: "items", TenantColumn: "tenant_id", ColumnType: schema.Int64},
	}
	all := postgres.Policies(schema.Metadata{Tables: tables})
	all = append(
		all,
		`CREATE POLICY "tenant_isolation" ON orders USING (tenant_id = (SELECT nullif(current_setting('tenancy.tenant_id', true), ''))) `+
			`WITH CHECK (tenant_id = (SELECT nullif(current_setting('tenancy.tenant_id', true), '')))`,
		// Of before "007" was not the tenant 7 any more.
		`CREATE POLICY tenant_isolation ON "orders" USING ("tenant_id" = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')::uuid)) `+
			`WITH CHECK ("tenant_id" = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), '')::uuid))`,
		`CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON "orders" FOR EACH ROW `+
			`WHEN (OLD."tenant_id" <> NULLIF(current_setting('tenancy.tenant_id', true), '')::bigint) EXECUTE FUNCTION tenant_isolation()`,
	)
	if got := lintText(t, dialect.Postgres, strings.Join(all, ";\n")+";\n"); len(got) > 0 {
		t.Errorf("got %v", got)
	}
}

// TestProtectionIsNotWeakened has what would let a tenant see others' rows.
func TestProtectionIsNotWeakened(t *testing.T) {
	t.Parallel()
	const mine = `"tenant_id" = (SELECT NULLIF(current_setting('tenancy.tenant_id', true), ''))`
	for _, text := range []string{
		"DROP POLICY tenant_isolation ON orders; CREATE POLICY tenant_isolation ON orders USING (tenant_id IS NOT NULL)",
		"CREATE POLICY support ON orders USING (1 = 1)",
		"CREATE POLICY support ON orders USING (true)",
		"CREATE POLICY support ON orders TO support USING (owner = current_user)",
		"CREATE POLICY support ON orders FOR INSERT WITH CHECK (1 = 1)",
		"CREATE POLICY support ON orders",
		"CREATE POLICY support ON orders USING ((SELECT 1 AS restrictive) = 1)",
		"CREATE POLICY tenant_isolation ON orders USING (" + mine + ") WITH CHECK (" + mine + " OR true)",
		"CREATE POLICY tenant_isolation ON orders USING (" + mine + ") WITH CHECK (true)",
		"ALTER POLICY tenant_isolation ON orders USING (true)",
		"ALTER POLICY tenant_isolation ON orders TO nobody",
		"CREATE OR REPLACE TRIGGER tenant_isolation BEFORE UPDATE OR DELETE ON orders FOR EACH ROW WHEN (false) EXECUTE FUNCTION tenant_isolation()",
		strings.Replace(trigger("orders"), "UPDATE OR ", "", 1),
		strings.Replace(trigger("orders"), "FUNCTION tenant_isolation", "FUNCTION mine", 1),
		"CREATE OR REPLACE FUNCTION tenant_isolation() RETURNS trigger LANGUAGE plpgsql AS " +
			"$$ BEGIN IF false THEN RAISE insufficient_privilege; END IF; RETURN OLD; END $$",
		`ALTER FUNCTION "tenant_isolation"() RENAME TO mine`,
		"GRANT TRUNCATE ON orders TO shop",
		"GRANT ALL ON orders TO shop",
		"GRANT ALL PRIVILEGES ON TABLE orders, items TO shop",
		"GRANT SELECT, REFERENCES (id) ON orders TO shop",
		"ALTER TABLE orders OWNER TO shop",
		"ALTER VIEW totals OWNER TO postgres",
		"ALTER TABLE rename OWNER TO shop",
		"ALTER TABLE orders ENABLE TRIGGER mine, OWNER TO shop",
	} {
		got := lintText(t, dialect.Postgres, text+";\n")
		if len(got) != 1 || got[0].Rule != lint.Isolation {
			t.Errorf("%s: got %v", text, got)
		}
		statements := strings.Split(text, "; CREATE")
		marked := strings.Join(statements, ";\n-- tenancy:allow isolation it is meant\nCREATE")
		if len(statements) == 1 {
			marked = "-- tenancy:allow isolation it is meant\n" + text
		}
		if got := lintText(t, dialect.Postgres, marked+";\n"); len(got) > 0 {
			t.Errorf("%s: with a mark %v", text, got)
		}
	}
	for _, text := range []string{
		"GRANT SELECT, INSERT, UPDATE (n), DELETE ON orders TO shop",
		"GRANT USAGE, SELECT ON SEQUENCE s TO shop",
		"GRANT EXECUTE ON FUNCTION f() TO shop",
		"CREATE TRIGGER mine BEFORE DELETE ON orders FOR EACH ROW EXECUTE FUNCTION f()",
		"ALTER TABLE orders RENAME CONSTRAINT owner TO keeper",
		"ALTER TYPE kind RENAME ATTRIBUTE owner TO keeper",
	} {
		if got := lintText(t, dialect.Postgres, text+";\n"); len(got) > 0 {
			t.Errorf("%s: %v", text, got)
		}
	}
}

// TestRenamedOwner is of a column, which is no owner.
func TestRenamedOwner(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"ALTER TABLE orders RENAME COLUMN owner TO keeper", "ALTER TABLE orders RENAME owner TO keeper", "ALTER VIEW totals RENAME COLUMN owner TO keeper"} {
		for _, p := range lintText(t, dialect.Postgres, text+";\n") {
			if p.Rule == lint.Isolation {
				t.Errorf("%s: %v", text, p)
			}
		}
	}
}
