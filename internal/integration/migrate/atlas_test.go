package migrate_test

import (
	"context"
	"database/sql"
	"fmt"
	"iter"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"entgo.io/ent/dialect"
	entsql "entgo.io/ent/dialect/sql"
	"github.com/go-sql-driver/mysql"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/internal/integration/servers"
	"github.com/entenancy/tenancy/migrate"
	"github.com/entenancy/tenancy/migrate/diff"
	"github.com/entenancy/tenancy/registry"
)

// top is the directory of the library.
const top = "../../.."

// atlasWorld is a home with a registry, tenants in places of their own, and both ways of migrating them: the Atlas CLI with the
// library's atlas.hcl, and the runner, on the files of examples/hybrid.
type atlasWorld struct {
	*fleet

	binary  string
	address string // of the home, for the CLI
	dir     string // of the migrations, by dialect
	files   string // of SQLite's tenants
	ours    registry.Store
}

// newAtlasWorld makes a world on a home that is empty.
func newAtlasWorld(t *testing.T, f *fleet) *atlasWorld {
	t.Helper()
	w := &atlasWorld{fleet: f, binary: servers.Atlas(t, f.dialect), dir: t.TempDir(), files: t.TempDir(), address: f.url}
	name := w.name()
	if err := os.CopyFS(filepath.Join(w.dir, name), os.DirFS(filepath.Join(top, "examples/hybrid/migrations", name))); err != nil {
		t.Fatal(err)
	}
	switch f.dialect {
	case dialect.MySQL:
		config, err := mysql.ParseDSN(f.url)
		if err != nil {
			t.Fatal(err)
		}
		w.address = fmt.Sprintf("mysql://%s@%s/%s", config.User, config.Addr, config.DBName)
	case dialect.SQLite:
		path, _, _ := strings.Cut(strings.TrimPrefix(f.url, "file:"), "?")
		w.address = "sqlite://" + path
	}
	store, err := registry.NewEntStore(entsql.OpenDB(f.dialect, f.home), registry.EntConfig{})
	if err != nil {
		t.Fatal(err)
	}
	if err := store.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.ours = store
	w.settle(t)
	return w
}

// name is that of the database's directory.
func (w *atlasWorld) name() string {
	return map[string]string{dialect.Postgres: "postgres", dialect.MySQL: "mysql", dialect.SQLite: "sqlite"}[w.dialect]
}

// settle writes down four tenants: one in shared tables, two with a schema and one with a database, and makes their places.
func (w *atlasWorld) settle(t *testing.T) {
	t.Helper()
	acme, globex, own := "acme", "globex", ""
	switch w.dialect {
	case dialect.Postgres:
		own = servers.Postgres(t)
	case dialect.MySQL:
		name := one[string](t, w.home, "SELECT database()")
		acme, globex, own = name+"_acme", name+"_globex", servers.MariaDB(t)
	case dialect.SQLite:
		own = "file:" + filepath.Join(w.files, "own.db")
	}
	for _, schema := range []string{acme, globex} {
		if w.dialect == dialect.SQLite {
			w.touch(filepath.Join(w.files, schema+".db"))
			continue
		}
		w.exec("CREATE SCHEMA " + schema)
		t.Cleanup(func() {
			if w.dialect == dialect.MySQL {
				_, _ = w.home.ExecContext(context.WithoutCancel(t.Context()), "DROP SCHEMA "+schema)
			}
		})
	}
	w.touch(strings.TrimPrefix(own, "file:"))
	for _, tenant := range []registry.NewTenant{
		{Identifier: "shared", Isolation: tenancy.IsolationShared},
		{Identifier: "acme", Plan: "internal", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: acme}},
		{Identifier: "globex", Isolation: tenancy.IsolationSchema, Placement: tenancy.Placement{Schema: globex}},
		{Identifier: "own", Isolation: tenancy.IsolationDatabase, Placement: tenancy.Placement{DatabaseURL: tenancy.NewSecret(own)}},
	} {
		tenant.Name, tenant.Status = tenant.Identifier, tenancy.StatusActive
		if _, err := w.ours.Create(t.Context(), tenant); err != nil {
			t.Fatal(err)
		}
	}
}

func (w *atlasWorld) touch(path string) {
	w.t.Helper()
	if w.dialect == dialect.SQLite {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			w.t.Fatal(err)
		}
	}
}

// runner is the runner of the files as they are now. Tenants are as the registry has them.
func (w *atlasWorld) runner(t *testing.T) *migrate.Runner {
	t.Helper()
	of := func(half string) *migrate.Directory {
		name := map[string]string{dialect.Postgres: "postgres", dialect.MySQL: "mysql", dialect.SQLite: "sqlite"}[w.dialect]
		return read(t, w.dialect, os.DirFS(filepath.Join(w.dir, name, half)))
	}
	return w.fleet.runner(of(diff.TenantDir), func(c *migrate.Config) {
		c.Shared = of(diff.SharedDir)
		c.Tenants = func(ctx context.Context) iter.Seq2[tenancy.Tenant, error] {
			return registry.All(ctx, w.ours, registry.Query{})
		}
		if w.dialect != dialect.Postgres {
			c.Open = w.open
		}
	})
}

func (w *atlasWorld) open(_ context.Context, tenant tenancy.Tenant) (migrate.Database, error) {
	driver, dsn := "mysql", tenant.Placement.DatabaseURL.Reveal()
	if w.dialect == dialect.SQLite {
		driver = "sqlite"
		if tenant.Isolation == tenancy.IsolationSchema {
			dsn = "file:" + filepath.Join(w.files, tenant.Placement.Schema+".db")
		}
	}
	db, err := sql.Open(driver, dsn)
	return migrate.Database{DB: db, Server: "one"}, err
}

// cli runs the Atlas CLI at the top of the library, and returns what it has said.
func (w *atlasWorld) cli(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	arguments = append(arguments, "--var", "url="+w.address, "--var", "migrations="+filepath.Join(w.dir, w.name()), "--var", "files="+w.files)
	if arguments[1] == "apply" {
		arguments = append(arguments, "--lock-timeout", time.Minute.String())
	}
	command := exec.CommandContext(t.Context(), w.binary, arguments...)
	command.Dir = top
	command.Env = append(os.Environ(), "ATLAS_NO_UPDATE_NOTIFIER=1")
	out, err := command.CombinedOutput()
	return string(out), err
}

// mustCLI fails where the CLI does.
func (w *atlasWorld) mustCLI(t *testing.T, arguments ...string) string {
	t.Helper()
	out, err := w.cli(t, arguments...)
	if err != nil {
		t.Fatalf("atlas %s: %v\n%s", strings.Join(arguments, " "), err, out)
	}
	return out
}

// add adds a migration to both directories.
func (w *atlasWorld) add(t *testing.T, name, text string) {
	t.Helper()
	roots, err := filepath.Glob(filepath.Join(w.dir, "*"))
	if err != nil || len(roots) != 1 {
		t.Fatal(roots, err)
	}
	for _, half := range []string{diff.TenantDir, diff.SharedDir} {
		if w.dialect == dialect.SQLite && half == diff.SharedDir {
			continue // no table of tenants is there
		}
		if err := os.WriteFile(filepath.Join(roots[0], half, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := diff.Hash(roots[0]); err != nil {
		t.Fatal(err)
	}
}

// upToDate wants the runner to find nothing to do in all four places: the home and those of three tenants.
func (w *atlasWorld) upToDate(t *testing.T) {
	t.Helper()
	wantReport(t, apply(t, w.runner(t)), 0, 4, 0, 0)
	if w.dialect == dialect.Postgres {
		drift, err := w.runner(t).Drift(t.Context())
		if err != nil || len(drift.Drifts) > 0 {
			t.Errorf("drift %+v, %v", drift, err)
		}
	}
}

// TestAtlasCLI goes back and forth between the Atlas CLI and the runner.
func TestAtlasCLI(t *testing.T) {
	t.Parallel()
	for name, start := range map[string]func(testing.TB, int) *fleet{"PostgreSQL": newPostgres, "MariaDB": newMariaDB, "SQLite": newLite} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			backAndForth(t, newAtlasWorld(t, start(t, 0)))
		})
	}
}

func backAndForth(t *testing.T, w *atlasWorld) {
	t.Helper()
	// The CLI makes the tables, and the runner finds nothing to do.
	w.mustCLI(t, "migrate", "apply", "--env", "shared", "--allow-dirty")
	if out := w.mustCLI(t, "migrate", "apply", "--env", "tenants", "--var", "plan=internal"); strings.Count(out, "Migrated to version") != 1 {
		t.Errorf("one tenant has the plan:\n%s", out)
	}
	w.mustCLI(t, "migrate", "apply", "--env", "tenants")
	w.mustCLI(t, "migrate", "apply", "--env", "databases")
	w.upToDate(t)

	// The runner goes on, and the CLI finds nothing to do.
	w.add(t, "20270101000000_remark.sql", "ALTER TABLE orders ADD COLUMN remark varchar(100);\nALTER TABLE items ADD COLUMN remark varchar(100);\n")
	changed := 4
	if w.dialect == dialect.SQLite {
		changed = 3
	}
	wantReport(t, apply(t, w.runner(t)), changed, 4-changed, 0, 0)
	for _, environment := range []string{"shared", "tenants", "databases"} {
		if out := w.mustCLI(t, "migrate", "apply", "--env", environment); strings.Contains(out, "Migrated") || strings.Contains(out, "Migrating") {
			t.Errorf("%s had something to do:\n%s", environment, out)
		}
	}
	acme := w.schemaOf(t, "acme")
	if out := w.mustCLI(t, "migrate", "status", "--env", "tenant", "--var", "tenant="+acme); !strings.Contains(out, "Already at latest version") {
		t.Errorf("got %s", out)
	}
	if out, err := w.cli(t, "migrate", "status", "--env", "tenant"); err == nil || !strings.Contains(out, "name-one-by-var-tenant") {
		t.Errorf("without a tenant: got %s, %v", out, err)
	}

	// The CLI takes one tenant on, and the runner the others.
	w.add(t, "20270102000000_kind.sql", "ALTER TABLE orders ADD COLUMN kind varchar(100);\n")
	w.mustCLI(t, "migrate", "apply", "--env", "tenant", "--var", "tenant="+acme)
	wantReport(t, apply(t, w.runner(t)), changed-1, 5-changed, 0, 0)
	w.upToDate(t)
	if out := w.mustCLI(t, "migrate", "apply", "--env", "tenants"); strings.Count(out, "No migration files to execute") != 2 {
		t.Errorf("got %s", out)
	}
}

func (w *atlasWorld) schemaOf(t *testing.T, identifier string) string {
	t.Helper()
	tenant, err := w.ours.ByIdentifier(t.Context(), identifier)
	if err != nil {
		t.Fatal(err)
	}
	return tenant.Placement.Schema
}

// TestAtlasCLITraps shows what docs/migrations.md warns of.
func TestAtlasCLITraps(t *testing.T) {
	t.Parallel()
	w := newAtlasWorld(t, newPostgres(t, 0))
	if out, err := w.cli(t, "migrate", "status", "--env", "tenants"); err == nil || !strings.Contains(out, "multiple envs") {
		t.Errorf("status of all: %v\n%s", err, out)
	}
	// It stops at the first tenant that fails, and does not look at the next one.
	w.exec("CREATE TABLE acme.orders (id int)")
	if out, err := w.cli(t, "migrate", "apply", "--env", "tenants"); err == nil || !strings.Contains(out, "not clean") {
		t.Errorf("a tenant that fails: %v\n%s", err, out)
	}
	if n := one[int](t, w.home, "SELECT count(*) FROM pg_tables WHERE schemaname = 'globex'"); n != 0 {
		t.Errorf("it went on: %d tables", n)
	}
	report, failed := failures(t, w.runner(t))
	if report.Applied != 3 || report.Failed != 1 {
		t.Errorf("the runner: %+v, %v", report, slices.Collect(maps.Keys(failed)))
	}
}

// TestAtlasCLIAtOnce has a runner and the CLI at the same tenants: one waits for the other, and nothing is applied twice.
func TestAtlasCLIAtOnce(t *testing.T) {
	t.Parallel()
	w := newAtlasWorld(t, newPostgres(t, 0))
	w.add(t, "20270101000000_once.sql", "CREATE TABLE once (id int);\nINSERT INTO once VALUES (1);\n")
	w.mustCLI(t, "migrate", "apply", "--env", "shared", "--allow-dirty")
	type answer struct {
		said string
		err  error
	}
	done := make(chan answer, 1)
	go func() {
		said, err := w.cli(t, "migrate", "apply", "--env", "tenants")
		done <- answer{said, err}
	}()
	_, err := w.runner(t).Apply(t.Context())
	if cli := <-done; cli.err != nil {
		t.Error("the CLI:", cli.err, cli.said)
	}
	if err != nil {
		t.Error("the runner:", err)
	}
	w.upToDate(t)
	for _, schema := range []string{"acme", "globex"} {
		if n := one[int](t, w.home, "SELECT count(*) FROM "+schema+".once"); n != 1 {
			t.Errorf("%s: %d rows", schema, n)
		}
	}
}

// TestDocumentedAtlasCommands runs the commands of the documentation, in their order.
func TestDocumentedAtlasCommands(t *testing.T) {
	t.Parallel()
	w := newAtlasWorld(t, newPostgres(t, 0))
	text, err := os.ReadFile(filepath.Join(top, "docs/migrations.md"))
	if err != nil {
		t.Fatal(err)
	}
	ran := 0
	for line := range strings.Lines(string(text)) {
		arguments, ok := strings.CutPrefix(strings.TrimSpace(line), "atlas ")
		if !ok {
			continue
		}
		ran++
		command := exec.CommandContext(t.Context(), w.binary, strings.Fields(arguments)...)
		command.Dir = top
		command.Env = append(os.Environ(), "ATLAS_NO_UPDATE_NOTIFIER=1", "DATABASE_URL="+w.address)
		if out, err := command.CombinedOutput(); err != nil {
			t.Errorf("atlas %s: %v\n%s", arguments, err, out)
		}
	}
	if ran != 4 {
		t.Errorf("the documentation has %d commands", ran)
	}
	report := apply(t, w.runner(t))
	if report.Applied != 1 || report.Unchanged != 3 { // the tenant with a database of its own is in another environment
		t.Errorf("got %+v", report)
	}
}
