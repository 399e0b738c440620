package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"strings"
	"time"

	"github.com/entenancy/tenancy"
	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/schema"
)

// The meanings that an error of this package can have beside those of package
// tenancy. Test for them with [errors.Is].
var (
	// ErrMixed means that a table is in a file where it must not be: one of
	// tenants in the global file, or a global one in another file too.
	ErrMixed = errors.New("sqlite: tables of tenants and global tables must be in different files")

	// ErrRefused means that the SQL would reach another file, or leave something
	// on the connection, and was not run. The package comment lists what is refused.
	ErrRefused = errors.New("sqlite: not on a connection for tenants")
)

// Config says where the files are. Relative paths are made absolute by [New].
type Config struct {
	// Driver is the driver of SQLite for database/sql, such as modernc.org/sqlite's
	// or mattn/go-sqlite3's. It has to take file: URIs. Required.
	Driver sqldriver.Driver

	// Dir is the directory of the files of tenants with tenancy.IsolationSchema.
	// Defaults to none: they fail with tenancy.ErrInvalidPlacement.
	Dir string

	// Global is the file of the global tables. Defaults to none: nothing is attached.
	Global string

	// Home is the file of the tenants without a file of their own. Defaults to Global.
	Home string

	// Metadata is the generated migrate.Tenancy, which says which tables hold rows
	// of tenants. Required where there is a Global.
	Metadata schema.Metadata

	// InBoth names tables that may be in the global file and in others too, such
	// as the one in which a migration tool keeps its versions. A tenant sees its
	// own. Defaults to atlas_schema_revisions and ent_types.
	InBoth []string

	// BusyTimeout is how long a connection waits for another writer.
	// Defaults to 5 seconds.
	BusyTimeout time.Duration

	// Parameters are more parameters of the URI by which the driver opens a file.
	// Defaults to _txlock=immediate, which the drivers of Go understand.
	Parameters url.Values
}

// Files opens the files of tenants, and the home. It is made by [New], and safe
// for concurrent use.
type Files struct {
	config Config
	scoped map[string]bool // the tables of tenants, in lower case
	inBoth map[string]bool
}

// New returns the Files of a configuration. It opens nothing.
func New(config Config) (*Files, error) {
	switch {
	case config.Driver == nil:
		return nil, errors.New("sqlite: Config.Driver is missing")
	case config.Global != "" && len(config.Metadata.Tables) == 0:
		return nil, errors.New("sqlite: Config.Metadata is empty, and without it nobody knows which tables must not be in Config.Global")
	case config.BusyTimeout < 0:
		return nil, fmt.Errorf("sqlite: Config.BusyTimeout is %s and must not be negative", config.BusyTimeout)
	}
	for name, path := range map[string]*string{"Dir": &config.Dir, "Global": &config.Global, "Home": &config.Home} {
		if *path == "" {
			continue
		}
		var err error
		if *path, err = filepath.Abs(*path); err != nil {
			return nil, fmt.Errorf("sqlite: Config.%s: %w", name, err)
		}
	}
	config.setDefaults()
	f := &Files{config: config, scoped: map[string]bool{}, inBoth: setOf(config.InBoth)}
	for _, t := range config.Metadata.Tables {
		f.scoped[strings.ToLower(t.Name)] = true
	}
	return f, nil
}

func (c *Config) setDefaults() {
	if c.Home == "" {
		c.Home = c.Global
	}
	if c.InBoth == nil {
		c.InBoth = []string{"atlas_schema_revisions", "ent_types"}
	}
	if c.BusyTimeout == 0 {
		c.BusyTimeout = 5 * time.Second
	}
	if c.Parameters == nil {
		c.Parameters = url.Values{"_txlock": {"immediate"}}
	}
}

// Open is for driver.Databases.Open. It says how to reach the file of a tenant.
// It fails with tenancy.ErrInvalidPlacement where [Files.Path] does, and the
// connector with tenancy.ErrNotProvisioned where there is no such file.
func (f *Files) Open(_ context.Context, t tenancy.Tenant) (driver.Database, error) {
	path, err := f.Path(t)
	if err != nil {
		return driver.Database{}, err
	}
	return driver.Database{Connector: &connector{files: f, file: path, tenant: t, attach: readOnly, guarded: true}, Server: "sqlite"}, nil
}

// Home returns a connector to the home's file, to which the global tables are
// read-only unless they are in it.
func (f *Files) Home() sqldriver.Connector {
	return &connector{files: f, file: f.config.Home, attach: readOnly, guarded: true}
}

// System returns a connector to the home's file that may write to the global
// tables and reach other files. It is for driver.Config.System.
func (f *Files) System() sqldriver.Connector {
	return &connector{files: f, file: f.config.Home, attach: readWrite}
}

// setOf returns the names in lower case, in which SQLite compares them.
func setOf(names []string) map[string]bool {
	set := make(map[string]bool, len(names))
	for _, name := range names {
		set[strings.ToLower(name)] = true
	}
	return set
}
