package migratediff_test

import (
	"database/sql"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	entschema "entgo.io/ent/dialect/sql/schema"

	isolation "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate/diff"
)

// plainTables is the shop as it was before there were tenants: without tenant
// columns, and with values that are unique over all rows.
func plainTables(tb testing.TB) []*entschema.Table {
	tb.Helper()
	tables, err := entschema.CopyTables(isolation.Tables)
	must(tb, err)
	// Two came with the tenants.
	tables = slices.DeleteFunc(tables, func(t *entschema.Table) bool { return t.Name == "visits" || t.Name == "user_groups" })
	isTenant := func(c *entschema.Column) bool { return c.Name == "tenant_id" }
	for _, table := range tables {
		table.Columns = slices.DeleteFunc(table.Columns, isTenant)
		for _, index := range table.Indexes {
			index.Columns = slices.DeleteFunc(index.Columns, isTenant)
			index.Name = strings.Replace(index.Name, "_tenant_id", "", 1) + "_plain"
		}
		table.Indexes = slices.DeleteFunc(table.Indexes, func(i *entschema.Index) bool { return len(i.Columns) == 0 })
	}
	return tables
}

// plainShop makes the tables as ent does, with rows of two customers, and
// returns the configuration of the shop that is to have tenants.
func plainShop(t *testing.T, name string, existing *sql.DB) diff.Config {
	t.Helper()
	migration, err := entschema.NewMigrate(entsql.OpenDB(name, existing))
	must(t, err)
	must(t, migration.Create(t.Context(), plainTables(t)...))
	run(t, existing,
		"INSERT INTO users (id, name, age) VALUES (1, 'ann', 30), (2, 'bob', 40)",
		"INSERT INTO orders (id, number, note, total, owner_id) VALUES (1, 'one', '', 1, 1), (2, 'two', '', 2, 2)",
		"INSERT INTO order_labels (order_id, label_id) SELECT 1, id FROM labels")
	return shop(t, name)
}

// owners says that ann and bob are customers of two tenants.
func owners(table string) string {
	switch table {
	case "users":
		return "CASE name WHEN 'ann' THEN 'acme' ELSE 'globex' END"
	case "orders":
		return "(SELECT users.tenant_id FROM users WHERE users.id = owner_id)"
	default:
		return "'acme'"
	}
}

func TestAdopt(t *testing.T) {
	t.Parallel()
	onEach(t, func(t *testing.T, name string) {
		t.Helper()
		existing := database(t, name)
		config := plainShop(t, name, existing)
		written, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: owners})
		must(t, err)
		t.Logf("wrote %q", written)
		valid(t, config)
		for _, finding := range linted(t, config) {
			t.Errorf("lint: %v\n%s", finding, finding.Statement)
		}
		must(t, diff.Check(t.Context(), config))
		apply(t, existing, filepath.Join(config.Dir, diff.SharedDir), 1)
		if got := lines(t, existing, "SELECT tenant_id FROM orders ORDER BY id"); name != dialect.Postgres && !slices.Equal(got, []string{"acme", "globex"}) {
			t.Errorf("orders are of %q", got)
		}
		if _, err := existing.ExecContext(t.Context(), "INSERT INTO teams (tenant_id, name) VALUES (NULL, 'x')"); err == nil {
			t.Error("a row of nobody was let in")
		}
		if name != dialect.Postgres {
			run(t, existing, "INSERT INTO teams (id, tenant_id, name) VALUES (7, 'acme', 'x')")
			if _, err := existing.ExecContext(t.Context(), "INSERT INTO memberships (tenant_id, role, joined_at, user_id, team_id) VALUES ('globex', 'x', '2020-01-01', 2, 7)"); err == nil {
				t.Error("a membership of globex in a team of acme was let in")
			}
		}
		fresh := database(t, name)
		apply(t, fresh, filepath.Join(config.Dir, diff.TenantDir), 0)
	})
}

// TestAdoptedIsLikeNew compares what an existing database becomes, which is a
// home, with a home that is made by all files.
func TestAdoptedIsLikeNew(t *testing.T) {
	t.Parallel()
	granted := role(t, open(t, "pgx", servers.PostgresAdmin(t))) // before the database, and so dropped after it
	owner, app, system := servers.PostgresRoles(t)
	existing := open(t, "pgx", owner)
	config := plainShop(t, dialect.Postgres, existing)
	config.Roles = []string{granted}
	written, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: owners})
	must(t, err)
	names := stepsOf(written)
	want := []string{
		"tenant/baseline", "tenant/columns", "tenant/backfill", "tenant/required", "tenant/not_null", "tenant/loose", "tenant/indexes",
		"tenant/unique", "tenant/keys", "tenant/valid", "tenant/others", "tenant/isolation",
		"shared/baseline", "shared/columns", "shared/backfill", "shared/required", "shared/not_null", "shared/indexes",
		"shared/unique", "shared/keys", "shared/valid", "shared/others", "shared/isolation",
	}
	if !slices.Equal(names, want) {
		t.Errorf("wrote %q", names)
	}
	for _, file := range files(t, filepath.Join(config.Dir, diff.SharedDir)) {
		if strings.HasSuffix(file.Name(), "_not_null.sql") {
			inOrder(t, file)
		}
	}
	apply(t, existing, filepath.Join(config.Dir, diff.SharedDir), 1)
	verified(t, app, "public", config.Tenancy)
	if got := lines(t, open(t, "pgx", system), "SELECT tenant_id FROM orders ORDER BY id"); !slices.Equal(got, []string{"acme", "globex"}) {
		t.Errorf("orders are of %q", got)
	}
	inSchema(t, existing, config, "fresh", 0)
	run(t, existing, "GRANT USAGE ON SCHEMA fresh TO PUBLIC")
	verified(t, app, "fresh", config.Tenancy)
	run(t, existing, "CREATE SCHEMA home")
	apply(t, existing, filepath.Join(config.Dir, diff.SharedDir), 0, "SET search_path TO home")
	tables := func(name string) []string {
		return slices.DeleteFunc(lines(t, existing, fingerprint, name), func(line string) bool {
			return !slices.ContainsFunc(config.Tables, func(table *entschema.Table) bool { return strings.Contains(line, " "+table.Name) })
		})
	}
	was, is := tables("public"), tables("home")
	if len(was) == 0 || !slices.Equal(was, is) {
		t.Errorf("adopted:\n%s\n\nnew:\n%s", strings.Join(was, "\n"), strings.Join(is, "\n"))
	}
}

func TestAdoptRefuses(t *testing.T) {
	t.Parallel()
	existing := database(t, dialect.SQLite)
	config := plainShop(t, dialect.SQLite, existing)
	asked := make(map[string]bool)
	once := func(table string) string { // which fails in the second directory
		if asked[table] {
			return ""
		}
		asked[table] = true
		return owners(table)
	}
	for _, test := range []struct {
		adoption diff.Adoption
		want     string
	}{
		{diff.Adoption{}, "needs Existing and Owner"},
		{diff.Adoption{Existing: existing, Owner: once}, "Owner says nothing"},
		{diff.Adoption{Existing: existing, Owner: func(string) string { return "" }}, "Owner says nothing"},
		{diff.Adoption{Existing: database(t, dialect.SQLite), Owner: owners}, "has no table"},
	} {
		if _, err := diff.Adopt(t.Context(), config, test.adoption); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("want %q, got %v", test.want, err)
		}
	}
	if left, err := os.ReadDir(config.Dir); err != nil || len(left) > 0 {
		t.Errorf("something was written: %v, %v", left, err)
	}
	if _, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: owners}); err != nil {
		t.Fatal(err)
	}
	if _, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: owners}); err == nil || !strings.Contains(err.Error(), "has files") {
		t.Errorf("a second time: %v", err)
	}
}

// TestAdoptNamesRowsThatCrossTenants has an order of one tenant whose owner is
// another's, which the check of the composite key has to find.
func TestAdoptNamesRowsThatCrossTenants(t *testing.T) {
	t.Parallel()
	for name, code := range map[string]string{dialect.Postgres: "23503", dialect.MySQL: "1452"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			existing := database(t, name)
			config := plainShop(t, name, existing)
			mistaken := func(table string) string {
				if table == "orders" {
					return "'acme'"
				}
				return owners(table)
			}
			_, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: mistaken})
			must(t, err)
			if err := tryAll(t, existing, filepath.Join(config.Dir, diff.SharedDir)); err == nil || !strings.Contains(err.Error(), code) || !strings.Contains(err.Error(), "orders_users_orders") {
				t.Errorf("got %v", err)
			}
		})
	}
}

// tryAll runs the files after the baseline until one fails.
func tryAll(tb testing.TB, db *sql.DB, dir string) error {
	tb.Helper()
	for _, file := range files(tb, dir)[1:] {
		statements, err := file.StmtDecls()
		must(tb, err)
		for _, statement := range statements {
			if _, err := db.ExecContext(tb.Context(), statement.Text); err != nil {
				return err
			}
		}
	}
	return nil
}

// TestAdoptTablesOfAnotherCollation has the server's default, as tables have that ent
// has not made. What tells tenants apart must not become like it.
func TestAdoptTablesOfAnotherCollation(t *testing.T) {
	t.Parallel()
	existing := database(t, dialect.MySQL)
	config := plainShop(t, dialect.MySQL, existing)
	run(t, existing, "SET foreign_key_checks = 0")
	for _, table := range lines(t, existing, "SELECT table_name FROM information_schema.tables WHERE table_schema = DATABASE()") {
		run(t, existing, "ALTER TABLE `"+table+"` CONVERT TO CHARACTER SET utf8mb4 COLLATE utf8mb4_general_ci")
	}
	_, err := diff.Adopt(t.Context(), config, diff.Adoption{Existing: existing, Owner: owners})
	must(t, err)
	must(t, diff.Check(t.Context(), config))
	apply(t, existing, filepath.Join(config.Dir, diff.SharedDir), 1)
	apply(t, database(t, dialect.MySQL), filepath.Join(config.Dir, diff.TenantDir), 0)
	query := "SELECT DISTINCT collation_name FROM information_schema.columns WHERE table_schema = DATABASE() AND column_name = 'tenant_id'"
	if got := lines(t, existing, query); !slices.Equal(got, []string{"utf8mb4_bin"}) {
		t.Errorf("tenant ids are compared by %q", got)
	}
}
