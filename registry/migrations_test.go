package registry_test

import (
	"io/fs"
	"slices"
	"strings"
	"testing"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/registry"
)

// Atlas takes the directories as they are, and reads the same statements from
// their files as Init does: those between empty lines.
func TestMigrationsAreAnAtlasDirectory(t *testing.T) {
	t.Parallel()
	versions := map[string][]string{}
	for _, name := range []string{dialect.Postgres, dialect.MySQL, dialect.SQLite} {
		dir := atlasDir(t, name)
		if err := migrate.Validate(dir); err != nil {
			t.Errorf("%s: %v: run go generate", name, err)
		}
		files, err := dir.Files()
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			versions[name] = append(versions[name], file.Version())
			stmts, err := file.StmtDecls()
			if err != nil {
				t.Fatal(err)
			}
			blocks := strings.Split(strings.TrimSpace(string(file.Bytes())), "\n\n")
			if len(stmts) != len(blocks) {
				t.Fatalf("%s: %s has %d statements in %d blocks", name, file.Name(), len(stmts), len(blocks))
			}
			for i, stmt := range stmts {
				if !strings.HasSuffix(blocks[i], strings.TrimSpace(stmt.Text)) {
					t.Errorf("%s: %s: block %d is not the statement %q", name, file.Name(), i, stmt.Text)
				}
			}
		}
	}
	if !slices.Equal(versions[dialect.Postgres], versions[dialect.MySQL]) || !slices.Equal(versions[dialect.Postgres], versions[dialect.SQLite]) {
		t.Errorf("the versions differ: %v", versions)
	}
	if dir, err := registry.Migrations(dialect.Gremlin); dir != nil || err == nil {
		t.Errorf("got %v and %v for a dialect without migrations", dir, err)
	}
}

func atlasDir(t *testing.T, name string) *migrate.MemDir {
	t.Helper()
	files, err := registry.Migrations(name)
	if err != nil {
		t.Fatal(err)
	}
	dir := &migrate.MemDir{}
	err = fs.WalkDir(files, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := fs.ReadFile(files, path)
		if err != nil {
			return err
		}
		return dir.WriteFile(path, text)
	})
	if err != nil {
		t.Fatal(err)
	}
	return dir
}
