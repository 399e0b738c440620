package diff

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"time"

	"ariga.io/atlas/sql/migrate"
	atlas "ariga.io/atlas/sql/schema"
	"entgo.io/ent/dialect"

	"github.com/entenancy/tenancy/schema"
)

// Adoption is a project that has data and no tenants yet.
type Adoption struct {
	// Existing is the database as it is, or one with the same tables. It is only
	// read, and of it only the tables of the connection's schema. Required.
	Existing *sql.DB
	// Owner returns the SQL expression for the tenant of a row of a table, such as
	// 'acme' in quotes, or the name of another column. Rows that others refer to
	// get theirs first, so that it can be a sub-select of those. Required.
	Owner func(table string) string
}

// Adopt writes the files that take a database from before there were tenants to
// ent's schema, in steps that each hold a table only for a moment where the
// database can do that. The directories have to be empty. The steps for the
// tables of tenants:
//
//	baseline     the tables as they are in Existing, for places that are made later
//	columns      the tenant column, which may be null
//	backfill     whose the rows are that have no tenant
//	not_null     the tenant column is required
//	loose        no foreign keys to global tables, in a tenant's place
//	keys         composite keys, and what is unique is so for each tenant
//	isolation    row-level security and grants, on PostgreSQL
//
// PostgreSQL has more files, because it can check what exists apart from what is
// new: required, indexes, unique and valid. On MySQL not_null and keys copy tables
// while writes wait, and on SQLite keys makes them anew, not_null included. The
// files are accepted by lint. What else has changed in ent's schema comes last, in
// a file named rest.
//
// Existing has to be told that it has the baseline, by migrate's baseline or
// "atlas migrate apply --baseline", before the others run. Between columns and
// not_null the application that runs has to write the tenant column already.
//
// Existing becomes the home, by the files of SharedDir, or the place of its one
// tenant, by those of TenantDir. In a tenant's place a foreign key to a global
// table is dropped, but not on SQLite, nor on MySQL, unlike MariaDB: drop it by
// hand there.
//
// What holds of ctx and of concurrent use is as with [Named].
func Adopt(ctx context.Context, config Config, adoption Adoption) ([]string, error) {
	if adoption.Existing == nil || adoption.Owner == nil {
		return nil, errors.New("diff: Adoption needs Existing and Owner: the database as it is, and whose its rows are")
	}
	halves, err := config.halves()
	if err != nil {
		return nil, err
	}
	version, err := config.nextVersion()
	if err != nil {
		return nil, err
	}
	var all []planned // before anything is written: a directory that has files is refused
	for _, h := range halves {
		if len(h.tables) == 0 {
			continue
		}
		plans, err := h.adopt(ctx, adoption, version)
		if err != nil {
			return nil, err
		}
		all = append(all, planned{h, plans})
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

// adopt plans the files of one directory.
func (h half) adopt(ctx context.Context, adoption Adoption, version time.Time) ([]*migrate.Plan, error) {
	dir, err := openDir(filepath.Join(h.config.Dir, h.name))
	if err != nil {
		return nil, err
	}
	if files, err := dir.Files(); err != nil || len(files) > 0 {
		return nil, errors.Join(fmt.Errorf("diff: the directory %s has files: adopt into an empty one", h.name), err)
	}
	existing, loose, err := h.existing(ctx, adoption.Existing)
	if err != nil {
		return nil, err
	}
	plans, err := h.adoption(ctx, adoption, existing, loose)
	if err != nil {
		return nil, err
	}
	plans = filled(plans...)
	written := &migrate.MemDir{}
	if err := writePlans(written, plans, version); err != nil {
		return nil, err
	}
	rest, err := h.plan(ctx, written, "rest") // what has nothing to do with tenants
	return append(plans, rest...), err
}

// existing returns the tables of the half as they are, and the foreign keys from
// them to tables of the other half, which are left out.
func (h half) existing(ctx context.Context, db *sql.DB) (*atlas.Schema, []*atlas.ForeignKey, error) {
	session, err := db.Conn(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("diff: the existing database cannot be reached: %w", err)
	}
	defer func() { _ = session.Close() }()
	driver, err := openAtlas(h.config.Dialect, session)
	if err != nil {
		return nil, nil, fmt.Errorf("diff: the existing database: %w", err)
	}
	found, err := driver.InspectSchema(ctx, "", nil)
	if err != nil {
		return nil, nil, fmt.Errorf("diff: inspecting the existing database: %w", err)
	}
	mine := make(map[string]bool, len(h.tables))
	for _, t := range h.tables {
		mine[t.Name] = true
	}
	var loose []*atlas.ForeignKey
	found.Tables = slices.DeleteFunc(found.Tables, func(t *atlas.Table) bool { return !mine[t.Name] })
	for _, t := range found.Tables {
		t.ForeignKeys = slices.DeleteFunc(t.ForeignKeys, func(key *atlas.ForeignKey) bool {
			if !mine[key.RefTable.Name] {
				loose = append(loose, key)
				return true
			}
			return false
		})
	}
	if len(found.Tables) == 0 {
		return nil, nil, fmt.Errorf("diff: the existing database has no table of the directory %s: connect to the schema that has them", h.name)
	}
	return found, loose, nil
}

// adoption returns the plans of the steps.
func (h half) adoption(ctx context.Context, a Adoption, existing *atlas.Schema, loose []*atlas.ForeignKey) (plans []*migrate.Plan, err error) {
	place, err := openPlace(ctx, h.config.Dev, h.config.Dialect)
	defer func() { err = errors.Join(err, place.close(ctx)) }()
	if err != nil {
		return nil, err
	}
	empty, err := place.inspect(ctx)
	if err != nil {
		return nil, err
	}
	existing.Name, existing.Attrs = empty.Name, empty.Attrs
	all, err := place.atlas.SchemaDiff(empty, existing)
	if err != nil {
		return nil, fmt.Errorf("diff: planning the baseline: %w", err)
	}
	s := &steps{half: h, place: place, gains: make(map[string]bool)}
	s.add(ctx, "baseline", all)
	if s.err == nil && len(h.tenancy.Tables) == 0 {
		s.loosen(ctx, loose)
	}
	if s.err != nil || len(h.tenancy.Tables) == 0 {
		return s.plans, s.err
	}
	if err := place.exec(ctx, commands(s.plans[0])...); err != nil {
		return nil, err
	}
	current, err := place.inspect(ctx)
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
	s.take(ctx, changes, loose)
	return s.plans, s.fill(a.Owner)
}

func commands(plan *migrate.Plan) []string {
	var all []string
	for _, change := range plan.Changes {
		all = append(all, change.Cmd)
	}
	return all
}

// parentsFirst orders tables so that rows that others refer to come first.
func parentsFirst(m schema.Metadata) []schema.Table {
	described := make(map[string]schema.Table, len(m.Tables))
	for _, t := range m.Tables {
		described[t.Name] = t
	}
	var ordered []schema.Table
	seen := make(map[string]bool)
	var visit func(schema.Table)
	visit = func(t schema.Table) {
		if seen[t.Name] {
			return
		}
		seen[t.Name] = true
		for _, key := range t.ForeignKeys {
			if parent, ok := described[key.RefTable]; ok {
				visit(parent)
			}
		}
		ordered = append(ordered, t)
	}
	for _, t := range m.Tables {
		visit(t)
	}
	return ordered
}

// quote is a name as SQL.
func (h half) quote(name string) string {
	if h.config.Dialect == dialect.MySQL {
		return "`" + name + "`"
	}
	return quoted(name)
}
