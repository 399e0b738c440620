package postgres_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	atlasmigrate "ariga.io/atlas/sql/migrate"
	"ariga.io/atlas/sql/sqltool"
	entschema "entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"

	"github.com/entenancy/tenancy/driver/postgres"
	"github.com/entenancy/tenancy/schema"
)

// versions is a directory of versioned migrations.
type versions struct {
	g   *guarded
	dir *atlasmigrate.LocalDir
	dev *guarded
}

func newVersions(tb testing.TB) *versions {
	tb.Helper()
	dir, err := atlasmigrate.NewLocalDir(tb.TempDir())
	must(tb, err)
	return &versions{newBare(tb, isolationApp), dir, newBare(tb, isolationApp)}
}

// diff writes the next file, if there is one to write.
func (v *versions) diff(tb testing.TB, tables []*entschema.Table, options ...entschema.MigrateOption) {
	tb.Helper()
	options = append([]entschema.MigrateOption{
		entschema.WithDir(v.dir), entschema.WithMigrationMode(entschema.ModeReplay), entschema.WithFormatter(atlasmigrate.DefaultFormatter),
	}, options...)
	m, err := entschema.NewMigrate(v.dev.migrator(tb, v.dev.owner), options...)
	must(tb, err)
	must(tb, m.NamedDiff(system(tb), "change", tables...))
	// Two files of one second would have one name.
	files, err := v.dir.Files()
	must(tb, err)
	for i, file := range files {
		name := fmt.Sprintf("%04d_change.sql", i+1)
		if file.Name() != name {
			must(tb, v.dir.WriteFile(name, file.Bytes()))
			must(tb, os.Remove(filepath.Join(v.dir.Path(), file.Name())))
		}
	}
	sum, err := v.dir.Checksum()
	must(tb, err)
	must(tb, atlasmigrate.WriteSumFile(v.dir, sum))
}

// apply runs the files from one on.
func (v *versions) apply(tb testing.TB, from int) (files int) {
	tb.Helper()
	all, err := v.dir.Files()
	must(tb, err)
	for _, file := range all[from:] {
		run(tb, v.g.owner, string(file.Bytes()))
	}
	return len(all)
}

func guardedOptions() []entschema.MigrateOption {
	return []entschema.MigrateOption{
		entschema.WithDiffHook(postgres.DiffHook(isolationApp.tenancy)),
		entschema.WithFormatter(postgres.Formatter(nil, isolationApp.tenancy)),
	}
}

func TestVersionedMigrations(t *testing.T) {
	t.Parallel()
	v := newVersions(t)
	v.diff(t, isolationApp.copied(t), guardedOptions()...)
	if n := v.apply(t, 0); n != 1 {
		t.Fatalf("%d files", n)
	}
	v.g.verifies(t)
	v.diff(t, isolationApp.copied(t), guardedOptions()...)
	if files, err := v.dir.Files(); err != nil || len(files) != 1 {
		t.Fatalf("a second diff wrote a file: %v", err)
	}
	var plan planned
	must(t, v.g.migrate(t, plan.option()))
	if len(plan.statements) != 0 {
		t.Errorf("automatic migration goes on where versioned ones end: %q", plan.statements)
	}
}

// TestVersionedMigrationsOfMoreTables makes the tables that others need first.
func TestVersionedMigrationsOfMoreTables(t *testing.T) {
	t.Parallel()
	v := newVersions(t)
	var first []*entschema.Table
	for _, table := range isolationApp.copied(t) {
		if table.Name == "users" || table.Name == "clubs" {
			first = append(first, table)
		}
	}
	v.diff(t, first, guardedOptions()...)
	v.diff(t, isolationApp.copied(t), guardedOptions()...)
	v.apply(t, 0)
	v.g.verifies(t)
	files, err := v.dir.Files()
	must(t, err)
	if len(files) != 2 || strings.Count(string(files[1].Bytes()), `CREATE POLICY tenant_isolation ON "users"`) != 0 {
		t.Errorf("%d files, or a policy is made again", len(files))
	}
}

// TestVersionedUpgrade goes from ent's own tables to guarded ones, and on from
// there to a key that rows of two tenants break.
func TestVersionedUpgrade(t *testing.T) {
	t.Parallel()
	v := newVersions(t)
	v.diff(t, isolationApp.copied(t))
	done := v.apply(t, 0)
	rowsOfTwo(t, v.g)
	run(t, v.g.owner, postgres.Policies(isolationApp.tenancy)...) // forced, so that the owner sees no rows
	v.diff(t, isolationApp.copied(t), guardedOptions()...)
	run(t, v.g.asAdmin(t), "UPDATE orders SET owner_id = 11 WHERE id = 1")
	files, err := v.dir.Files()
	must(t, err)
	db := openURL(t, v.g.owner, postgres.Config{})
	_, err = db.ExecContext(system(t), string(files[1].Bytes()))
	wantCode(t, err, "23503")
	run(t, v.g.asAdmin(t), "UPDATE orders SET owner_id = 1 WHERE id = 1")
	v.apply(t, done)
	v.g.verifies(t)
}

func TestVersionedMigrationsCanBeUndone(t *testing.T) {
	t.Parallel()
	g := newBare(t, isolationApp)
	dir, err := sqltool.NewGolangMigrateDir(t.TempDir())
	must(t, err)
	m, err := entschema.NewMigrate(g.migrator(t, g.owner), entschema.WithDir(dir),
		entschema.WithDiffHook(postgres.DiffHook(g.tenancy)),
		entschema.WithFormatter(postgres.Formatter(sqltool.GolangMigrateFormatter, g.tenancy)))
	must(t, err)
	must(t, m.NamedDiff(system(t), "change", g.copied(t)...))
	up, down := golangMigrateFiles(t, dir)
	run(t, g.owner, up)
	g.verifies(t)
	run(t, g.owner, down)
	if n := one[int](system(t), t, openURL(t, g.owner, postgres.Config{}), "SELECT count(*) FROM pg_class WHERE relnamespace = 'public'::regnamespace"); n != 0 {
		t.Errorf("%d relations are left", n)
	}
}

// TestTenantColumnCanBeUndone takes the column away from a table that stays.
func TestTenantColumnCanBeUndone(t *testing.T) {
	t.Parallel()
	notes := func(columns ...*entschema.Column) *entschema.Table {
		table := entschema.NewTable("notes").AddPrimary(&entschema.Column{Name: "id", Type: field.TypeInt, Increment: true})
		for _, column := range columns {
			table.AddColumn(column)
		}
		return table
	}
	m := schema.Metadata{Tables: []schema.Table{{Name: "notes", TenantColumn: "org", ColumnType: schema.UUID}}}
	g := newBare(t, newApplication([]*entschema.Table{notes(&entschema.Column{Name: "org", Type: field.TypeUUID})}, m))
	driver := g.migrator(t, g.owner)
	must(t, create(t, driver, []*entschema.Table{notes()}))
	dir, err := sqltool.NewGolangMigrateDir(t.TempDir())
	must(t, err)
	migration, err := entschema.NewMigrate(driver, entschema.WithDir(dir),
		entschema.WithDiffHook(postgres.DiffHook(m)), entschema.WithFormatter(postgres.Formatter(sqltool.GolangMigrateFormatter, m)))
	must(t, err)
	must(t, migration.NamedDiff(system(t), "change", g.copied(t)...))
	up, down := golangMigrateFiles(t, dir)
	for range 2 {
		run(t, g.owner, up)
		g.verifies(t)
		run(t, g.owner, down)
	}
}

func golangMigrateFiles(tb testing.TB, dir *sqltool.GolangMigrateDir) (up, down string) {
	tb.Helper()
	names, err := filepath.Glob(filepath.Join(dir.Path(), "*.sql"))
	must(tb, err)
	for _, name := range names {
		text, err := os.ReadFile(name)
		must(tb, err)
		if strings.HasSuffix(name, ".down.sql") {
			down = string(text)
		} else {
			up = string(text)
		}
	}
	return up, down
}
