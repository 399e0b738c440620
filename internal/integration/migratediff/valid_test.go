package migratediff_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
)

// bring runs the home's files by the runner, as far as they go.
func bring(t *testing.T, config diff.Config, home *sql.DB) error {
	t.Helper()
	tenants, err := migrate.NewDirectory(os.DirFS(filepath.Join(config.Dir, diff.TenantDir)), dialect.Postgres)
	must(t, err)
	shared, err := migrate.NewDirectory(os.DirFS(filepath.Join(config.Dir, diff.SharedDir)), dialect.Postgres)
	must(t, err)
	runner, err := migrate.New(migrate.Config{Directory: tenants, Shared: shared, Home: home})
	must(t, err)
	_, err = runner.ApplyTo(t.Context(), tenancy.Tenant{ID: "shared", Identifier: "shared"})
	return err
}

// TestFailedValidationLeavesTablesForced has a row that is not as a check, NOT NULL or a key wants it, and looks at what
// the tables' owner sees after the run has failed.
func TestFailedValidationLeavesTablesForced(t *testing.T) {
	t.Parallel()
	const insert = "INSERT INTO orders (id, tenant_id, note, owner_id) VALUES "
	for title, test := range map[string]struct{ row, code, mended string }{
		"not null": {"(1, 'acme', NULL, 1)", "23514", "UPDATE orders SET note = ''"},
		"a key":    {"(1, 'globex', '', 1)", "23503", "UPDATE orders SET owner_id = NULL"},
	} {
		t.Run(title, func(t *testing.T) {
			t.Parallel()
			e := newEvolving()
			keys := e.orders.ForeignKeys
			e.orders.ForeignKeys = nil
			config := having(shop(t, dialect.Postgres), e.users, e.orders)
			named(t, config, "init")
			address, _, system := servers.PostgresRoles(t)
			owner, all := open(t, "pgx", address), open(t, "pgx", system)
			must(t, bring(t, config, owner))
			run(t, all, "INSERT INTO users (id, tenant_id, name) VALUES (1, 'acme', 'ann')", insert+test.row)

			e.orders.ForeignKeys = keys
			e.orders.Columns[2].Nullable = false
			config = having(config, e.users, e.orders)
			named(t, config, "more")
			for _, finding := range linted(t, config) {
				t.Errorf("lint: %v\n%s", finding, finding.Statement)
			}
			for range 2 {
				if err := bring(t, config, owner); err == nil || !strings.Contains(err.Error(), test.code) {
					t.Fatalf("got %v", err)
				}
				forced(t, owner)
			}
			run(t, all, test.mended)
			must(t, bring(t, config, owner))
			forced(t, owner)
			if got := lines(t, owner, "SELECT conname FROM pg_constraint WHERE NOT convalidated"); len(got) > 0 {
				t.Errorf("not validated: %q", got)
			}
			must(t, diff.Check(t.Context(), config))
		})
	}
}

// forced fails where the owner of the tables, who has no tenant, sees a row.
func forced(t *testing.T, owner *sql.DB) {
	t.Helper()
	if got := lines(t, owner, "SELECT 'order of ' || tenant_id FROM orders UNION ALL SELECT 'user of ' || tenant_id FROM users"); len(got) > 0 {
		t.Errorf("the owner sees %q", got)
	}
	if got := lines(t, owner, "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity ORDER BY 1"); !slices.Equal(got, []string{"orders", "users"}) {
		t.Errorf("row-level security is forced on %q", got)
	}
}

// TestForceIsLiftedForKeysOnly looks which statements run while a table is not forced.
func TestForceIsLiftedForKeysOnly(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	named(t, nullable(t, config, "orders", "note"), "init")
	changed(t, &config)
	named(t, config, "more")
	validated := 0
	for _, file := range files(t, filepath.Join(config.Dir, diff.TenantDir)) {
		statements, err := file.StmtDecls()
		must(t, err)
		lifted := 0
		for _, statement := range statements {
			switch {
			case strings.Contains(statement.Text, " NO FORCE "):
				lifted++
			case strings.Contains(statement.Text, " FORCE ") && lifted > 0:
				lifted--
			case strings.Contains(statement.Text, `VALIDATE CONSTRAINT "orders_teams_team"`):
				validated++
				if lifted != 2 {
					t.Errorf("%d tables are lifted for %s", lifted, statement.Text)
				}
			case lifted > 0:
				t.Errorf("%s: while a table is not forced:\n%s", file.Name(), statement.Text)
			}
		}
	}
	if validated != 1 {
		t.Errorf("the key was validated %d times", validated)
	}
}

// TestFileIsNotTakenBackPastRows has a file by hand that changes rows before it validates a key: it goes on at the key.
func TestFileIsNotTakenBackPastRows(t *testing.T) {
	t.Parallel()
	e := newEvolving()
	keys := e.orders.ForeignKeys
	e.orders.ForeignKeys = nil
	config := having(shop(t, dialect.Postgres), e.users, e.orders)
	named(t, config, "init")
	address, _, system := servers.PostgresRoles(t)
	owner, all := open(t, "pgx", address), open(t, "pgx", system)
	must(t, bring(t, config, owner))
	run(t, all, "INSERT INTO users (id, tenant_id, name, age) VALUES (1, 'acme', 'ann', 1)",
		"INSERT INTO orders (id, tenant_id, owner_id) VALUES (1, 'globex', 1)")
	e.orders.ForeignKeys = keys
	config = having(config, e.users, e.orders)
	for _, path := range named(t, config, "more") {
		if strings.HasSuffix(path, "_valid_keys.sql") {
			text, err := os.ReadFile(path)
			must(t, err)
			edited := strings.Replace(string(text), `ALTER TABLE "orders" VALIDATE`, `UPDATE "users" SET "age" = "age" + 1;`+"\n"+`ALTER TABLE "orders" VALIDATE`, 1)
			must(t, os.WriteFile(path, []byte(edited), 0o600))
		}
	}
	must(t, diff.Hash(config.Dir))
	if err := bring(t, config, owner); err == nil || !strings.Contains(err.Error(), "23503") {
		t.Fatalf("got %v", err)
	}
	run(t, all, "UPDATE orders SET owner_id = NULL")
	must(t, bring(t, config, owner))
	forced(t, owner)
	if got := lines(t, all, "SELECT age::text FROM users"); !slices.Equal(got, []string{"2"}) {
		t.Errorf("ann is %q", got)
	}
}
