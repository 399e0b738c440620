package migratediff_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/migrate/lint"
)

// TestTenantsTableBecomesGlobal refuses it until row-level security is taken away by hand, and goes the way back.
func TestTenantsTableBecomesGlobal(t *testing.T) {
	t.Parallel()
	e := newEvolving()
	config := having(shop(t, dialect.Postgres), e.users, e.orders)
	named(t, config, "init")
	global := func() diff.Config {
		e := newEvolving()
		lose(e.users, "tenant_id")
		e.users.Indexes = append(e.users.Indexes, &entschema.Index{Name: "users_name", Unique: true, Columns: e.users.Columns[1:2]})
		return having(config, e.users, e.orders)
	}()
	_, err := diff.Named(t.Context(), global, "global")
	if err == nil || !strings.Contains(err.Error(), `"users"`) || !strings.Contains(err.Error(), "DROP POLICY tenant_isolation") || !strings.Contains(err.Error(), "directory shared") {
		t.Fatalf("got %v", err)
	}
	byHand(t, global, diff.SharedDir, snippet(t, "DROP POLICY tenant_isolation ON", "users"))
	byHand(t, global, diff.TenantDir, `DROP TABLE "users" CASCADE`)
	runs(t, global)

	shared := filepath.Join(config.Dir, diff.SharedDir)
	place := database(t, dialect.Postgres)
	place.SetMaxOpenConns(1)
	apply(t, place, shared, 0)
	if got := lines(t, place, "SELECT relname FROM pg_class WHERE relrowsecurity AND relname = 'users'"); len(got) > 0 {
		t.Error("a global table is behind row-level security")
	}
	run(t, place, "INSERT INTO users (id, name) VALUES (1, 'ann')")
	before := len(files(t, shared))
	byHand(t, config, diff.SharedDir, snippet(t, `ADD COLUMN "tenant_id"`, "users"))
	named(t, config, "back")
	must(t, diff.Check(t.Context(), config))
	apply(t, place, shared, before)
	run(t, place, "SET tenancy.tenant_id = 'acme'")
	if got := lines(t, place, "SELECT tenant_id FROM users"); !slices.Equal(got, []string{"acme"}) {
		t.Errorf("users are of %q", got)
	}
	findings, err := lint.Directory(os.DirFS(shared), lint.Config{Dialect: dialect.Postgres})
	must(t, err)
	for _, finding := range findings {
		if !strings.Contains(finding.Statement, `DROP COLUMN "tenant_id"`) { // which is for somebody to allow
			t.Errorf("lint: %v\n%s", finding, finding.Statement)
		}
	}
	if got := lines(t, place, "SELECT relname FROM pg_class WHERE relrowsecurity AND relforcerowsecurity AND relname = 'users'"); len(got) != 1 {
		t.Error("a tenant's table is not behind row-level security")
	}
}
