package diff

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"unicode"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/schema"
)

// Named writes what leads from the files that are there to ent's schema, into new
// files in each of the two directories that has something to change, and returns
// the paths of the new files: none if there is nothing to write. The name is of
// letters, digits, and "_", "-" and "." but at its beginning.
//
// On PostgreSQL what would hold a table that has rows is divided into steps, each
// in a file of its own: of add_total, there may be
//
//	add_total_columns     columns, and new tables
//	add_total_indexes     CREATE INDEX CONCURRENTLY, outside of transactions
//	add_total_unique      constraints of these indexes, and names of others that they replace
//	add_total_tables      new tables, if they may refer to what is unique only now
//	add_total_keys        foreign keys, checks and NOT NULL for new rows
//	add_total_valid       the same for the rows that are there
//	add_total_valid_keys  foreign keys of tenants' tables, for the rows that are there
//
// While a foreign key is validated in the last of them, row-level security does not
// hold the owner of its tables: serve as another role.
//
// A single file is add_total. On MySQL and SQLite there is one in any case.
//
// It fails if a directory does not agree with its atlas.sum, if two files in it have
// one version, or if a file in it reaches out of the place that it is run in; see
// package lint. Review what it wrote, and run lint over it. After editing a file, call [Hash].
//
// It needs no tenant in ctx. It must not run at the same time as itself in one
// directory, nor as one of ent's migrations, which write to Config.Tables.
func Named(ctx context.Context, config Config, name string) ([]string, error) {
	if !isName(name) {
		return nil, fmt.Errorf("diff: %q cannot be the name of a migration: use letters, digits and underscores, as in add_orders", name)
	}
	all, err := config.plans(ctx, name)
	if err != nil {
		return nil, err
	}
	version, err := config.nextVersion()
	if err != nil {
		return nil, err
	}
	var written []string
	for _, p := range all {
		paths, err := p.write(p.plans, version)
		written = append(written, paths...)
		if err != nil {
			return written, err
		}
	}
	return written, nil
}

// isName reports whether a name can be that of a file everywhere. One that begins with
// a dash is a flag that the program has not read.
func isName(name string) bool {
	return name != "" && !strings.ContainsRune("-.", rune(name[0])) && !strings.ContainsFunc(name, func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !strings.ContainsRune("_-.", r)
	})
}

// Check fails with [ErrBehind], and the statements that are missing, if [Named]
// would write a file. It is for continuous integration. It writes nothing.
func Check(ctx context.Context, config Config) error {
	all, err := config.plans(ctx, "check")
	if err != nil || len(all) == 0 {
		return err
	}
	var missing []string
	for _, p := range all {
		for _, plan := range p.plans {
			for _, statement := range commands(plan) {
				missing = append(missing, p.name+": "+statement)
			}
		}
	}
	return fmt.Errorf("%w: make one by diff.Named for\n%s", ErrBehind, strings.Join(missing, "\n"))
}

// Hash writes the atlas.sum of both directories anew, after files were edited.
// A file that was applied somewhere must not be edited: the runner refuses it.
// Dir is that of [Config]: it fails where neither directory is in it.
func Hash(dir string) error {
	found := false
	for _, name := range []string{TenantDir, SharedDir} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
		found = true
		local, err := migrate.NewLocalDir(path)
		if err != nil {
			return fmt.Errorf("diff: %w", err)
		}
		sum, err := local.Checksum()
		if err != nil {
			return fmt.Errorf("diff: %s: %w", path, err)
		}
		if err := migrate.WriteSumFile(local, sum); err != nil {
			return fmt.Errorf("diff: %s: %w", path, err)
		}
	}
	if !found {
		return fmt.Errorf("diff: %q has neither %s nor %s in it: name the directory above them", dir, TenantDir, SharedDir)
	}
	return nil
}

// half is the tables of one directory. Each leads to all that its places need,
// so that a place is migrated by one directory and has one record of it.
type half struct {
	config  Config
	name    string // of the directory below Config.Dir
	tables  []*entschema.Table
	tenancy schema.Metadata // of these tables
}

// halves says which tables each directory has. A table has no schema here: the files are for any.
func (c Config) halves() ([]half, error) {
	if err := c.validate(); err != nil {
		return nil, err
	}
	tenants, globals, err := driver.SplitTables(c.Tables, c.Tenancy)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	shared := half{c, SharedDir, globals, schema.Metadata{}}
	if !c.GlobalFile {
		if shared.tables, err = copyTables(c.Tables); err != nil {
			return nil, err
		}
		shared.tenancy = c.Tenancy
	}
	for _, tables := range [][]*entschema.Table{tenants, shared.tables} {
		for _, t := range tables {
			t.Schema = ""
		}
	}
	return []half{{c, TenantDir, tenants, c.Tenancy}, shared}, nil
}

// copyTables is ent's CopyTables with the fields that it leaves out, as
// driver.SplitTables copies the tables of the other half.
func copyTables(tables []*entschema.Table) ([]*entschema.Table, error) {
	copies, err := entschema.CopyTables(tables)
	if err != nil {
		return nil, fmt.Errorf("diff: %w", err)
	}
	for i, t := range tables {
		copies[i].Comment, copies[i].View, copies[i].Pos = t.Comment, t.View, t.Pos
	}
	return copies, nil
}

// planned are the files that a half lacks.
type planned struct {
	half

	plans []*migrate.Plan
}

// plans returns what is to be written, for each directory that is behind.
func (c Config) plans(ctx context.Context, name string) ([]planned, error) {
	halves, err := c.halves()
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, h := range halves {
		plans, err := h.planFrom(ctx, filepath.Join(c.Dir, h.name), name)
		if err != nil {
			return nil, fmt.Errorf("%w (directory %s)", err, h.name)
		}
		if len(plans) > 0 {
			all = append(all, planned{h, plans})
		}
	}
	return all, nil
}

// planFrom is plan for the directory at a path.
func (h half) planFrom(ctx context.Context, path, name string) ([]*migrate.Plan, error) {
	dir, err := openDir(path)
	if err != nil {
		return nil, err
	}
	return h.plan(ctx, dir, name)
}

// plan compares the files of a half with its tables, and returns those that are missing.
func (h half) plan(ctx context.Context, dir migrate.Dir, name string) (plans []*migrate.Plan, err error) {
	if err := checkDir(dir, h.config.Dialect); err != nil {
		return nil, err
	}
	place, err := openPlace(ctx, h.config.Dev, h.config.Dialect)
	defer func() { err = errors.Join(err, place.close(ctx)) }()
	if err != nil {
		return nil, err
	}
	current, state, err := h.replayed(ctx, place, dir)
	if err != nil {
		return nil, err
	}
	desired, err := place.made(ctx, h.tables)
	if err != nil {
		return nil, err
	}
	changes, err := h.changes(ctx, place, current, desired)
	if err != nil {
		return nil, err
	}
	return h.files(ctx, place, name, changes, state)
}

// changes is what Atlas finds between two states, with composite keys. Tables
// that ent does not know are left alone, like those of other tools, and so is
// what they refer to.
func (h half) changes(ctx context.Context, p *place, current, desired *atlas.Schema) ([]atlas.Change, error) {
	keepReferred(current, desired)
	made := keyIndexes(current)
	differ := h.keys()(entschema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
		return p.atlas.SchemaDiff(current, desired, h.diffOptions()...)
	}))
	all, err := differ.Diff(current, desired)
	if err != nil {
		return nil, fmt.Errorf("diff: comparing: %w", err)
	}
	var changes []atlas.Change
	for _, change := range all {
		switch change := change.(type) {
		case *atlas.AddTable:
			changes = append(changes, change)
		case *atlas.ModifyTable:
			if h.config.Dialect == dialect.MySQL {
				dropKeyIndexes(change, made[change.T.Name])
			}
			if err := p.rereadChecks(ctx, change); err != nil {
				return nil, err
			}
			if len(change.Changes) > 0 {
				changes = append(changes, change)
			}
		}
	}
	return changes, nil
}

// diffOptions lets Atlas compare expressions of checks, which are both as the database
// prints them. On MySQL it would take the indexes that the server makes for keys for
// ones that are to be dropped.
func (h half) diffOptions() []atlas.DiffOption {
	if h.config.Dialect == dialect.MySQL {
		return nil
	}
	return []atlas.DiffOption{atlas.DiffNormalized()}
}
