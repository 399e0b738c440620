package migratediff_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	atlas "ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/entsql"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy"
	isolation "github.com/entenancy/tenancy/internal/integration/isolation/ent/migrate"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/migrate/lint"
	"github.com/entenancy/tenancy/schema"
)

// changed changes the shop in each way that can hold a table: an index, a unique one, a foreign key, which needs a unique
// constraint of the table that it refers to, a check, NOT NULL, and a new table.
func changed(tb testing.TB, config *diff.Config) {
	tb.Helper()
	tables, err := entschema.CopyTables(isolation.Tables)
	must(tb, err)
	find := func(name string) *entschema.Table {
		return tables[slices.IndexFunc(tables, func(t *entschema.Table) bool { return t.Name == name })]
	}
	orders, teams := find("orders"), find("teams")
	number := orders.Columns[slices.IndexFunc(orders.Columns, func(c *entschema.Column) bool { return c.Name == "note" })]
	team := &entschema.Column{Name: "team_id", Type: field.TypeInt, Nullable: true}
	orders.Columns = append(orders.Columns, team)
	orders.Indexes = append(orders.Indexes,
		&entschema.Index{Name: "order_note", Columns: []*entschema.Column{number}},
		&entschema.Index{Name: "order_team", Unique: true, Columns: []*entschema.Column{orders.Columns[1], team, number}})
	orders.ForeignKeys = append(orders.ForeignKeys, &entschema.ForeignKey{
		Symbol: "orders_teams_team", Columns: []*entschema.Column{team}, RefTable: teams, RefColumns: teams.Columns[:1], OnDelete: entschema.Cascade,
	})
	if orders.Annotation == nil {
		orders.Annotation = &entsql.Annotation{}
	}
	orders.Annotation.Checks = map[string]string{"order_total": "total >= 0"}
	config.Tables = tables
	config.Tenancy.Tables = slices.Clone(config.Tenancy.Tables)
	for i, described := range config.Tenancy.Tables {
		if described.Name == "orders" {
			described.ForeignKeys = append(slices.Clone(described.ForeignKeys), schema.ForeignKey{
				Symbol: "orders_teams_team", Column: "team_id", RefTable: "teams", RefColumn: "id", RefTenantColumn: "tenant_id",
			})
			config.Tenancy.Tables[i] = described
		}
	}
}

// nullable returns the shop as it was when a column was not required yet.
func nullable(tb testing.TB, config diff.Config, table, column string) diff.Config {
	tb.Helper()
	tables, err := entschema.CopyTables(config.Tables)
	must(tb, err)
	for _, t := range tables {
		for _, c := range t.Columns {
			if t.Name == table && c.Name == column {
				c.Nullable = true
			}
		}
	}
	config.Tables = tables
	return config
}

// TestNamedHoldsNoTable changes tables that have rows, and finds nothing that lint refuses, in files that the runner runs.
func TestNamedHoldsNoTable(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	named(t, nullable(t, config, "orders", "note"), "init")
	owner, app, _ := servers.PostgresRoles(t)
	home := open(t, "pgx", owner)
	run(t, home, "CREATE SCHEMA acme", "GRANT USAGE ON SCHEMA acme TO PUBLIC")
	acme := tenancy.Tenant{ID: "acme", Identifier: "acme", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: "acme"}}
	bring := func(tenant tenancy.Tenant) migrate.Result {
		tenants, err := migrate.NewDirectory(os.DirFS(filepath.Join(config.Dir, diff.TenantDir)), dialect.Postgres)
		must(t, err)
		shared, err := migrate.NewDirectory(os.DirFS(filepath.Join(config.Dir, diff.SharedDir)), dialect.Postgres)
		must(t, err)
		runner, err := migrate.New(migrate.Config{Directory: tenants, Shared: shared, Home: home})
		must(t, err)
		result, err := runner.ApplyTo(t.Context(), tenant)
		must(t, err)
		return result
	}
	shared := tenancy.Tenant{ID: "shared", Identifier: "shared"}
	bring(acme)
	bring(shared)
	for _, place := range []string{"acme", "public"} {
		run(t, home, "BEGIN; SET LOCAL tenancy.tenant_id = 'acme'; INSERT INTO "+place+".orders (tenant_id, number, note, total) VALUES ('acme', 'one', 'x', 1); COMMIT")
	}
	changed(t, &config)
	written := named(t, config, "more")
	want := []string{"more_columns", "more_indexes", "more_keys", "more_valid", "more_valid_keys"}
	names := stepsOf(written)
	for i, step := range want {
		if len(names) != 10 || names[i] != "tenant/"+step || names[i+5] != "shared/"+step || filepath.Base(written[i]) != filepath.Base(written[i+5]) {
			t.Fatalf("wrote %q", written)
		}
	}
	valid(t, config)
	for _, name := range []string{diff.TenantDir, diff.SharedDir} {
		findings, err := lint.Directory(os.DirFS(filepath.Join(config.Dir, name)), lint.Config{Dialect: dialect.Postgres})
		must(t, err)
		for _, finding := range findings {
			t.Errorf("%s/%v\n%s", name, finding, finding.Statement)
		}
	}
	must(t, diff.Check(t.Context(), config))
	if result := bring(acme); result.To == "" || result.To == result.From {
		t.Errorf("got %+v", result)
	}
	bring(shared)
	verified(t, app, "acme", config.Tenancy)
	verified(t, app, "public", config.Tenancy)
	run(t, home, "CREATE SCHEMA fresh")
	fresh := acme
	fresh.ID, fresh.Placement.Schema = "fresh", "fresh"
	bring(fresh)
	was, is := lines(t, home, fingerprint, "acme"), lines(t, home, fingerprint, "fresh")
	if len(was) == 0 || !slices.Equal(was, is) {
		t.Errorf("changed:\n%s\n\nnew:\n%s", strings.Join(was, "\n"), strings.Join(is, "\n"))
	}
	if slices.ContainsFunc(was, func(line string) bool {
		return strings.HasSuffix(line, " false") && strings.HasPrefix(line, "constraint")
	}) {
		t.Errorf("a constraint is not validated: %q", was)
	}
	if _, err := home.ExecContext(t.Context(), "BEGIN; SET LOCAL tenancy.tenant_id = 'acme'; INSERT INTO acme.orders (tenant_id, number, note, total) VALUES ('acme', 'two', NULL, 1); COMMIT"); err == nil {
		t.Error("a column that is required now may be null")
	}
}

// TestRowsAreReadBeforeTablesAreLocked makes columns of two tables required.
func TestRowsAreReadBeforeTablesAreLocked(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	named(t, nullable(t, nullable(t, config, "orders", "note"), "groups", "name"), "init")
	named(t, config, "more")
	all := files(t, filepath.Join(config.Dir, diff.TenantDir))
	inOrder(t, all[len(all)-1])
	for _, finding := range linted(t, config) {
		t.Errorf("%v\n%s", finding, finding.Statement)
	}
	must(t, diff.Check(t.Context(), config))
	place := database(t, dialect.Postgres)
	apply(t, place, filepath.Join(config.Dir, diff.TenantDir), 0)
}

// inOrder fails where a file of two tables or more reads rows after it has locked a table.
func inOrder(tb testing.TB, file atlas.File) {
	tb.Helper()
	statements, err := file.StmtDecls()
	must(tb, err)
	validated, required := 0, 0
	for _, statement := range statements {
		switch {
		case strings.Contains(statement.Text, " VALIDATE CONSTRAINT "):
			if validated++; required > 0 {
				tb.Errorf("%s: after a table was locked:\n%s", file.Name(), statement.Text)
			}
		case strings.Contains(statement.Text, " SET NOT NULL"):
			required++
		}
	}
	if validated < 2 || required < 2 {
		tb.Errorf("%s has %d and %d statements: it is not the file that is looked for", file.Name(), validated, required)
	}
}

// TestUniqueAtAnyTime changes a unique index, and looks after each file whether there is one.
func TestUniqueAtAnyTime(t *testing.T) {
	t.Parallel()
	config := shop(t, dialect.Postgres)
	tables, err := entschema.CopyTables(config.Tables)
	must(t, err)
	config.Tables = tables
	orders := tables[slices.IndexFunc(tables, func(t *entschema.Table) bool { return t.Name == "orders" })]
	// Of the tenant, the number and the note.
	changed := &entschema.Index{Name: "order_changed", Unique: true, Columns: orders.Columns[1:3]}
	orders.Indexes = append(orders.Indexes, changed)
	named(t, config, "init")
	changed.Columns = orders.Columns[1:4]
	written := named(t, config, "index")
	if got := stepsOf(written); !slices.Equal(got, []string{"tenant/index_indexes", "tenant/index_unique", "shared/index_indexes", "shared/index_unique"}) {
		t.Fatalf("wrote %q", got)
	}
	for _, finding := range linted(t, config) {
		t.Errorf("%v\n%s", finding, finding.Statement)
	}
	must(t, diff.Check(t.Context(), config))
	home := database(t, dialect.Postgres)
	const unique = "SELECT indexrelid::regclass::text FROM pg_index WHERE indrelid = 'acme.orders'::regclass AND indisunique AND indisvalid AND indexrelid::regclass::text LIKE 'acme.order_changed%'"
	run(t, home, "CREATE SCHEMA acme")
	for _, file := range files(t, filepath.Join(config.Dir, diff.TenantDir)) {
		conn, err := home.Conn(t.Context())
		must(t, err)
		run(t, conn, "SET search_path TO acme")
		statements, err := file.StmtDecls()
		must(t, err)
		for _, statement := range statements {
			run(t, conn, statement.Text)
		}
		run(t, conn, "RESET search_path")
		must(t, conn.Close())
		if got := lines(t, home, unique); len(got) == 0 {
			t.Errorf("after %s nothing is unique", file.Name())
		}
	}
	if got := lines(t, home, unique); !slices.Equal(got, []string{"acme.order_changed"}) {
		t.Errorf("there is %q", got)
	}
	config.Dir = t.TempDir()
	named(t, config, "init")
	run(t, home, "CREATE SCHEMA fresh")
	apply(t, home, filepath.Join(config.Dir, diff.TenantDir), 0, "SET search_path TO fresh")
	if was, is := lines(t, home, fingerprint, "acme"), lines(t, home, fingerprint, "fresh"); len(was) == 0 || !slices.Equal(was, is) {
		t.Errorf("changed:\n%s\n\nnew:\n%s", strings.Join(was, "\n"), strings.Join(is, "\n"))
	}
}
