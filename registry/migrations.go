package registry

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"entgo.io/ent/dialect"
)

//go:generate go run migrations_hash.go

//go:embed migrations
var migrations embed.FS

// Migrations returns the files by which EntStore's tables are made and kept up
// to date in a database of the given dialect (as in package
// [entgo.io/ent/dialect]): a migration directory of Atlas, with its atlas.sum.
//
// Init applies them. They are here for those who apply them with a tool of
// their own, such as the Atlas CLI, and then never call Init: the tool records
// what it applied, and Init would not know of it. Files are added by later
// releases and never change.
func Migrations(dialectName string) (fs.FS, error) {
	switch dialectName {
	case dialect.Postgres, dialect.MySQL:
		return fs.Sub(migrations, path.Join("migrations", dialectName))
	case dialect.SQLite:
		return fs.Sub(migrations, "migrations/sqlite")
	default:
		return nil, fmt.Errorf("registry: Migrations: unsupported dialect %q", dialectName)
	}
}

// migration is one file.
type migration struct {
	version    string
	statements []string
}

// readMigrations returns the files of a directory in the order of their versions.
func readMigrations(dialectName string) ([]migration, error) {
	dir, err := Migrations(dialectName)
	if err != nil {
		return nil, err
	}
	names, err := fs.Glob(dir, "*.sql") // sorted
	if err != nil {
		return nil, err
	}
	all := make([]migration, 0, len(names))
	for _, name := range names {
		text, err := fs.ReadFile(dir, name)
		if err != nil {
			return nil, err
		}
		version, _, _ := strings.Cut(name, "_")
		all = append(all, migration{version, splitStatements(string(text))})
	}
	if len(all) == 0 {
		return nil, errors.New("no migrations")
	}
	return all, nil
}

// splitStatements goes by how the files are written: an empty line between two
// statements, and none inside one.
func splitStatements(text string) []string {
	return strings.Split(strings.TrimSpace(text), "\n\n")
}
