package namespace

import (
	"context"
	"database/sql"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver/sqlite"
)

// SQLite keeps a SQLite file for each tenant. The mark is in the file's own table
// tenancy_namespace.
//
// A file is made under a name that goes by the tenant and that nobody is given,
// and gets its own name by a hard link, which never replaces a file: the file
// system must have those. One spare is enough for any number of tenants: it is
// the template of which they get copies.
//
// Those who make and drop files at the same time have to be of one process.
type SQLite struct {
	files  *sqlite.Files
	driver sqldriver.Driver
	config SQLiteConfig
}

var (
	_ Keeper = (*SQLite)(nil)
	_ Spares = (*SQLite)(nil)
)

// SQLiteConfig is what SQLite can be told.
type SQLiteConfig struct {
	// Names says how files are named, before their ending .db.
	Names Names
	// Dir is the directory of the files of tenants with tenancy.IsolationDatabase.
	// Defaults to none: the keeper is for tenants with tenancy.IsolationSchema,
	// whose directory is that of the files.
	Dir string
}

// NewSQLite returns the keeper of the files that files opens for the application.
// The driver is that of SQLite for database/sql. It makes nothing.
func NewSQLite(files *sqlite.Files, driver sqldriver.Driver, config SQLiteConfig) (*SQLite, error) {
	if files == nil || driver == nil {
		return nil, errors.New("namespace: NewSQLite needs files and a driver")
	}
	var err error
	if config.Dir != "" {
		if config.Dir, err = filepath.Abs(config.Dir); err != nil {
			return nil, fmt.Errorf("namespace: SQLiteConfig.Dir: %w", err)
		}
	}
	config.Names, err = config.Names.withDefaults()
	return &SQLite{files: files, driver: driver, config: config}, err
}

// Plan implements [Keeper].
func (k *SQLite) Plan(t tenancy.Tenant) (tenancy.Placement, error) {
	name, err := k.config.Names.of(t.ID)
	return k.placement(name), err
}

func (k *SQLite) placement(name string) tenancy.Placement {
	if k.config.Dir == "" {
		return tenancy.Placement{Schema: name}
	}
	path := filepath.ToSlash(filepath.Join(k.config.Dir, name+".db"))
	if !strings.HasPrefix(path, "/") {
		path = "/" + path
	}
	address := url.URL{Scheme: "file", OmitHost: true, Path: path}
	return tenancy.Placement{DatabaseURL: tenancy.NewSecret(address.String())}
}

func (k *SQLite) isolation() tenancy.Isolation {
	if k.config.Dir == "" {
		return tenancy.IsolationSchema
	}
	return tenancy.IsolationDatabase
}

// path returns the file of a tenant, whose name must be one that a tenant may have.
func (k *SQLite) path(t tenancy.Tenant) (string, error) {
	path, err := k.files.Path(t)
	if err != nil {
		return "", err
	}
	return path, k.config.Names.usable(t, strings.TrimSuffix(filepath.Base(path), ".db"))
}

// pathOf returns the file of a name.
func (k *SQLite) pathOf(name string) (string, error) {
	return k.files.Path(k.named(name))
}

// named is a tenant that has the file of a name.
func (k *SQLite) named(name string) tenancy.Tenant {
	return tenancy.Tenant{ID: tenancy.ID(name), Isolation: k.isolation(), Placement: k.placement(name)}
}

// Name implements [Keeper].
func (k *SQLite) Name(t tenancy.Tenant) string {
	path, err := k.files.Path(t)
	if err != nil {
		return ""
	}
	return filepath.Base(path)
}

// Make implements [Keeper].
func (k *SQLite) Make(ctx context.Context, t tenancy.Tenant, version string) (Made, error) {
	path, err := k.path(t)
	if err != nil {
		return Made{}, err
	}
	made := Made{Placement: t.Placement}
	switch mark, there, err := k.markOf(ctx, path); {
	case err != nil:
		return made, failed("looking at the file", t, err)
	case there && mark == markOf(t.ID):
		return made, nil
	case there:
		return made, foreign(t, "file", filepath.Base(path))
	}
	made.New = true
	made.Version, err = k.make(ctx, t, path, version)
	if errors.Is(err, fs.ErrExist) { // since we looked
		return k.Make(ctx, t, version)
	}
	if err != nil {
		err = failed("making the file", t, err)
	}
	return made, err
}

// make makes the file under its scratch name, and then links it.
func (k *SQLite) make(ctx context.Context, t tenancy.Tenant, path, version string) (taken string, err error) {
	scratch, err := k.pathOf(k.config.Names.scratch(t.ID))
	if err != nil {
		return "", err
	}
	if err := removeFile(scratch); err != nil {
		return "", err
	}
	if taken, err = k.copySpare(ctx, scratch, version); err != nil {
		return "", err
	}
	if err := k.putMark(ctx, scratch, markOf(t.ID)); err != nil {
		return "", err
	}
	if err := os.Link(scratch, path); err != nil {
		return "", err
	}
	return taken, removeFile(scratch)
}

// Verify implements [Keeper].
func (k *SQLite) Verify(ctx context.Context, t tenancy.Tenant) error {
	path, err := k.path(t)
	if err != nil {
		return err
	}
	switch mark, there, err := k.markOf(ctx, path); {
	case err != nil:
		return failed("looking at the file", t, err)
	case !there:
		return missing(t, "file", filepath.Base(path))
	case mark != markOf(t.ID):
		return foreign(t, "file", filepath.Base(path))
	}
	return nil
}

// Drop implements [Keeper]. The file is removed while others may have it open:
// what they write is lost with it.
func (k *SQLite) Drop(ctx context.Context, t tenancy.Tenant) (bool, error) {
	path, err := k.path(t)
	if err != nil {
		return false, err
	}
	mark, there, err := k.markOf(ctx, path)
	if err == nil && there && mark != markOf(t.ID) {
		return false, foreign(t, "file", filepath.Base(path))
	}
	switch {
	case err == nil && there:
		err = removeFile(path)
	case err == nil: // a Drop may have died behind the file
		err = removeBeside(path)
	}
	var scratch string
	if err == nil {
		scratch, err = k.pathOf(k.config.Names.scratch(t.ID))
	}
	if err == nil {
		err = removeFile(scratch)
	}
	if err != nil {
		return false, failed("dropping the file", t, err)
	}
	return there, nil
}

// removeFile removes a database, and what SQLite may have beside it. The database
// goes first: without it the rest is nothing that could be opened, but with a part
// of the rest it would be another database.
func removeFile(path string) error {
	return errors.Join(removeAny(path), removeBeside(path))
}

// removeBeside removes what SQLite may have beside a database, which can be rows.
func removeBeside(path string) error {
	return errors.Join(removeAny(path+"-wal"), removeAny(path+"-shm"), removeAny(path+"-journal"))
}

// removeAny removes a file if there is one.
func removeAny(path string) error {
	if err := os.Remove(path); !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// markOf reads the mark of a file, empty if it has none or is no database. It changes
// nothing but what whoever opens the file next would: a transaction that nobody will
// end is rolled back.
func (k *SQLite) markOf(ctx context.Context, path string) (mark string, there bool, err error) {
	switch info, err := os.Lstat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return "", false, nil
	case err != nil || !info.Mode().IsRegular():
		return "", true, err
	}
	// To be read at all, a file may have to be written to: who was writing when it died has left a journal.
	err = k.within(ctx, path, "rw", func(db *sql.DB) error {
		return db.QueryRowContext(ctx, "SELECT mark FROM tenancy_namespace WHERE id = 1").Scan(&mark)
	})
	switch {
	case err == nil:
		return mark, true, nil
	case ctx.Err() != nil:
		return "", true, context.Cause(ctx)
	case hasNoMark(err):
		return "", true, nil
	}
	if _, gone := os.Lstat(path); errors.Is(gone, fs.ErrNotExist) { // since we looked
		return "", false, nil
	}
	return "", true, err
}

// hasNoMark reports whether a file could be read and has no mark. The texts are those
// of SQLite itself, since the library does not know the driver. Of a file that is
// locked, broken or out of reach nobody can say whose it is.
func hasNoMark(err error) bool {
	return errors.Is(err, sql.ErrNoRows) || slices.ContainsFunc([]string{"no such table", "no such column", "not a database"}, func(text string) bool {
		return strings.Contains(err.Error(), text)
	})
}

// putMark writes the mark, over that of the spare that the file is a copy of.
func (k *SQLite) putMark(ctx context.Context, path, mark string) error {
	return k.within(ctx, path, "rwc", func(db *sql.DB) error {
		_, err := db.ExecContext(ctx, "CREATE TABLE IF NOT EXISTS tenancy_namespace (id INTEGER PRIMARY KEY, mark TEXT NOT NULL)")
		if err == nil {
			_, err = db.ExecContext(ctx, "INSERT INTO tenancy_namespace (id, mark) VALUES (1, ?) ON CONFLICT (id) DO UPDATE SET mark = excluded.mark", mark)
		}
		return err
	})
}

// within opens a file for the time of do.
func (k *SQLite) within(ctx context.Context, path, mode string, do func(*sql.DB) error) error {
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") {
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", OmitHost: true, Path: slashed, RawQuery: "mode=" + mode}
	db := sql.OpenDB(connector{k.driver, u.String()})
	db.SetMaxOpenConns(1)
	_, err := db.ExecContext(ctx, "PRAGMA busy_timeout = 5000")
	if err == nil {
		err = do(db)
	}
	return errors.Join(err, db.Close())
}

// connector opens one data source.
type connector struct {
	driver sqldriver.Driver
	dsn    string
}

func (c connector) Connect(context.Context) (sqldriver.Conn, error) { return c.driver.Open(c.dsn) }
func (c connector) Driver() sqldriver.Driver                        { return c.driver }
