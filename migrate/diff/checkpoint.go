package diff

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ariga.io/atlas/sql/migrate"
	"entgo.io/ent/dialect"
)

// ErrIncomplete means that files by hand have made more than is in the checkpoint that
// [Checkpoint] has written. Copy it into the file, and call [Hash].
var ErrIncomplete = errors.New("diff: the checkpoint lacks what files by hand have made")

// Checkpoint writes a file into each directory that makes all that the files in it make, so
// that new places begin with it, and returns the paths. Places that are there never get it.
// It is of ent's schema, with composite keys, row-level security and grants, which the files
// have to lead to: it fails with [ErrBehind] otherwise.
//
// What files by hand have made beside it, such as a view, a function, a policy, a grant or
// rows, is not in it, nor what they have revoked. Then the error is [ErrIncomplete] and names that, and the files are written.
//
// What holds of the name, of ctx and of concurrent use is as with [Named].
func Checkpoint(ctx context.Context, config Config, name string) ([]string, error) {
	if !isName(name) {
		return nil, fmt.Errorf("diff: %q cannot be the name of a checkpoint: use letters, digits and underscores, as in release_3", name)
	}
	if err := Check(ctx, config); err != nil {
		return nil, err
	}
	halves, err := config.halves()
	if err != nil {
		return nil, err
	}
	version, err := config.nextVersion()
	if err != nil {
		return nil, err
	}
	var written, lacks []string
	for _, h := range halves {
		path, lost, err := h.checkpoint(ctx, name, version)
		if err != nil {
			return written, fmt.Errorf("%w (directory %s)", err, h.name)
		}
		if path != "" {
			written = append(written, path)
		}
		for _, one := range lost {
			lacks = append(lacks, h.name+": "+one)
		}
	}
	if len(lacks) > 0 {
		return written, fmt.Errorf("%w: copy it into them, and run tenancy migrate hash or call diff.Hash:\n%s", ErrIncomplete, strings.Join(lacks, "\n"))
	}
	return written, nil
}

// checkpoint writes the file of one directory, if it has files, and returns what it lacks.
func (h half) checkpoint(ctx context.Context, name string, version time.Time) (path string, lost []string, err error) {
	path = filepath.Join(h.config.Dir, h.name)
	dir, err := openDir(path)
	if err != nil {
		return "", nil, err
	}
	files, err := dir.Files()
	if err != nil || len(files) == 0 {
		return "", nil, err
	}
	plans, err := h.plan(ctx, &migrate.MemDir{}, name)
	if err != nil {
		return "", nil, err
	}
	whole := &migrate.Plan{Name: name, Version: version.Format(versionFormat)}
	for _, p := range plans { // of which none has rows to hold
		whole.Changes = append(whole.Changes, p.Changes...)
	}
	alone := &migrate.MemDir{}
	if err := migrate.NewPlanner(nil, alone, migrate.PlanFormat(migrate.DefaultFormatter)).WriteCheckpoint(whole, ""); err != nil {
		return "", nil, fmt.Errorf("diff: %w", err)
	}
	if lost, err = h.lost(ctx, dir, alone); err != nil {
		return "", nil, err
	}
	err = migrate.NewPlanner(nil, dir, migrate.PlanFormat(migrate.DefaultFormatter)).WriteCheckpoint(whole, "")
	return filepath.Join(path, whole.Version+"_"+name+".sql"), lost, err
}

// lost returns what the files of a directory make, and those of another do not.
func (h half) lost(ctx context.Context, all, checkpoint migrate.Dir) ([]string, error) {
	before, err := h.contents(ctx, all)
	if err != nil {
		return nil, err
	}
	after, err := h.contents(ctx, checkpoint)
	return slices.DeleteFunc(before, func(one string) bool { return slices.Contains(after, one) }), err
}

// contents names what the files of a directory make of a place: objects, tables that have
// rows, and who may do what.
func (h half) contents(ctx context.Context, dir migrate.Dir) (all []string, err error) {
	p, err := openPlace(ctx, h.config.Dev, h.config.Dialect)
	defer func() { err = errors.Join(err, p.close(ctx)) }()
	if err != nil {
		return nil, err
	}
	note := func(_ context.Context, statement string) error {
		all = append(all, strings.TrimSuffix(strings.Join(strings.Fields(statement), " "), ";"))
		return nil
	}
	if err := p.replay(ctx, dir, note); err != nil {
		return nil, err
	}
	objects, err := p.texts(ctx, contentsOf(h.config.Dialect))
	if err != nil {
		return nil, err
	}
	all = append(all, objects...)
	for _, one := range objects {
		table, ok := strings.CutPrefix(one, "table ")
		if !ok {
			continue
		}
		found, err := p.texts(ctx, "SELECT 'x' FROM "+h.quote(table)+" LIMIT 1")
		if err != nil {
			return nil, err
		}
		if len(found) > 0 {
			all = append(all, "rows of "+table)
		}
	}
	return all, nil
}

// contentsOf is the query of what is in a place. Columns, keys and indexes are compared with
// ent's schema before.
func contentsOf(d string) string {
	switch d {
	case dialect.Postgres:
		return `SELECT CASE relkind WHEN 'r' THEN 'table ' WHEN 'p' THEN 'table ' WHEN 'S' THEN 'sequence ' ELSE 'view ' END || relname
FROM pg_class WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p', 'S', 'v', 'm')
UNION SELECT 'function ' || proname FROM pg_proc WHERE pronamespace = current_schema()::regnamespace
UNION SELECT 'type ' || typname FROM pg_type WHERE typnamespace = current_schema()::regnamespace AND typtype IN ('e', 'd')
UNION SELECT 'policy ' || polname || ' of ' || relname FROM pg_policy JOIN pg_class c ON c.oid = polrelid WHERE relnamespace = current_schema()::regnamespace
UNION SELECT 'trigger ' || tgname || ' of ' || relname FROM pg_trigger JOIN pg_class c ON c.oid = tgrelid WHERE relnamespace = current_schema()::regnamespace AND NOT tgisinternal
ORDER BY 1`
	case dialect.MySQL:
		return `SELECT CONCAT(IF(table_type = 'VIEW', 'view ', 'table '), table_name) AS what FROM information_schema.tables WHERE table_schema = DATABASE()
UNION SELECT CONCAT('trigger ', trigger_name, ' of ', event_object_table) FROM information_schema.triggers WHERE trigger_schema = DATABASE()
UNION SELECT CONCAT(LOWER(routine_type), ' ', routine_name) FROM information_schema.routines WHERE routine_schema = DATABASE()
ORDER BY what`
	default:
		return "SELECT type || ' ' || name FROM sqlite_master WHERE type <> 'index' AND name NOT LIKE 'sqlite\\_%' ESCAPE '\\' ORDER BY 1"
	}
}

// texts returns the first column of a query's rows.
func (p *place) texts(ctx context.Context, query string) (all []string, err error) {
	rows, err := p.session.QueryContext(ctx, query)
	if err != nil {
		return nil, fmt.Errorf("diff: dev database: %w", err)
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	for rows.Next() {
		var text string
		if err := rows.Scan(&text); err != nil {
			return nil, err
		}
		all = append(all, text)
	}
	return all, rows.Err()
}
