package manager

import (
	"cmp"
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/driver/sqlite"
	"github.com/entenancy/tenancy/manager/namespace"
	"github.com/entenancy/tenancy/migrate"
)

// sqliteDatabases reaches SQLite by the driver that the program has imported.
type sqliteDatabases struct {
	config Config
	files  *sqlite.Files
	name   string // of the driver
	driver sqldriver.Driver
	path   string // of the home
	dir    string // of tenants' files
}

func newSQLite(c Config, app App) (databases, error) {
	name, err := registered("sqlite", "sqlite3")
	if err != nil {
		return nil, err
	}
	unopened, err := sql.Open(name, "")
	if err != nil {
		return nil, err
	}
	defer func() { _ = unopened.Close() }()
	path, err := sqlitePath(c.Database.URL.Reveal())
	if err != nil {
		return nil, err
	}
	s := sqliteDatabases{
		config: c, name: name, driver: unopened.Driver(), path: path,
		dir: cmp.Or(c.Database.TenantsDir, filepath.Join(filepath.Dir(path), "tenants")),
	}
	s.files, err = sqlite.New(sqlite.Config{
		Driver: s.driver, Home: path, Global: c.Database.GlobalFile, Metadata: app.Tenancy, Dir: s.dir,
	})
	return s, err
}

func (s sqliteDatabases) home(_ tenancy.Secret, system bool) (pool, error) {
	connector := s.files.Home()
	if system {
		connector = s.files.System()
	}
	return onDriver(dialect.SQLite, sql.OpenDB(connector)), nil
}

// prepare makes the directories of the home and of tenants' files.
func (s sqliteDatabases) prepare() error {
	return errors.Join(os.MkdirAll(filepath.Dir(s.path), 0o750), os.MkdirAll(s.dir, 0o750))
}

func (s sqliteDatabases) admin() (*sql.DB, error) { return s.at(s.path) }

func (s sqliteDatabases) open(ctx context.Context, t tenancy.Tenant) (driver.Database, error) {
	return s.files.Open(ctx, t)
}

// sqliteServer is the name that all files have as servers: what one disk, and the
// handles of one process, are shared by.
const sqliteServer = "sqlite"

func (s sqliteDatabases) owned(_ context.Context, t tenancy.Tenant) (migrate.Database, error) {
	path, err := s.files.Path(t)
	if err != nil {
		return migrate.Database{}, err
	}
	_, err = os.Stat(path) // opening it would make an empty one
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return migrate.Database{}, fmt.Errorf("manager: %w: %s has no file", tenancy.ErrNotProvisioned, t)
	case err != nil:
		return migrate.Database{}, fmt.Errorf("manager: the file of %s: %w", t, err)
	}
	db, err := s.at(path)
	return migrate.Database{DB: db, Server: sqliteServer}, err
}

func (sqliteDatabases) server() (*sql.DB, error) { return nil, nil } //nolint:nilnil // documented: the home's

func (s sqliteDatabases) keepers(_, _ *sql.DB, _ func(tenancy.Secret) []string) (map[tenancy.Isolation]namespace.Keeper, error) {
	schemas, err := namespace.NewSQLite(s.files, s.driver, namespace.SQLiteConfig{Names: s.config.names()})
	if err != nil {
		return nil, err
	}
	databases, err := namespace.NewSQLite(s.files, s.driver, namespace.SQLiteConfig{Names: s.config.names(), Dir: s.dir})
	return map[tenancy.Isolation]namespace.Keeper{tenancy.IsolationSchema: schemas, tenancy.IsolationDatabase: databases}, err
}

func (sqliteDatabases) locker(*sql.DB) namespace.Locker { return nil } // those who share a file are one process

// at opens a file as its owner, who may make it.
func (s sqliteDatabases) at(path string) (*sql.DB, error) { return sql.Open(s.name, sqliteDSN(path)) }

// attachesHome reports whether tenants with files of their own have the home
// attached to them, and the registry that is in it.
func (d DatabaseConfig) attachesHome() bool {
	path, err := sqlitePath(d.URL.Reveal())
	if err != nil || d.GlobalFile == "" {
		return false
	}
	home, err := os.Stat(path)
	global, errGlobal := os.Stat(d.GlobalFile)
	return errors.Join(err, errGlobal) == nil && os.SameFile(home, global)
}
