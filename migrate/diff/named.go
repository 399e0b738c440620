package diff

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	entschema "entgo.io/ent/dialect/sql/schema"

	"github.com/entenancy/tenancy/driver"
	"github.com/entenancy/tenancy/schema"
)

// Named writes what leads from the files that are there to ent's schema, into
// one new file in each of the two directories that has something to change, and
// returns the paths of the new files: none if there is nothing to write.
//
// It fails if a directory does not agree with its atlas.sum, or if a file in it
// reaches out of the place that it is run in; see package lint. Review what it
// wrote, and run lint over it. After editing a file, call [Hash].
//
// It needs no tenant in ctx. It must not run at the same time as itself in one
// directory, nor as one of ent's migrations, which write to Config.Tables.
func Named(ctx context.Context, config Config, name string) ([]string, error) {
	if name == "" || strings.ContainsAny(name, `/\`) {
		return nil, fmt.Errorf("diff: %q cannot be the name of a migration: use one like add_orders", name)
	}
	plans, err := config.plans(ctx, name)
	if err != nil {
		return nil, err
	}
	var written []string
	for _, p := range plans {
		path, err := p.write()
		if err != nil {
			return written, err
		}
		written = append(written, path)
	}
	return written, nil
}

// Check fails with [ErrBehind], and the statements that are missing, if [Named]
// would write a file. It is for continuous integration. It writes nothing.
func Check(ctx context.Context, config Config) error {
	plans, err := config.plans(ctx, "check")
	if err != nil || len(plans) == 0 {
		return err
	}
	var missing []string
	for _, p := range plans {
		for _, change := range p.plan.Changes {
			missing = append(missing, p.dir+": "+change.Cmd)
		}
	}
	return fmt.Errorf("%w: make one by diff.Named for\n%s", ErrBehind, strings.Join(missing, "\n"))
}

// Hash writes the atlas.sum of both directories anew, after files were edited.
// A file that was applied somewhere must not be edited: the runner refuses it.
func Hash(dir string) error {
	for _, name := range []string{TenantDir, SharedDir} {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); errors.Is(err, os.ErrNotExist) {
			continue
		}
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
		if shared.tables, err = entschema.CopyTables(c.Tables); err != nil {
			return nil, fmt.Errorf("diff: %w", err)
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

// plans returns what is to be written, for each directory that is behind.
func (c Config) plans(ctx context.Context, name string) ([]planned, error) {
	halves, err := c.halves()
	if err != nil {
		return nil, err
	}
	var all []planned
	for _, h := range halves {
		plan, err := h.plan(ctx, name)
		if err != nil {
			return nil, fmt.Errorf("%w (directory %s)", err, h.name)
		}
		if len(plan.Changes) > 0 {
			all = append(all, planned{h.config.Dir, h.name, plan})
		}
	}
	return all, nil
}

// plan compares the files of a half with its tables.
func (h half) plan(ctx context.Context, name string) (plan *migrate.Plan, err error) {
	dir, err := openDir(filepath.Join(h.config.Dir, h.name))
	if err != nil {
		return nil, err
	}
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
	changes, err := h.changes(place, current, desired)
	if err != nil {
		return nil, err
	}
	plan, err = h.planChanges(ctx, place, name, changes)
	if err != nil {
		return nil, err
	}
	return h.protect(plan, state)
}

// changes is what Atlas finds between two states, with composite keys. Tables
// that ent does not know are left alone, like those of other tools.
func (h half) changes(p *place, current, desired *atlas.Schema) ([]atlas.Change, error) {
	differ := h.keys()(entschema.DiffFunc(func(current, desired *atlas.Schema) ([]atlas.Change, error) {
		return p.atlas.SchemaDiff(current, desired)
	}))
	all, err := differ.Diff(current, desired)
	if err != nil {
		return nil, fmt.Errorf("diff: comparing: %w", err)
	}
	var changes []atlas.Change
	for _, change := range all {
		switch change.(type) {
		case *atlas.AddTable, *atlas.ModifyTable:
			changes = append(changes, change)
		}
	}
	return changes, nil
}
