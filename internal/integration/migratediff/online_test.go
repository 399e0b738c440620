package migratediff_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

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
	want := []string{"more_columns", "more_indexes", "more_keys", "more_valid"}
	names := stepsOf(written)
	for i, step := range want {
		if len(names) != 8 || names[i] != "tenant/"+step || names[i+4] != "shared/"+step || filepath.Base(written[i]) != filepath.Base(written[i+4]) {
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
