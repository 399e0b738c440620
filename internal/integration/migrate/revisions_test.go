package migrate_test

import (
	"testing"

	aschema "ariga.io/atlas/sql/schema"
	entsql "entgo.io/ent/dialect/sql"
	"entgo.io/ent/dialect/sql/schema"
	"entgo.io/ent/schema/field"
)

// atlasRevisions is the table as the Atlas CLI, which keeps it with ent, describes it.
func atlasRevisions() *schema.Table {
	columns := []*schema.Column{
		{Name: "version", Type: field.TypeString},
		{Name: "description", Type: field.TypeString},
		{Name: "type", Type: field.TypeUint, Default: 2},
		{Name: "applied", Type: field.TypeInt, Default: 0},
		{Name: "total", Type: field.TypeInt, Default: 0},
		{Name: "executed_at", Type: field.TypeTime},
		{Name: "execution_time", Type: field.TypeInt64},
		{Name: "error", Type: field.TypeString, Nullable: true, Size: 2147483647},
		{Name: "error_stmt", Type: field.TypeString, Nullable: true, Size: 2147483647},
		{Name: "hash", Type: field.TypeString},
		{Name: "partial_hashes", Type: field.TypeJSON, Nullable: true},
		{Name: "operator_version", Type: field.TypeString},
	}
	return &schema.Table{Name: "atlas_schema_revisions", Columns: columns, PrimaryKey: columns[:1]}
}

// TestAtlasFindsNothingToChange does what the Atlas CLI does first: it brings its table up to date.
func TestAtlasFindsNothingToChange(t *testing.T) {
	t.Parallel()
	for _, start := range []func(testing.TB, int) *fleet{newPostgres, newMariaDB, newLite} {
		f := start(t, 0)
		t.Run(f.dialect, func(t *testing.T) {
			t.Parallel()
			f.record(sharedTenant())
			text := "CREATE TABLE notes (id bigint);\n"
			apply(t, f.runner(directory(t, f.dialect, files{"1_init.sql": text})))
			var changes []aschema.Change
			m, err := schema.NewMigrate(entsql.OpenDB(f.dialect, f.home), schema.WithDiffHook(func(next schema.Differ) schema.Differ {
				return schema.DiffFunc(func(current, desired *aschema.Schema) ([]aschema.Change, error) {
					var err error
					changes, err = next.Diff(current, desired)
					return nil, err
				})
			}))
			if err != nil {
				t.Fatal(err)
			}
			if err := m.Create(t.Context(), atlasRevisions()); err != nil {
				t.Fatal(err)
			}
			for _, change := range changes {
				t.Errorf("%T %+v", change, change)
			}
			// And the other way round: the table that the CLI makes is one that the runner can use.
			g := start(t, 0)
			g.record(sharedTenant())
			if m, err = schema.NewMigrate(entsql.OpenDB(g.dialect, g.home)); err != nil {
				t.Fatal(err)
			}
			if err := m.Create(t.Context(), atlasRevisions()); err != nil {
				t.Fatal(err)
			}
			report := apply(t, g.runner(directory(t, g.dialect, files{"1_init.sql": text})))
			wantReport(t, report, 1, 0, 0, 0)
		})
	}
}
