package registry_test

import (
	"bytes"
	"io/fs"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	"entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/registry"
	"github.com/entenancy/tenancy/registry/ent/migrate"
)

// The files make what the ent schema describes: ent finds nothing to change.
func TestMigrationsMakeTheSchema(t *testing.T) {
	t.Parallel()
	onEachDatabase(t, func(t *testing.T, _ *registry.EntStore, db database) {
		var statements bytes.Buffer
		m, err := schema.NewMigrate(&schema.WriteDriver{Driver: db.driver, Writer: &statements}, schema.WithDropColumn(true), schema.WithDropIndex(true))
		if err != nil {
			t.Fatal(err)
		}
		tables, err := schema.CopyTables(migrate.Tables)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Create(t.Context(), tables...); err != nil {
			t.Fatal(err)
		}
		// ent cannot describe the index for searching, and would not have it.
		left := strings.ReplaceAll(statements.String(), `DROP INDEX "tenancy_tenants_search";`, "")
		for pragma := range strings.Lines(left) {
			if line := strings.TrimSpace(pragma); line != "" && !strings.HasPrefix(line, "PRAGMA") {
				t.Errorf("ent would change: %s", line)
			}
		}
	})
}

// firstRelease returns the table as the registry's first release described it.
func firstRelease(t *testing.T) []*schema.Table {
	t.Helper()
	tables, err := schema.CopyTables(migrate.Tables)
	if err != nil {
		t.Fatal(err)
	}
	tables = slices.DeleteFunc(tables, func(t *schema.Table) bool { return t.Name != migrate.TenancyTenantsTable.Name })
	table := tables[0]
	table.Columns = slices.DeleteFunc(table.Columns, func(c *schema.Column) bool { return c.Name == "search_name" })
	table.Indexes = slices.DeleteFunc(table.Indexes, func(i *schema.Index) bool {
		return i.Name != "tenancy_tenants_status_id" && i.Name != "tenancy_tenants_created_at_id"
	})
	return tables
}

// The first release let ent make its table, and recorded nothing.
func TestInitUpgradesTheFirstRelease(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		m, err := schema.NewMigrate(db.driver)
		if err != nil {
			t.Fatal(err)
		}
		if err := m.Create(t.Context(), firstRelease(t)...); err != nil {
			t.Fatal(err)
		}
		db.fill(t, 3)
		store := open(t, db)
		if err := store.Init(t.Context()); err != nil {
			t.Fatal(err)
		}
		page, err := store.Search(t.Context(), "TENANT", 0)
		if err != nil || len(page.Tenants) != 3 || page.Tenants[2].ID != "00002" || page.Tenants[2].Name != "Tenant" {
			t.Errorf("found %v (%v), want the tenants that were there", page.Tenants, err)
		}
		suspended, err := store.SetStatus(t.Context(), "00001", tenancy.StatusSuspended)
		if err != nil || suspended.Version != 2 {
			t.Errorf("got %v and %v", suspended, err)
		}
		if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
			t.Error(err)
		}
	})
}

// A team can apply the files with a tool of its own.
func TestMigrationsAppliedByHand(t *testing.T) {
	t.Parallel()
	onEachEmptyDatabase(t, func(t *testing.T, db database) {
		files, err := registry.Migrations(db.driver.Dialect())
		if err != nil {
			t.Fatal(err)
		}
		names, err := fs.Glob(files, "*.sql")
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := fs.ReadFile(files, name)
			if err != nil {
				t.Fatal(err)
			}
			for statement := range strings.SplitSeq(string(text), "\n\n") {
				if _, err := db.ExecContext(t.Context(), statement); err != nil {
					t.Fatalf("%s: %v", name, err)
				}
			}
		}
		store, err := registry.NewEntStore(db.driver, registry.EntConfig{MaxTenants: 1})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
			t.Error(err)
		}
	})
}

// A role that may make tables but not extensions: searching works, and gets
// its index when an administrator has installed the extension.
func TestWithoutTrigrams(t *testing.T) {
	t.Parallel()
	owner, app, _ := servers.PostgresRoles(t)
	kind := postgres()
	asOwner, asApp := kind.connect(t, owner), kind.connect(t, app)
	if _, err := asOwner.ExecContext(t.Context(), "GRANT CREATE ON SCHEMA public TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	store := open(t, asApp)
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	created, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"})
	if err != nil {
		t.Fatal(err)
	}
	if page, err := store.Search(t.Context(), "CM", 0); err != nil || len(page.Tenants) != 1 || page.Tenants[0].ID != created.ID {
		t.Errorf("found %v and %v", page.Tenants, err)
	}
	if n := searchIndexes(t, asApp); n != 0 {
		t.Errorf("%d indexes for searching, want none", n)
	}
	// What the documentation says to do.
	if _, err := asOwner.ExecContext(t.Context(), "CREATE SCHEMA extensions; CREATE EXTENSION pg_trgm SCHEMA extensions; GRANT USAGE ON SCHEMA extensions TO PUBLIC"); err != nil {
		t.Fatal(err)
	}
	files, err := registry.Migrations(dialect.Postgres)
	if err != nil {
		t.Fatal(err)
	}
	text, err := fs.ReadFile(files, "20261122000000_lists_and_search.sql")
	if err != nil {
		t.Fatal(err)
	}
	statements := strings.Split(string(text), "\n\n")
	if _, err := asApp.ExecContext(t.Context(), statements[len(statements)-1]); err != nil {
		t.Fatal(err)
	}
	if n := searchIndexes(t, asApp); n != 1 {
		t.Errorf("%d indexes for searching, want 1", n)
	}
}

// A role that may only use the tables can start a process that calls Init.
func TestInitByARoleThatMakesNothing(t *testing.T) {
	t.Parallel()
	owner, app, _ := servers.PostgresRoles(t)
	kind := postgres()
	if err := open(t, kind.connect(t, owner)).Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	store := open(t, kind.connect(t, app))
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	if _, err := store.Create(t.Context(), registry.NewTenant{Identifier: "acme", Name: "Acme"}); err != nil {
		t.Error(err)
	}
}

func searchIndexes(t *testing.T, db database) (n int) {
	t.Helper()
	query := "SELECT COUNT(*) FROM pg_indexes WHERE indexname = 'tenancy_tenants_search'"
	if err := db.QueryRowContext(t.Context(), query).Scan(&n); err != nil {
		t.Fatal(err)
	}
	return n
}
